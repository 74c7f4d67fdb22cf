"""Read recordings of EEG with mne, in blocks, so that memory does not grow with their length.

Whatever `mne.io.read_raw` reads: EDF, BDF, BrainVision, EEGLAB, FIF, GDF, CNT. Samples are float64
in microvolts. What a reader does not tell is looked up: the size that the header of an EDF or BDF
file promises, and whether the unit in the header can be right.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError, printable
from emocli.signals import edf_header
from emocli.signals.eeg_units import UV_PER_V, require_plausible, scale

Array = npt.NDArray[np.float64]

BLOCK_S = 16.0  # read at a time: 62 channels at 1000 Hz are 8 MiB
LASTING_S = 0.5  # an annotation that lasts, and is no moment; our choice
FORMATS = "EDF, BDF, BrainVision (.vhdr), EEGLAB (.set), FIF, GDF or CNT"


@dataclass(frozen=True)
class Mark:
    """An event or annotation: seconds from the start, seconds (0 for a moment), its text."""

    start: float
    duration: float
    text: str


@dataclass(frozen=True)
class Recording:
    """An open recording: its EEG channels, and what is to be told about the file."""

    names: tuple[str, ...]  # as the file has them
    rate_hz: float
    samples: int
    marks: tuple[Mark, ...]
    others: tuple[str, ...]  # channels that are no EEG, such as triggers, as "name (type)"
    warnings: tuple[str, ...]
    raw: Any = field(repr=False)
    scales: Array = field(repr=False)  # (channels,) uV per V as mne reads them
    places: tuple[int, ...] = ()  # of the channels in `raw`
    bad: tuple[str, ...] = ()  # channels that the file marks bad
    bad_spans: tuple[tuple[float, float], ...] = ()  # seconds from, to

    @property
    def duration(self) -> float:
        """The seconds of the recording."""
        return self.samples / self.rate_hz

    def chosen(self, places: tuple[int, ...], names: tuple[str, ...]) -> Recording:
        """Return the recording with some of its channels, under these names."""
        raw_places = tuple(self.places[place] for place in places)
        return replace(self, names=names, places=raw_places, scales=self.scales[list(places)])

    def read(self, start: int, end: int) -> Array:
        """Return samples from `start` to `end`: (channels, time), uV."""
        samples = self.raw.get_data(picks=list(self.places), start=start, stop=end)
        return np.asarray(samples, np.float64) * self.scales[:, None]

    def blocks(self, start: float = 0.0, end: float | None = None) -> Iterator[Array]:
        """Yield the samples of a span in seconds, in order, (channels, time), uV."""
        first = max(0, round(start * self.rate_hz))
        last = self.samples if end is None else min(self.samples, round(end * self.rate_hz))
        yield from self.between(first, last)

    def between(self, first: int, last: int) -> Iterator[Array]:
        """Yield the samples from `first` to `last`, in order, (channels, time), uV."""
        size = max(1, round(BLOCK_S * self.rate_hz))
        for place in range(first, last, size):
            yield self.read(place, min(last, place + size))


def read(path: str | Path, unit: str | None = None) -> Recording:
    """Return a recording, not yet its samples.

    `unit` (V, mV or uV) is that of the numbers in the file, whatever its header says. Raises
    RecordError where the file cannot be read, has no EEG, or its unit is not plausible.
    """
    raw, said = _opened(Path(path))
    found = raw.get_channel_types() if raw.ch_names else []
    kinds = dict(zip(raw.ch_names, found, strict=True))
    names = tuple(name for name, kind in kinds.items() if kind == "eeg")
    if not names:
        there = f"it has {', '.join(_others(kinds))}" if kinds else "it has none at all"
        raise RecordError("no_channels", f"no EEG channels: {there}"[:300])
    if raw.n_times == 0:
        raise RecordError("no_samples", "the file has a header but no samples")
    recording = Recording(
        names=names,
        rate_hz=float(raw.info["sfreq"]),
        samples=int(raw.n_times),
        marks=_marks(raw),
        others=tuple(_others(kinds)),
        warnings=tuple(said),
        raw=raw,
        scales=UV_PER_V * scale([str(raw._orig_units.get(name, "")) for name in names], unit),
        places=tuple(raw.ch_names.index(name) for name in names),
    )
    require_plausible(recording.read, recording.samples, recording.rate_hz, given=unit)
    return recording


def events(recording: Recording) -> tuple[Mark, ...]:
    """Return what happens at a moment: annotations, or the triggers of a stimulus channel.

    A trigger's text is its number. An annotation of less than LASTING_S is a moment.
    """
    moments = tuple(m for m in recording.marks if m.duration < LASTING_S and not _is_start(m))
    raw = recording.raw
    if moments or "stim" not in raw.get_channel_types(unique=True):
        return moments
    import mne

    found = mne.find_events(raw, shortest_event=1, consecutive=True, verbose="ERROR")
    times = (found[:, 0] - raw.first_samp) / recording.rate_hz
    return tuple(
        Mark(float(at), 0.0, str(code)) for at, code in zip(times, found[:, 2], strict=True)
    )


def _is_start(mark: Mark) -> bool:
    """Say whether an annotation is only that of the beginning of a BrainVision file."""
    return mark.text.startswith("New Segment/")


def marks(path: str | Path) -> tuple[Mark, ...]:
    """Return the events or annotations of a recording; RecordError where it cannot be read."""
    return _marks(_opened(Path(path))[0])


def rises(path: str | Path, channel: str, bit: int) -> list[float]:
    """Return when a bit of a channel of triggers is set, in seconds from the start."""
    raw, _ = _opened(Path(path))
    if channel not in raw.ch_names:
        raise RecordError("no_channels", f"no channel {channel} with triggers")
    level = raw.get_data(picks=[channel])[0].astype(np.int64) & bit
    places = np.flatnonzero((level[1:] != 0) & (level[:-1] == 0)) + 1
    return [float(place) / float(raw.info["sfreq"]) for place in places]


def _opened(path: Path) -> tuple[Any, list[str]]:
    """Return mne's reader and what there is to say about the file."""
    said = edf_header.faults(path)
    import mne

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            raw = mne.io.read_raw(path, preload=False, verbose="WARNING")
        except MemoryError:
            raise
        except Exception as error:  # every reader of mne raises what its libraries raise
            raise RecordError(
                "decode_failed", f"mne cannot read it: {_first_line(error)}", hint=_hint(path)
            ) from None
    return raw, said + [_first_line(w.message) for w in caught if _matters(w)]


def _matters(warning: warnings.WarningMessage) -> bool:
    """Say whether a warning is about the file, and not about code or names seen elsewhere."""
    text = str(warning.message)
    about_code = issubclass(warning.category, DeprecationWarning | FutureWarning)
    return not about_code and "not unique" not in text  # doubled names: eeg_montage


def _first_line(problem: object) -> str:
    text = str(problem).strip() or type(problem).__name__
    return printable(text.splitlines()[0])[:200]


def _hint(path: Path) -> str:
    return "" if path.suffix.lower() in (".edf", ".bdf") else f"emocli reads {FORMATS}"


def _others(kinds: dict[str, str]) -> list[str]:
    return [f"{printable(name)} ({kind})" for name, kind in kinds.items() if kind != "eeg"]


def _marks(raw: Any) -> tuple[Mark, ...]:
    """Return the annotations, in seconds from the first sample."""
    notes = raw.annotations
    rows = zip(notes.onset, notes.duration, notes.description, strict=True)
    return tuple(
        Mark(float(at) - raw.first_time, float(long), str(text)) for at, long, text in rows
    )
