"""The faces of a film, to be drawn: when and where each is seen, and what the judged ones show.

Where a record lacks faces they are looked for in its film, and where it says nothing of what they
show, the expression net is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emocli import records
from emocli.errors import EmocliError, RecordError
from emocli.io import features
from emocli.io.store import Store
from emocli.modalities import video_sampling
from emocli.pipeline.context import Context
from emocli.plots.talk import Talk, Utterance, utterance
from emocli.records import Record, label_reading
from emocli.records.labels import EMOTIONS
from emocli.signals import video

if TYPE_CHECKING:
    from emocli.signals.video import Image

ENCODER = "face-expression"
LOGITS = slice(256, 263)  # of its last layer: a class each, in the order of EMOTIONS
TEMPERATURE = 6.0  # logits are divided by it: calibrated on faces in the wild
ALONE_S = 1.0  # what a single frame stands for, in seconds; our choice
PREDICTED = "predicted"

Floats = NDArray[np.float64]


class Track(NamedTuple):
    """A face: its number, and boxes (times, 4) of x, y, width, height in pixels of the film."""

    number: int
    times: Floats
    boxes: Floats


@dataclass(frozen=True)
class Seen:
    """The faces of a film, the frames that are shown, and the answers over time."""

    record: Record
    tracks: list[Track]
    judged: list[int]
    times: Floats  # of all frames that were looked at
    step_s: float
    talk: Talk
    source: str  # of the probabilities
    frames: list[tuple[float, Image]] = field(default_factory=list)

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
    tracks, judged, times = _tracks(record)
    step_s = float(np.median(np.diff(times))) if len(times) > 1 else ALONE_S
    seen = {track.number: track.times for track in tracks}
    answered = [(number, float(t)) for number in judged for t in seen[number]]
    shares, source = _shares(record, store, len(answered), say)
    talk = Talk(str(record.get("id") or "record"))
    for (number, time), share in zip(answered, shares, strict=False):
        talk.utterances.append(_at(time, step_s, f"face {number}", share))
    first, last = float(times[0]), float(times[-1] + step_s)
    if record.get("prediction") and not record.get("error"):
        talk.utterances.append(utterance({**record, "speaker": PREDICTED, "text": ""}, first, last))
    frames = _frames(record, times, most)
    return Seen(record, tracks, judged, times, step_s, talk, source, frames)


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


def _tracks(record: Record) -> tuple[list[Track], list[int], Floats]:
    """Return the tracks, the numbers of those that are judged, and when frames were looked at."""
    about = video_sampling.about_of(record)
    faces = about["faces"]
    listed = faces.get("tracks")
    if not listed:
        looked = about.get("times")
        frames = f" ({len(looked)} frames looked at)" if isinstance(looked, list) else ""
        raise RecordError("no_face", f"no face to draw{frames}")
    try:
        tracks = [_track(track) for track in listed]
        judged = [int(number) for number in faces.get("judged") or []]
        times = np.unique([float(t) for t in about.get("times") or []])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordError("bad_video", f"video.faces: {error!s:.80}") from None
    unknown = set(judged) - {track.number for track in tracks}
    if unknown:
        raise RecordError("bad_video", f"video.faces: no track {min(unknown)}, which is judged")
    if not len(times):
        times = np.unique(np.concatenate([track.times for track in tracks]))
    return tracks, judged, times


def _track(track: Record) -> Track:
    times = np.array(track["times"], float)
    boxes = np.array(track["boxes"], float).reshape(-1, 4)
    if len(times) != len(boxes) or not len(times) or not np.isfinite(boxes).all():
        raise ValueError(f"a track has {len(times)} times and {len(boxes)} boxes")
    return Track(int(track["id"]), times, boxes)


def _at(time: float, step_s: float, face: str, shares: dict[str, float]) -> Utterance:
    """Return the answer to a frame: it stands until the next one."""
    emotion = max(shares, key=lambda name: shares[name])
    return Utterance(time, time + step_s, face, emotion, shares, "", [])


def _shares(
    record: Record, store: Store, count: int, say: Callable[[str], None]
) -> tuple[list[dict[str, float]], str]:
    """Return the probabilities of each crop of the judged faces, and where they are from."""
    name = _stream(record)
    if name is None and (whole := _alone(record)):
        return [whole] * count, "unimodal.video of the whole record"
    if name is None and count:
        try:
            record = _looked(record, store)
        except EmocliError as error:
            say(f"no probabilities: {error}")
            return [], ""
        name = _stream(record)
    if name is None:
        return [], ""
    values = _numbers(record, name, store)
    if len(values) == 1:
        values = np.repeat(values, count, axis=0)
    if len(values) != count:
        message = f"features.{name} has {len(values)} frames, the judged faces {count}"
        raise RecordError("bad_video", message, hint=features.HINT)
    return _softmax(values), f"{ENCODER}, logits / {TEMPERATURE:g}"


def _stream(record: Record) -> str | None:
    """Return the stream that has the expression net's last layer, if there is one."""
    for name, feature in features.checked(record).items():
        described = feature if isinstance(feature, dict) else {}
        if (described.get("encoder"), described.get("dim")) == (ENCODER, LOGITS.stop):
            return str(name)
    return None


def _numbers(record: Record, name: str, store: Store) -> Floats:
    """Return the logits (frames, classes) of a stream."""
    passed: Any = features.of(record)[name].get("array")
    values = passed if isinstance(passed, np.ndarray) else features.read(record, name, store).values
    return np.atleast_2d(values)[:, LOGITS].astype(float)


def _softmax(logits: Floats) -> list[dict[str, float]]:
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / TEMPERATURE)
    shares = powers / powers.sum(axis=1, keepdims=True)
    return [dict(zip(EMOTIONS, map(float, row), strict=True)) for row in shares]


def _alone(record: Record) -> dict[str, float]:
    """Return what was predicted of the picture alone, {} where nothing was."""
    unimodal = record.get("unimodal")
    found = unimodal.get("video") if isinstance(unimodal, dict) else None
    side = label_reading.side(found, "unimodal")
    return label_reading.numbers(side, "probabilities", "unimodal")


def _frames(record: Record, times: Floats, most: int) -> list[tuple[float, Image]]:
    """Return at most so many frames, spread evenly over those that were looked at."""
    places = np.unique(np.linspace(0, len(times) - 1, min(most, len(times))).round().astype(int))
    chosen = tuple(times[places].tolist())
    found = video.frames(records.path_of(record), video.Times(chosen), longest=640)
    return [(time, image) for time, (_, image) in zip(chosen, found, strict=False)]
