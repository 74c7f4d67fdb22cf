"""What a record says of its faces: when each is seen, and what the judged ones show."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emocli.errors import RecordError
from emocli.io import features
from emocli.io.store import Store
from emocli.modalities import video_sampling
from emocli.records import Record, label_reading
from emocli.records.labels import EMOTIONS

ENCODER = "face-expression"
BOX = 4  # numbers: x, y, width, height
LOGITS = slice(256, 263)  # of its last layer: a class each, in the order of EMOTIONS
TEMPERATURE = 6.0  # logits are divided by it: calibrated on faces in the wild
BROKEN = "bad_video"  # the code of what a record says wrongly
ALONE_S = 1.0  # what a single frame stands for, in seconds; our choice

Floats = NDArray[np.float64]
Shares = dict[str, float]


class Track(NamedTuple):
    """A face: its number, and boxes (times, 4) of x, y, width, height in pixels of the film."""

    number: int
    times: Floats
    boxes: Floats


class Glance(NamedTuple):
    """What a face shows from `start` to `end`, in seconds of the film."""

    start: float
    end: float
    shares: Shares


@dataclass(frozen=True)
class Told:
    """The faces of a film, the numbers of those that are judged, and when frames were looked at."""

    tracks: list[Track]
    judged: list[int]
    times: Floats

    @property
    def step_s(self) -> float:
        """The usual time from a frame to the next."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else ALONE_S

    @property
    def until(self) -> float:
        """When the last frame ends."""
        return float(self.times[-1]) + self.step_s

    def ends(self, times: Floats) -> Floats:
        """Return until when frames at some times stand: each until the next one is looked at."""
        edges = np.append(self.times, self.until)
        return edges[np.minimum(np.searchsorted(self.times, times, side="right"), len(edges) - 1)]

    def seen(self, number: int) -> Floats:
        """Return when a face is seen."""
        return next(track.times for track in self.tracks if track.number == number)


def read(record: Record) -> Told:
    """Return the faces of a record; RecordError where it has none, or says it wrongly."""
    about = video_sampling.about_of(record)
    faces = about.get("faces")
    if not isinstance(faces, dict):
        raise RecordError("bad_video", f"video.faces is not an object: {faces!r:.60}")
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
    return Told(tracks, judged, times)


def _track(track: Record) -> Track:
    if wrong := [box for box in track["boxes"] if len(box) != BOX]:
        raise ValueError(f"a box of {len(wrong[0])} numbers, not {BOX}")
    times = np.array(track["times"], float)
    boxes = np.array(track["boxes"], float).reshape(-1, BOX)
    if len(times) != len(boxes) or not len(times) or not np.isfinite(boxes).all():
        raise ValueError(f"a track has {len(times)} times and {len(boxes)} boxes")
    return Track(int(track["id"]), times, boxes)


def stream(record: Record) -> str | None:
    """Return the stream that has the expression net's last layer, if there is one."""
    for name, feature in features.checked(record).items():
        described = feature if isinstance(feature, dict) else {}
        if (described.get("encoder"), described.get("dim")) == (ENCODER, LOGITS.stop):
            return str(name)
    return None


def shares(record: Record, name: str, store: Store, count: int) -> list[Shares]:
    """Return the probabilities of each crop of the judged faces, of a stream's logits."""
    passed: Any = features.of(record)[name].get("array")
    values = passed if isinstance(passed, np.ndarray) else features.read(record, name, store).values
    logits = np.atleast_2d(values)[:, LOGITS].astype(float)
    if len(logits) == 1:
        logits = np.repeat(logits, count, axis=0)
    if len(logits) != count:
        message = f"features.{name} has {len(logits)} frames, the judged faces {count}"
        raise RecordError("bad_video", message, hint=features.HINT)
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / TEMPERATURE)
    rows = powers / powers.sum(axis=1, keepdims=True)
    return [dict(zip(EMOTIONS, map(float, row), strict=True)) for row in rows]


def alone(record: Record) -> Shares:
    """Return what was predicted of the picture alone, {} where nothing was."""
    unimodal = record.get("unimodal")
    found = unimodal.get("video") if isinstance(unimodal, dict) else None
    side = label_reading.side(found, "unimodal")
    return label_reading.numbers(side, "probabilities", "unimodal")


def by_second(record: Record, store: Store) -> list[Glance]:
    """Return what the judged face shows, the mean of each second in which it is seen.

    With several judged faces it is the first, the most visible. Nothing is looked for: a record
    without faces, or without probabilities of them, gives [].
    """
    frames = by_frame(record, store)
    times, ends = (np.array([getattr(f, end) for f in frames]) for end in ("start", "end"))
    return _seconds(times, ends, [f.shares for f in frames]) if frames else []


def by_frame(record: Record, store: Store) -> list[Glance]:
    """Return what the judged face shows in each frame, as `by_second` does for each second."""
    faces = video_sampling.about_of(record).get("faces")
    if not isinstance(faces, dict) or not faces.get("tracks") or not faces.get("judged"):
        return []
    told = read(record)
    times = told.seen(told.judged[0])
    name, whole = stream(record), alone(record)
    if name is not None:
        count = sum(len(told.seen(number)) for number in told.judged)
        answers = shares(record, name, store, count)[: len(times)]
    elif whole:
        answers = [whole] * len(times)
    else:
        return []
    rows = zip(times.tolist(), told.ends(times).tolist(), answers, strict=True)
    return [Glance(*row) for row in rows]


def _seconds(times: Floats, ends: Floats, answers: list[Shares]) -> list[Glance]:
    """Return the means of frames that begin in the same second and follow each other."""
    found = []
    gaps = np.concatenate([[0], np.cumsum(times[1:] > ends[:-1] + 1e-6)])
    place = {i: (float(gaps[i]), float(np.floor(times[i]))) for i in range(len(times))}
    for _, group in groupby(range(len(times)), key=place.__getitem__):
        several = list(group)
        means = {
            emotion: float(np.mean([answers[i].get(emotion, 0.0) for i in several]))
            for emotion in answers[several[0]]
        }
        found.append(Glance(float(times[several[0]]), float(ends[several[-1]]), means))
    return found
