"""What is said in a recording, to be drawn: its utterances with their times and answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from emocli import records
from emocli.errors import EmptyInputError, RecordError, UsageError
from emocli.io import further_files
from emocli.io.store import Store
from emocli.modalities import faces_told
from emocli.plots import tiers
from emocli.records import Record, label_reading, spans

REPORTED = 5  # malformed records that are named
LISTED = 20  # recordings that are named
Part = tuple[float | None, float | None]  # seconds of the recording; None is its start or end


@dataclass(frozen=True)
class Utterance:
    """What is said from `start` to `end`, and the answer to it: None if there is none."""

    start: float
    end: float
    speaker: str | None
    emotion: str | None
    shares: dict[str, float]  # probabilities, {emotion: 1} where there are none
    text: str
    words: list[Record]
    seen: bool = False  # what a face shows rather than what is said

    @property
    def confidence(self) -> float:
        """The probability of the answer, 0 without an answer."""
        return self.shares.get(self.emotion or "", 0.0)


@dataclass
class Talk:
    """The utterances of a recording in the order of their starts; without times, as they came."""

    name: str
    utterances: list[Utterance] = field(default_factory=list)
    untimed: list[Utterance] = field(default_factory=list)
    faces: list[Utterance] = field(default_factory=list)  # what the judged face shows
    in_order: bool = False  # the axis is the number of the utterance

    def part(self, part: Part) -> tuple[float, float]:
        """Return start and end of what is drawn; UsageError if no utterance lies in it."""
        low, high = part
        first = min(u.start for u in self.utterances) if low is None else low
        last = max(u.end for u in self.utterances) if high is None else high
        if low is None and not self.in_order:
            first = min(first, 0.0)
        if not (math.isfinite(first) and math.isfinite(last) and first < last) or not any(
            u.start < last and u.end > first for u in self.utterances
        ):
            ends = f"{min(u.start for u in self.utterances):.2f} to "
            ends += f"{max(u.end for u in self.utterances):.2f} s"
            raise UsageError(f"{self.name or 'recording'}: nothing is said there", hint=ends)
        return first, last


class Reading:
    """The talks of an input, and what was wrong with it; `failed` if records were malformed."""

    def __init__(self, say: Callable[[str], None], store: Store | None = None) -> None:
        self.say, self.failed = say, 0
        self.store = store or Store(None)
        self.talks: dict[str, Talk] = {}
        self.untold = False  # what a face shows could not be read, and this was said

    def read(self, name: str, stdin: BinaryIO, recording: str | None) -> list[Talk]:
        """Return the talks of a file, or the one of a recording; RecordError without any answer."""
        for record in further_files.read(name, stdin):
            found = spans.recording(record) or ""
            talk = self.talks.setdefault(found, Talk(found))
            if recording is None or recording in (found, Path(found).name):
                self._add(talk, record)
        if not self.talks:
            raise EmptyInputError("no input records")
        talks = [t for t in self.talks.values() if t.utterances or t.untimed]
        if not talks and recording is not None:
            known = ", ".join(n for n in list(self.talks)[:LISTED] if n)
            raise UsageError(f"--recording {recording}: no such recording", hint=known)
        self._report()
        talks = list(self._placed(talks))
        if not any(u.emotion for talk in talks for u in talk.utterances):
            hint = "run emocli predict first, with a model of emotions"
            raise RecordError("no_prediction", "no record has a predicted emotion", hint=hint)
        return talks

    def _add(self, talk: Talk, record: Record) -> None:
        try:
            times = spans.times(record)
            faces = self._faces(record, times)
            whole = spans.seconds(record) or max((face.end for face in faces), default=1.0)
            said = utterance(record, *(times or (0.0, whole)))
        except RecordError as error:
            self.failed += 1
            if self.failed <= REPORTED:
                self.say(f"{records.name_of(record)}: {error}")
            return
        (talk.utterances if times else talk.untimed).append(said)
        talk.faces += faces

    def _faces(self, record: Record, times: tuple[float, float] | None) -> list[Utterance]:
        """Return what the face shows; features that are not there are told, and no failure."""
        if record.get("error"):
            return []
        try:
            glances = faces_told.by_second(record, self.store)
        except RecordError as error:
            if error.code == faces_told.BROKEN:
                raise
            if not self.untold:  # a store that is elsewhere lacks them all
                self.say(f"{records.name_of(record)}: no strip of the face: {error}")
            self.untold = True
            return []
        first, last = times or (-math.inf, math.inf)
        kept = (glance for glance in glances if glance.start < last and glance.end > first)
        return [_glance(glance, first, last) for glance in kept]

    def _report(self) -> None:
        if self.failed:
            total = f"{self.failed} malformed record{'s' if self.failed > 1 else ''}"
            self.say(f"{total} not drawn")

    def _placed(self, talks: list[Talk]) -> Iterator[Talk]:
        """Yield the talks with their utterances in order; those without times one by one.

        Recordings of a single utterance without times, such as clips in a folder, are one talk; one
        that is alone has the times of its film if a face is seen in it.
        """
        clips = [talk for talk in talks if not talk.utterances and len(talk.untimed) == 1]
        if len(clips) > 1:
            rest = [talk for talk in talks if talk not in clips]
            talks = [*rest, Talk("", untimed=[talk.untimed[0] for talk in clips])]
        for talk in talks:
            if len(talks) == len(talk.untimed) == 1 and talk.faces and not talk.utterances:
                talk.utterances, talk.untimed = talk.untimed, []  # a film as a whole
            if talk.utterances:
                if talk.untimed:
                    count = len(talk.untimed)
                    self.say(f"{talk.name}: {count} records without start and end are not drawn")
                talk.utterances.sort(key=lambda u: (u.start, u.end))
            else:
                self.say(f"{talk.name or 'records'}: no start and end, so drawn in their order")
                talk.in_order, talk.faces = True, []
                talk.utterances = [_moved(u, i) for i, u in enumerate(talk.untimed)]
            yield talk


def utterance(record: Record, start: float, end: float) -> Utterance:
    """Return what is drawn of a record; RecordError if it is malformed."""
    emotion: str | None = None
    shares: dict[str, float] = {}
    if not record.get("error"):
        side = label_reading.side(record.get("prediction"), "prediction")
        emotion = label_reading.emotion(side, "prediction")
        shares = label_reading.numbers(side, "probabilities", "prediction")
        if min(shares.values(), default=0.0) < 0:
            raise RecordError("bad_probabilities", f"a negative probability: {shares!r:.80}")
    if emotion and not shares:
        shares = {emotion: 1.0}
    total = sum(shares.values())
    shares = {name: value / total for name, value in shares.items()} if total else {}
    speaker = record.get("speaker")
    text = " ".join((records.modality_text(record) or "").split())
    speaker = None if speaker is None else str(speaker)
    words = list(tiers.read(record.get("words"), "words", "a word", start, end))
    return Utterance(start, end, speaker, emotion, shares, text, words)


def _glance(glance: faces_told.Glance, first: float, last: float) -> Utterance:
    """Return what a face shows at a time, as far as it lies in a record."""
    emotion = max(glance.shares, key=lambda name: glance.shares[name])
    times = max(glance.start, first), min(glance.end, last)
    return Utterance(*times, None, emotion, glance.shares, "", [], seen=True)


def _moved(said: Utterance, place: int) -> Utterance:
    answer = (said.speaker, said.emotion, said.shares, said.text, said.words)
    return Utterance(place + 0.5, place + 1.5, *answer)  # the first is utterance 1
