"""MAHNOB-HCI: 27 subjects watch 20 film clips and say what they felt; EEG, emotions and ratings.

Soleymani, Lichtenauer, Pun and Pantic, "A Multimodal Database for Affect Recognition and Implicit
Tagging", IEEE Transactions on Affective Computing 3(1), 2012,
https://doi.org/10.1109/T-AFFC.2011.25
Files: https://mahnob-db.eu/hci-tagging/, on request, for academic research; not to be handed on.

Expects `Sessions` (or a folder with it), in each folder of it `session.xml` and a recording, such
as `10/Part_1_S_Trial5_emotion.bdf`. A record per session in which a subject said what it felt:
`start` and `end` are the triggers of the clip (16 in the channel Status), with some 30 s before and
after it. `eeg.channels` are the 32 channels of EEG; the file has others beside.

`label.original` is the felt emotion: neutral, anger, disgust, fear, joy, sadness, surprise, scream,
bored, sleepy, unknown, amusement or anxiety. `label.valence`, `label.arousal` and `label.dominance`
(felt control) are the published ratings, from 1 to 9; `predictability`, on the same scale, is a
field of the record.

Cautions: all subjects saw the same clips, and what the others felt at a clip tells more of a label
than published EEG models do: hold out stimuli as well as subjects. Sessions without a felt emotion,
such as those of the tagging experiments, and those whose triggers are not two, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from xml.etree import ElementTree

from emocli import datasets
from emocli.datasets import _eeg
from emocli.errors import MalformedError
from emocli.records import Record, labels
from emocli.signals import eeg_files

EXPECTED = "MAHNOB-HCI's Sessions, with session.xml and a .bdf in each folder"
NAME = re.compile(r"Part_\d+_[A-Z]_Trial\d+_emotion\.bdf", re.IGNORECASE)
SHEET = "session.xml"
TRIGGERS, BIT = "Status", 16
LOW, HIGH = 1, 9  # of every rating
EMOTIONS = """neutral anger disgust fear joy sadness surprise scream bored sleepy unknown amusement
    anxiety"""
FELT = dict(enumerate(EMOTIONS.split()))  # by their number in session.xml
RATINGS = {"valence": "feltVlnc", "arousal": "feltArsl", "dominance": "feltCtrl"}
_ROWS = """Fp1 AF3 F3 F7 FC5 FC1 C3 T7 CP5 CP1 P3 P7 PO3 O1 Oz Pz Fp2 AF4 Fz F4 F8 FC6 FC2 Cz C4 T8
    CP6 CP2 P4 P8 PO4 O2"""
CHANNELS = _ROWS.split()


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per session; one whose session.xml is broken raises MalformedError."""
    found = _eeg.found(path, NAME, EXPECTED)
    files, told = datasets.takes(found, key=lambda file: f"{file.parent.name}/{file.name}")
    unfelt, untimed = [], []
    for file in sorted(files, key=lambda file: _eeg.numbers(file.parent.name)):
        sheet = _sheet(file)
        if "feltEmo" not in sheet.attrib:
            unfelt.append(file)
            continue
        with _eeg.reading(file):
            times = eeg_files.rises(file, TRIGGERS, BIT)
        if len(times) == 2:
            yield _record(file, sheet, times)
        else:
            untimed.append(file)
    told += datasets.left_out(unfelt, "since no emotion was asked for")
    return told + datasets.left_out(untimed, "since their triggers are not two")


def _sheet(file: Path) -> ElementTree.Element:
    sheet = file.with_name(SHEET)
    try:
        return ElementTree.parse(sheet).getroot()
    except OSError as error:
        raise MalformedError(f"{sheet}: {error.strerror}", hint=f"expected {EXPECTED}") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise MalformedError(f"{sheet}: not XML: {error}") from None


def _record(file: Path, sheet: ElementTree.Element, times: list[float]) -> Record:
    where = str(file.with_name(SHEET))
    given, person = sheet.attrib, sheet.find("subject")
    subject = "" if person is None else person.get("id", "")
    media, session = given.get("mediaFile", ""), given.get("sessionId", "")
    if not (subject.isdecimal() and media and session):
        raise MalformedError(f"{where}: no sessionId, mediaFile or id of a subject")
    word = FELT.get(int(given["feltEmo"]) if given["feltEmo"].isdecimal() else -1)
    if word is None:
        raise MalformedError(f"{where}: unknown feltEmo '{given['feltEmo']}'")
    label = {"emotion": labels.canonical(word), "original": word}
    for name, field in RATINGS.items():
        label[name] = _eeg.rating(given.get(field), LOW, HIGH, f"{where}: {field}")  # type: ignore[assignment]
    return _eeg.trial(
        file,
        "mahnob",
        f"{int(subject):02d}",
        (session,),
        stimulus=media.strip(),
        session=session,
        start=round(times[0], 3),
        end=round(times[1], 3),
        label=label,
        predictability=_eeg.rating(given.get("feltPred"), LOW, HIGH, f"{where}: feltPred"),
        eeg={"channels": CHANNELS},
    )
