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
from emocli.signals import edf_header, edf_records, eeg_kinds, eeg_marks
from emocli.signals.eeg_marks import Mark
from emocli.signals.eeg_units import UV_PER_V, require_plausible, scale

Array = npt.NDArray[np.float64]

BLOCK_S = 16.0  # read at a time: 62 channels at 1000 Hz are 8 MiB
LASTING_S = 0.5  # an annotation that lasts, and is no moment; our choice
# Warnings of mne about what is no fault, or told by another: doubled names (eeg_montage), cuts.
KNOWN = ("not unique", "naming conventions", "'boundary' events")
ALSO_CUT = "Number of records from the header"
ALSO_GAPS = "annotation(s) that were"  # of annotations, whose times edf_records sets right
FORMATS = "EDF, BDF, BrainVision (.vhdr), EEGLAB (.set), FIF, GDF or CNT"


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
    bad: tuple[str, ...] = ()  # channels that the file marks as bad, as it names them
    bad_spans: tuple[tuple[float, float], ...] = ()  # from, to: seconds that it marks as bad
    gaps: tuple[float, ...] = ()  # seconds: samples do not follow those before them

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
        picks = list(self.places)
        samples = self.raw.get_data(picks=picks, start=start, stop=end, verbose="ERROR")
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
    raw, said, rates = _opened(Path(path))
    kinds = dict(zip(raw.ch_names, raw.get_channel_types() if raw.ch_names else [], strict=True))
    names = tuple(name for name, kind in kinds.items() if kind == "eeg")
    others = tuple([*_others(kinds), *eeg_kinds.named(rates)])
    if not names:
        there = f", only {', '.join(others)}" if others else ": the file has no channels at all"
        raise RecordError("no_channels", f"no EEG channels{there}"[:300])
    if raw.n_times == 0:
        raise RecordError("no_samples", "the file has a header but no samples")
    found, told = _marks(raw, Path(path))
    labels = [str(raw._orig_units.get(name, "")) for name in names]
    recording = Recording(
        names=names,
        rate_hz=float(raw.info["sfreq"]),
        samples=int(raw.n_times),
        marks=found.events,
        others=others,
        warnings=(*said, *told),
        raw=raw,
        scales=UV_PER_V * scale(labels, unit),
        places=tuple(raw.ch_names.index(name) for name in names),
        bad=tuple(name for name in raw.info["bads"] if name in names),
        bad_spans=found.bad_spans,
        gaps=found.gaps,
    )
    size = (recording.samples, recording.rate_hz)
    require_plausible(recording.read, *size, labels=labels, given=unit)
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
    raw, _, _ = _opened(Path(path))
    return _marks(raw, Path(path))[0].events


def rises(path: str | Path, channel: str, bit: int) -> list[float]:
    """Return when a bit of a channel of triggers is set, in seconds from the start."""
    raw, _, _ = _opened(Path(path))
    if channel not in raw.ch_names:
        raise RecordError("no_channels", f"no channel {channel} with triggers")
    level = raw.get_data(picks=[channel], verbose="ERROR")[0].astype(np.int64) & bit
    places = np.flatnonzero((level[1:] != 0) & (level[:-1] == 0)) + 1
    return [float(place) / float(raw.info["sfreq"]) for place in places]


def _opened(path: Path) -> tuple[Any, list[str], dict[str, float]]:
    """Return mne's reader, what there is to say, and the channels left out for their rate in Hz."""
    cut = edf_header.faults(path)
    import mne

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            raw = mne.io.read_raw(path, preload=False, verbose="WARNING")
            rates = eeg_kinds.of_other_rates(raw)
            if rates and path.suffix.lower() in edf_header.SAMPLE_BYTES:
                how = {"exclude": list(rates), "exclude_after_unique": True}
                raw = mne.io.read_raw(path, preload=False, verbose="ERROR", **how)
            elif rates:  # GDF: mne would scale the other channels wrongly
                cut, rates = [*cut, eeg_kinds.in_memory(raw)], {}
                raw.load_data(verbose="ERROR")
        except MemoryError:
            raise
        except Exception as error:  # every reader of mne raises what its libraries raise
            raise RecordError(
                "decode_failed", f"mne cannot read it: {_first_line(error)}", hint=_hint(path)
            ) from None
    known = (*KNOWN, *((ALSO_CUT,) if cut else ()))
    known += (ALSO_GAPS,) if edf_records.is_discontinuous(path) else ()
    said = [_first_line(w.message) for w in caught if _matters(w, known)]
    return raw, [*cut, *eeg_kinds.told(rates), *said], rates


def _matters(warning: warnings.WarningMessage, known: tuple[str, ...]) -> bool:
    """Say whether a warning is about the file, and not about code or what is told elsewhere."""
    text = str(warning.message)
    about_code = issubclass(warning.category, DeprecationWarning | FutureWarning)
    return not about_code and not any(part in text for part in known)


def _first_line(problem: object) -> str:
    text = str(problem).strip() or type(problem).__name__
    return printable(text.splitlines()[0])[:200]


def _hint(path: Path) -> str:
    return "" if path.suffix.lower() in (".edf", ".bdf") else f"emocli reads {FORMATS}"


def _others(kinds: dict[str, str]) -> list[str]:
    return [f"{printable(name)} ({kind})" for name, kind in kinds.items() if kind != "eeg"]


def _marks(raw: Any, path: Path) -> tuple[eeg_marks.Marks, list[str]]:
    """Return the annotations, in seconds from the first sample, and what to say of cuts."""
    duration = float(raw.n_times) / float(raw.info["sfreq"])
    line = edf_records.timeline(path)
    if line is not None and line.gaps:
        found = eeg_marks.sorted_out(line.marks, duration)
        gaps = sorted({*found.gaps, *(after for after, _ in line.gaps)})
        return replace(found, gaps=tuple(gaps)), line.told()
    notes = raw.annotations
    rows = zip(notes.onset, notes.duration, notes.description, strict=True)
    found = eeg_marks.sorted_out(
        (Mark(float(at) - raw.first_time, float(long), str(text)) for at, long, text in rows),
        duration,
    )
    told = [eeg_marks.told(found.gaps)] if found.gaps else []
    return found, [*told, *(line.told() if line else [])]
