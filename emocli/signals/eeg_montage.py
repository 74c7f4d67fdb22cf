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
LETTER = re.compile(r"[A-Z]\d{1,2}")
LETTERED = re.compile(r"A(3[0-2]|[12]\d|[3-9])")
CAP = "BioSemi"  # before the names of its places
# Channels that are recorded beside EEG, by their names: the type of mne.
OTHERS = {
    "eog": re.compile(r"EOG|^VEO|^HEO", re.IGNORECASE),
    "emg": re.compile(r"EMG", re.IGNORECASE),
    "ecg": re.compile(r"ECG|EKG", re.IGNORECASE),
    "misc": re.compile(
        r"GSR|EDA|RESP|PLET|PPG|TEMP|ACC|STATUS|TRIG|STIM|MARKER|EVENT|EXG|ERG|SPO2|CO2|PULSE",
        re.IGNORECASE,
    ),
}
STANDARDS = ("colin27_1005", "standard_1005")  # the second is its name before mne 1.13
NUMBERED = re.compile(r"([A-Za-z]+)(\d+)(h?)")  # FCC5h lies between FCC5 and FCC3
SHOWN = 8  # names in a message


@dataclass(frozen=True)
class Montage:
    """Where the electrodes are among the channels of a file, and what is no electrode."""

    channels: tuple[str, ...]  # as the file names them
    claims: dict[str, tuple[int, ...]]  # electrode -> the channels that are named after it
    others: dict[str, int]  # what is no electrode, by the name that it gets -> channel

    @property
    def all_are_taken(self) -> bool:
        """Whether most channels that may be EEG have names that are no electrode's."""
        return len(self._unnamed()) > sum(map(len, self.claims.values()))

    def chosen(self, wanted: Sequence[str] = ()) -> dict[str, int]:
        """Return the channels of the wanted electrodes, or of all; RecordError where one is not.

        A name is that of a channel, or an electrode's written in any way that `electrode` knows;
        -Fp1 is all but Fp1. Where most channels have other names (A1 to D32 on BioSemi's caps), all
        means all that may be EEG.
        """
        self._require([name.removeprefix("-") for name in wanted])
        left_out = {
            place for name in wanted if name.startswith("-") for place in self._of(name[1:])
        }
        named = [name for name in wanted if not name.startswith("-")]
        picked: list[int | None] = [self._one(name, left_out) for name in named]
        if not named:
            picked = [self._single(name, left_out) for name in self.claims]
            picked += self._unnamed() if self.all_are_taken else []
        names = {place: name for name, place in self.others.items()}
        names |= {place: name for name, places in self.claims.items() for place in places}
        kept = [place for place in picked if place is not None and place not in left_out]
        if not kept:
            raise RecordError("no_electrodes", "the recording has no channels")
        return {names[place]: place for place in kept}

    def _unnamed(self) -> list[int]:
        """Return the channels that may be EEG by their names, and are no electrodes."""
        return [n for n in self.others.values() if not other_kind(self.channels[n])]

    def _require(self, names: Sequence[str]) -> None:
        """Raise RecordError where a name is that of no channel."""
        if missing := [electrode(name) or name for name in names if not self._of(name)]:
            hint = f"the recording has {shown([*self.claims, *self.others]) or 'none'}"
            raise RecordError("missing_electrode", f"no electrode {shown(missing)}", hint=hint)

    def _of(self, name: str) -> tuple[int, ...]:
        """Return the channels of a name."""
        exact = tuple(n for n, channel in enumerate(self.channels) if channel.strip() == name)
        found = exact or self.claims.get(electrode(name) or name, ())
        return found or tuple(n for other, n in self.others.items() if other == name)

    def _one(self, name: str, left_out: set[int]) -> int:
        found = [place for place in self._of(name) if place not in left_out]
        if len(found) > 1:
            raise _doubled(electrode(name) or name, [self.channels[n] for n in found])
        return found[0] if found else self._of(name)[0]

    def _single(self, name: str, left_out: set[int]) -> int | None:
        """Return the channel of an electrode, None if all of it is left out."""
        found = [place for place in self.claims[name] if place not in left_out]
        if len(found) > 1:
            raise _doubled(name, [self.channels[n] for n in found])
        return found[0] if found else None


def _doubled(name: str, channels: Sequence[str]) -> RecordError:
    listed = ", ".join(printable(channel) for channel in channels)
    message = f"the electrode {name} is there {len(channels)} times: {listed}"
    return RecordError("doubled_electrode", message, hint=f"--channels=-{channels[-1]} leaves one")


def montage(channels: Iterable[str]) -> Montage:
    """Return the electrodes among the names of channels."""
    claims: defaultdict[str, list[int]] = defaultdict(list)
    others: dict[str, int] = {}
    names = list(channels)
    lettered = any(LETTERED.fullmatch(name.strip()) for name in names)
    for place, channel in enumerate(names):
        name = electrode(channel)
        if lettered and LETTER.fullmatch(channel.strip()):
            others[f"{CAP} {channel.strip()}"] = place  # C3 would be taken for an electrode
        elif name:
            claims[name].append(place)
        else:
            others[channel] = place
    return Montage(tuple(names), {name: tuple(found) for name, found in claims.items()}, others)


def other_kind(channel: str) -> str:
    """Return mne's type of a channel that is no EEG by its name, "" of others.

    >>> other_kind("hEOG"), other_kind("Temp rectal"), other_kind("E12")
    ('eog', 'misc', '')
    """
    return next((kind for kind, words in OTHERS.items() if words.search(channel)), "")


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
        if parts and int(parts[2]) % 2 and electrode(name) == name:
            mirrored = f"{parts[1]}{int(parts[2]) + 1}{parts[3]}"
            if mirrored in names:
                found.append((name, mirrored))
    return found


def shown(names: Sequence[str]) -> str:
    """Return names for a message, the first few."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(printable(name) for name in names[:SHOWN]) + more
