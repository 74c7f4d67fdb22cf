"""What records say of a recording of EEG, to be drawn: band power, answers, and where the file is.

Band power is that of the records' features; where they have none it is measured in the recording.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from emocli import records
from emocli.errors import EmptyInputError, RecordError, UsageError
from emocli.io import inputs
from emocli.io.store import Store
from emocli.modalities import eeg_recording
from emocli.plots import clip, eeg_power, eeg_signal, eeg_stretches, talk
from emocli.plots.eeg_brain import Brain
from emocli.plots.eeg_power import Scheme
from emocli.records import Record, label_reading, spans
from emocli.signals import eeg_montage
from emocli.signals.eeg_overview import Windows

REPORTED = 5  # malformed records that are named
LISTED = 5  # recordings that are named
MOST_ROWS = 12  # groups of --by
LEAST_PLACED = 4  # electrodes with a position: fewer say little about the places between them
PREDICTED, LABEL = "predicted", "label"
EMOTIONS = {"prediction": "prediction", "label": "label"}  # of --by: those that have an emotion


class Asked(NamedTuple):
    """What is asked for: the recording, the part, groups, the channels shown, pixels across."""

    recording: str | None
    part: talk.Part
    by: str | None
    channels: tuple[str, ...]
    across: int


class Reading:
    """The records of an input, and what was wrong with them."""

    def __init__(self, say: Callable[[str], None], store: Store, asked: Asked) -> None:
        self.say, self.store, self.asked = say, store, asked
        self.problems: list[RecordError] = []  # of malformed records
        self.brain = Brain()
        self.sources: list[Record] = []  # records whose recording can be read, without features
        self.spans: list[tuple[float, float, str | None]] = []  # start, end, group

    def read(self, name: str | None, stdin: BinaryIO) -> Brain:
        """Return what is drawn; EmocliError where nothing can be."""
        items = inputs.Source(inputs.named([clip.source(stdin, name)]), stdin)
        seen: dict[str, None] = {}
        for record in items:
            found = spans.recording(record) or ""
            seen[found] = None
            if self.asked.recording in (None, found, Path(found).name):
                self._add(record)
        if items.problem is not None:
            raise items.problem
        if not items.count:
            raise EmptyInputError("no input records")
        if not self.brain.recordings and not self.problems:
            known = ", ".join(list(seen)[:LISTED])
            message = f"--recording {self.asked.recording}: no such recording"
            raise UsageError(message, hint=known)
        self._finish()
        return self.brain

    def _add(self, record: Record) -> None:
        try:
            self._add_checked(record)
        except RecordError as error:
            named = f"{records.name_of(record)}: {error.message}"
            self.problems.append(RecordError(error.code, named, hint=error.hint))

    def _add_checked(self, record: Record) -> None:
        times = spans.times(record)
        if times and not _inside(times, self.asked.part):
            self._note(record)
            return
        group = self._group(record)
        found = None if record.get("error") else self._power(record, group)
        if times:
            self.spans.append((*times, group))
            self.brain.talk.utterances.extend(_answers(record, times))
        if eeg_stretches.can_read(record):
            kept = ("path", "start", "end", "eeg", "id")
            self.sources.append({key: record[key] for key in kept if key in record})
        elif not found and not record.get("error"):
            message = "neither band power nor a recording of EEG"
            raise RecordError("no_eeg", message, hint=eeg_power.HINT)
        self._note(record)

    def _note(self, record: Record) -> None:
        name = spans.recording(record) or ""
        if name not in self.brain.recordings:
            self.brain.recordings.append(name)

    def _group(self, record: Record) -> str | None:
        by = self.asked.by
        if by is None:
            return None
        if by in EMOTIONS:
            return label_reading.emotion(label_reading.side(record.get(by), by), by)
        value = record.get(by)
        if not isinstance(value, str | int | float | None):
            raise RecordError(f"bad_{by}", f"--by {by}: not a word: {value!r:.60}")
        return None if value is None else str(value)

    def _power(self, record: Record, group: str | None) -> bool:
        found = eeg_power.of_record(record, self.store, self.asked.part)
        if found is None:
            return False
        self.brain.add(*found, group)
        about = eeg_recording.about_of(record)
        seconds = about.get("duration")
        long = float(seconds) if isinstance(seconds, int | float) else 1.0
        self.brain.faults.add(long, *eeg_stretches.flagged(about))
        return True

    def _finish(self) -> None:
        """Read the signal, and measure band power where the records have none."""
        brain = self.brain
        has_features = brain.scheme is not None
        if not has_features and not self.sources:
            if self.problems:
                raise self.problems[0]
            raise RecordError("no_eeg", "no record has EEG", hint=eeg_power.HINT)
        for problem in self.problems[:REPORTED]:
            self.say(str(problem))
        if self.problems:
            self.say(f"malformed records that are not drawn: {len(self.problems)}")
        brain.talk.utterances.sort(key=lambda u: (u.start, u.end))
        if len(brain.recordings) > 1 and not has_features:
            names = ", ".join(brain.recordings[:LISTED])
            message = f"{len(brain.recordings)} recordings do not fit into one picture: {names}"
            raise UsageError(message, hint="--recording NAME")
        if len(brain.recordings) == 1 and self.sources:
            self._read_signal(required=not has_features)
        elif len(brain.recordings) > 1:
            self.say(
                f"{len(brain.recordings)} recordings: band power is the mean over all;"
                " --recording NAME shows one over time"
            )
        self._check_groups()
        if brain.scheme and brain.scheme.unit == eeg_power.NORMALIZED and not brain.rows:
            self.say("normalized features are 0 in the mean of all; --by label shows differences")
        self._check_places()

    def _read_signal(self, *, required: bool) -> None:
        """Read the signal of the one recording; it is left out if only band power is required."""
        self.spans.sort(key=lambda span: span[:2])
        power = self._measured if required else None
        request = eeg_signal.Request(self.asked.part, self.asked.channels, self.asked.across, power)
        try:
            with clip.naming({"id": self.brain.recordings[0]}):
                self.brain.signal = eeg_signal.read(self.sources, self.store, request)
        except RecordError as error:
            if required:
                raise
            self.say(f"the signal is not drawn: {error}")
            return
        self.brain.faults, self.brain.measured = self.brain.signal.faults, required
        for problem in self.brain.signal.lost:
            self.say(f"a part of the recording is not drawn: {problem}")

    def _measured(self, scheme: Scheme, start: float, windows: Windows) -> None:
        """Add the power of a stretch, each window to the group of the record that it lies in."""
        assert windows.power_db is not None
        middles = (start + windows.starts + windows.window_s / 2).tolist()
        found = [self._group_at(middle) for middle in middles]
        for group in dict.fromkeys(found):
            chosen = [place for place, name in enumerate(found) if name == group]
            self.brain.add(scheme, windows.power_db[chosen].astype(float), group)

    def _group_at(self, moment: float) -> str | None:
        place = bisect.bisect_right(self.spans, (moment, float("inf"), "")) - 1
        if place < 0 or not self.spans[place][0] <= moment < self.spans[place][1]:
            return None
        return self.spans[place][2]

    def _check_groups(self) -> None:
        by, count = self.asked.by, len(self.brain.rows)
        if by and not count:
            raise UsageError(f"--by {by}: no record has one", hint="--by label, prediction, ...")
        if count > MOST_ROWS:
            raise UsageError(f"--by {by}: {count} rows do not fit into a picture, {MOST_ROWS} do")

    def _check_places(self) -> None:
        """Leave out topographies that cannot be drawn; RecordError if nothing else is there."""
        assert self.brain.scheme is not None
        placed, names = self.brain.placed, self.brain.scheme.names
        if len(placed) >= LEAST_PLACED:
            return
        there = eeg_montage.shown(names) if len(names) < eeg_montage.SHOWN else f"{len(names)}"
        message = f"a topography needs {LEAST_PLACED} electrodes with a position"
        message += f", and has {len(placed)} of {there}"
        if self.brain.signal is None:
            raise RecordError("no_positions", message, hint="names are those of the 10-05 system")
        self.say(f"no topographies: {message}")
        self.brain.scheme = None


def _inside(times: tuple[float, float], part: talk.Part) -> bool:
    low, high = part
    return (high is None or times[0] < high) and (low is None or times[1] > low)


def _answers(record: Record, times: tuple[float, float]) -> list[talk.Utterance]:
    """Return the prediction and the label of a record over its time."""
    found = []
    if record.get("prediction") is not None or record.get("error"):
        said = talk.utterance({**record, "speaker": PREDICTED}, *times)
        found.append(said)
    if emotion := label_reading.emotion(label_reading.label(record), "label"):
        found.append(talk.Utterance(*times, LABEL, emotion, {emotion: 1.0}, "", []))
    return found
