"""Names of electrodes: files write them in many ways, the 10-20 and 10-05 systems in one.

"EEG FP1-REF", "Fp1.", "fp1" and "FP1" are Fp1; T3, T4, T5 and T6 are old names of T7, T8, P7 and
P8. Positions are those of mne's standard_1005. CB1 and CB2, below O1 and O2 on the cap of SEED, are
known but stand in no standard.

Oostenveld, R., Praamstra, P. (2001). The five percent electrode system for high-resolution EEG and
ERP measurements. https://doi.org/10.1016/S1388-2457(00)00527-7
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emocli.errors import RecordError, printable

OLD_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
WITHOUT_POSITION = ("CB1", "CB2")
# What is no name: "EEG " before it, a reference or dots behind it, mne's number of a doubled one.
BEFORE = re.compile(r"^EEG[\s_:-]*", re.IGNORECASE)
REFERENCE = r"[\s_-]+(REF|LE|RE|AR|AVG|AVE|CAR|COM|GND|A1|A2|A1A2|M1|M2|M1M2)"
BEHIND = re.compile(rf"({REFERENCE})?[\s._]*$", re.IGNORECASE)
COUNTER = re.compile(r"-\d+$")
# A1 and A2 are ears, C3 is an electrode; but BioSemi's caps have places A1 to A32, B1 to B32, ...
LETTER = re.compile(r"[A-H]\d{1,2}")
LETTERED = re.compile(r"A(3[0-2]|[12]\d|[3-9])")
STANDARDS = ("colin27_1005", "standard_1005")  # the second is its name before mne 1.13
NUMBERED = re.compile(r"([A-Za-z]+)(\d+)(h?)")  # FCC5h lies between FCC5 and FCC3
SHOWN = 8  # names in a message


@dataclass(frozen=True)
class Montage:
    """Where the electrodes are among the channels of a file, and what is no electrode."""

    places: dict[str, int]  # electrode -> channel, in the order of the channels
    doubled: dict[str, tuple[str, ...]]  # electrode -> the channels that claim it
    others: dict[str, int]  # what is no electrode -> channel

    @property
    def unknown(self) -> tuple[str, ...]:
        """The channels that are no electrodes."""
        return tuple(self.others)

    def chosen(self, wanted: Sequence[str] = ()) -> dict[str, int]:
        """Return the channels of the wanted electrodes, or of all; RecordError where one is not.

        Names may be written in any way that `electrode` knows, or are those of channels; -Fp1 is
        all but Fp1. Where most channels have other names (A1 to D32 on BioSemi's caps), all means
        all channels.
        """
        without = [electrode(name[1:]) or name[1:] for name in wanted if name.startswith("-")]
        names = [electrode(name) or name for name in wanted if not name.startswith("-")]
        names = names or [name for name in self._all() if name not in without]
        if twice := [name for name in names if name in self.doubled]:
            channels = ", ".join(printable(c) for c in self.doubled[twice[0]])
            message = f"the electrode {twice[0]} is there {len(self.doubled[twice[0]])} times"
            hint = "--channels names those to use"
            raise RecordError("doubled_electrode", f"{message}: {channels}", hint=hint)
        there = {**self.others, **self.places}
        if missing := [name for name in names if name not in there]:
            has = shown([*self.places, *self.unknown]) or "none"
            hint = f"the recording has {has}"
            raise RecordError("missing_electrode", f"no electrode {shown(missing)}", hint=hint)
        if not names:
            raise RecordError("no_electrodes", "the recording has no channels")
        return {name: there[name] for name in names}

    def _all(self) -> list[str]:
        known = [*self.places, *self.doubled]
        return known if len(known) >= len(self.others) else [*known, *self.others]


def montage(channels: Iterable[str]) -> Montage:
    """Return the electrodes among the names of channels."""
    claims: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    others = {}
    names = list(channels)
    lettered = any(LETTERED.fullmatch(name.strip()) for name in names)
    for place, channel in enumerate(names):
        name = electrode(channel)
        if name and not (lettered and LETTER.fullmatch(channel.strip())):
            claims[name].append((place, channel))
        else:
            others[channel] = place
    single = {name: found[0][0] for name, found in claims.items() if len(found) == 1}
    doubled = {n: tuple(c for _, c in found) for n, found in claims.items() if len(found) > 1}
    return Montage(single, doubled, others)


def electrode(channel: str) -> str | None:
    """Return the electrode that a channel is named after; None if there is no such electrode.

    >>> electrode("EEG FP1-REF"), electrode("t3"), electrode("Fc5."), electrode("ECG")
    ('Fp1', 'T7', 'FC5', None)
    """
    bare = BEHIND.sub("", BEFORE.sub("", COUNTER.sub("", channel.strip())))
    name = _known().get(bare.upper())
    return OLD_NAMES.get(name, name) if name else None


@functools.cache
def _known() -> dict[str, str]:
    """Return the names in capitals -> as they are written."""
    return {name.upper(): name for name in [*positions(), *OLD_NAMES, *WITHOUT_POSITION]}


@functools.cache
def positions() -> dict[str, tuple[float, float, float]]:
    """Return the positions of the electrodes on the head in m: right, front, up."""
    import mne

    there = mne.channels.get_builtin_montages()
    standard = next(name for name in STANDARDS if name in there)
    places = mne.channels.make_standard_montage(standard).get_positions()["ch_pos"]
    found = {name: tuple(map(float, place)) for name, place in places.items()}
    return {name: place for name, place in found.items() if name not in OLD_NAMES}  # type: ignore[misc]


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the electrodes that mirror each other, left and right, as far as both are there.

    >>> pairs(["F3", "Fz", "F4", "C3", "PO10", "PO9"])
    [('F3', 'F4'), ('PO9', 'PO10')]
    """
    found = []
    for name in names:
        parts = NUMBERED.fullmatch(name)
        if parts and int(parts[2]) % 2:
            mirrored = f"{parts[1]}{int(parts[2]) + 1}{parts[3]}"
            if mirrored in names:
                found.append((name, mirrored))
    return found


def shown(names: Sequence[str]) -> str:
    """Return names for a message, the first few."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(printable(name) for name in names[:SHOWN]) + more
