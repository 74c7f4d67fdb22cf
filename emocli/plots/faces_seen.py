"""The faces of a film, to be drawn: when and where each is seen, and what the judged ones show.

Where a record lacks faces they are looked for in its film, and where it says nothing of what they
show, the expression net is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from emocli import records
from emocli.errors import EmocliError, RecordError
from emocli.io.store import Store
from emocli.modalities import faces_told, video_sampling
from emocli.modalities.faces_told import ENCODER, TEMPERATURE, Floats, Shares, Told, Track
from emocli.pipeline.context import Context
from emocli.plots.talk import Talk, Utterance, utterance
from emocli.records import Record
from emocli.signals import video

if TYPE_CHECKING:
    from emocli.signals.video import Image

PREDICTED = "predicted"


@dataclass(frozen=True)
class Seen:
    """The faces of a film, the frames that are shown, and the answers over time."""

    record: Record
    told: Told
    talk: Talk
    source: str  # of the probabilities
    frames: list[tuple[float, Image]] = field(default_factory=list)

    @property
    def tracks(self) -> list[Track]:
        """All faces, the most visible first."""
        return self.told.tracks

    @property
    def judged(self) -> list[int]:
        """The numbers of the faces that are judged."""
        return self.told.judged

    @property
    def width(self) -> float:
        """The width of the film in pixels, which boxes are in."""
        known = self.record["video"].get("width")
        return float(known) if known else float(self.frames[0][1].shape[1])

    @property
    def why(self) -> str:
        """Why the judged face is judged."""
        return str(self.record["video"]["faces"].get("why") or "")


def read(record: Record, store: Store, most: int, say: Callable[[str], None]) -> Seen:
    """Return what is drawn of a record, with `most` of its frames; RecordError without a face."""
    if not isinstance(video_sampling.about_of(record).get("faces"), dict):
        record = _looked(record, store)
    told = faces_told.read(record)
    answered = [(number, told.seen(number)) for number in told.judged]
    spans = [
        (f"face {number}", float(start), float(end))
        for number, times in answered
        for start, end in zip(times, told.ends(times), strict=True)
    ]
    shares, source = _shares(record, store, len(spans), say)
    talk = Talk(str(record.get("id") or "record"))
    for span, share in zip(spans, shares, strict=False):
        talk.utterances.append(_at(*span, share))
    if record.get("prediction") and not record.get("error"):
        whole = (float(told.times[0]), told.until)
        talk.utterances.append(utterance({**record, "speaker": PREDICTED, "text": ""}, *whole))
    return Seen(record, told, talk, source, _frames(record, told.times, most))


def _looked(record: Record, store: Store) -> Record:
    """Return the record with its faces, and the features of those that are judged."""
    from emocli.stages import encode

    stage = encode.stage(Context(store=store), _spec(), keep=encode.PASSED)
    (found,) = stage(iter([dict(record)]))
    missing = found.get("missing")
    problem = found.get("error") or (missing.get("video") if isinstance(missing, dict) else None)
    if isinstance(problem, dict):
        code, message, hint = (str(problem.get(k) or "") for k in ("code", "message", "hint"))
        raise RecordError(code or "failed", message or "an earlier stage failed", hint=hint)
    return found


def _spec() -> Record:
    from emocli.stages import encode

    own = {"stream": "video", "modality": "video", "encoder": ENCODER}
    return {**encode.plain("video", ENCODER), **own}


def _at(face: str, start: float, end: float, shares: Shares) -> Utterance:
    """Return the answer to a frame: it stands until the next one."""
    emotion = max(shares, key=lambda name: shares[name])
    return Utterance(start, end, face, emotion, shares, "", [], seen=True)


def _shares(
    record: Record, store: Store, count: int, say: Callable[[str], None]
) -> tuple[list[Shares], str]:
    """Return the probabilities of each crop of the judged faces, and where they are from."""
    name = faces_told.stream(record)
    if name is None and (whole := faces_told.alone(record)):
        return [whole] * count, "unimodal.video of the whole record"
    if name is None and count:
        try:
            record = _looked(record, store)
        except EmocliError as error:
            say(f"no probabilities: {error}")
            return [], ""
        name = faces_told.stream(record)
    if name is None:
        return [], ""
    found = faces_told.shares(record, name, store, count)
    return found, f"{ENCODER}, logits / {TEMPERATURE:g}"


def _frames(record: Record, times: Floats, most: int) -> list[tuple[float, Image]]:
    """Return at most so many frames, spread evenly over those that were looked at."""
    places = np.unique(np.linspace(0, len(times) - 1, min(most, len(times))).round().astype(int))
    chosen = tuple(times[places].tolist())
    found = video.frames(records.path_of(record), video.Times(chosen), longest=640)
    return [(time, image) for time, (_, image) in zip(chosen, found, strict=False)]
