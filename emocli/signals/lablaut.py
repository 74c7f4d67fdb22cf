"""Read the phone labels of EMO-DB, `*.lablaut`: marks of ESPS xlabel, in close German SAMPA.

F. Burkhardt et al., "A Database of German Emotional Speech", Interspeech 2005. A line is the time
of a mark, a colour, a label and, between tabs, remarks on the sound. A sound
begins at its mark and ends at the next one. Of a stop, closure ("t", "_t" after a pause), release
("!t") and aspiration ("tasp") have marks of their own: here they are one sound. A mark without a
label, or with only a change of voice ("-sth"), continues the sound before; "(" begins a pause
and "." ends the last sound.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from emocli.errors import RecordError
from emocli.signals import phones

MARK = re.compile(r"\s*(\d+(?:\.\d*)?)\s+-?\d+ ?(.*)")
LABEL = re.compile(r"([!_]?)([^+\-\t\s!_^]*)")
ASPIRATION = re.compile(r"([pbtdkg])(?:asp|sap)")
STOPS = frozenset("pbtdkg")
ENDS = (".", "(")


class Label(NamedTuple):
    """One sound: IPA, seconds, and the label as it stands."""

    ipa: str
    start: float
    end: float
    original: str


def parse(text: str) -> list[Label]:
    """Return the sounds of a lablaut file; RecordError bad_lablaut if it is not one."""
    head, rule, body = text.partition("\n#")
    marks = [match for line in body.splitlines() if (match := MARK.fullmatch(line))]
    if not rule or not head.lstrip().startswith("signal"):
        hint = "expected an xlabel file: a head that begins with signal, #, and marks"
        raise RecordError("bad_lablaut", f"not a lablaut file: {head!r:.60}", hint=hint)
    if not marks:
        raise RecordError("bad_lablaut", "the lablaut file has no marks")
    labels: list[Label] = []
    sounding = False
    for match in marks:
        time, (release, name) = float(match[1]), _name(match[2])
        if not name and sounding and labels:
            continue
        if sounding and labels and _continues(labels[-1].original, release, name):
            continue
        if sounding and labels:
            labels[-1] = labels[-1]._replace(end=time)
        sounding = bool(name) and not name.startswith(ENDS)
        if sounding:
            labels.append(Label(phones.of_lablaut(name), time, time, name))
    return [label for label in labels if label.end > label.start]


def _name(label: str) -> tuple[bool, str]:
    """Return whether a mark continues a stop, and the label without remarks."""
    match = LABEL.match(label.strip(" "))
    before, name = (match[1], match[2]) if match else ("", "")
    if aspiration := ASPIRATION.match(name):
        return True, aspiration[1]
    return before == "!", name


def _continues(sound: str, release: bool, name: str) -> bool:
    """Say whether a mark is the release or the aspiration of the stop that is sounding."""
    return release and name == sound and name in STOPS
