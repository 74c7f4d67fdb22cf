"""The faces of a film: found in its frames, followed, and cut out of them.

Whose face is judged is said with its reason. Crops are kept as they are, or scaled down to CROP_PX.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from emocli.modalities import video_sampling
from emocli.modalities.kept_pictures import Kept
from emocli.modalities.video_speech import Speech
from emocli.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from emocli.encoders.face_detector import Detector
    from emocli.signals.face_tracks import Judged, Track
    from emocli.signals.faces import Picture

DETECTOR = "face-detector"  # of the catalog
CROP_PX = 224  # of the longer side of a crop at most: what networks of faces take. Our choice.
TOGETHER = 2  # frames that are searched at once, as `encoders.face_detector` does


@dataclass(frozen=True)
class Watched:
    """Faces in frames at `times` (frames,) s: the tracks, by visibility, and their crops."""

    times: list[float]
    tracks: list[Track]
    numbers: list[list[int]]  # of each track: those of its crops
    crops: Kept
    width: int  # of the frames
    left_out: int = 0  # faces of frames that have too many


@dataclass(frozen=True)
class Faces:
    """The faces that are judged: crops with times and scores, as encoders take them."""

    images: list[Picture]
    times: list[float]
    scores: list[float]  # of the detector
    judged: list[Judged] = field(default_factory=list)


def detector(device: str, offline: bool = False, name: str = DETECTOR) -> tuple[Detector, str]:
    """Return the detector of faces and its revision; ModelError if it is not installed."""
    from emocli import hub
    from emocli.pipeline import devices

    folder, revision = hub.locate(name, offline=offline)
    with _LOADING:
        return _loaded(folder, devices.pick(device)), revision


_LOADING = Lock()  # films are looked at in a thread, too


@functools.lru_cache(maxsize=2)
def _loaded(folder: Path, device: str) -> Detector:
    from emocli.encoders import face_detector

    return face_detector.load(folder, device)


def watch(frames: Iterable[tuple[float, Picture]], detect: Detector, folder: Path) -> Watched:
    """Return the faces of frames (time, picture), of which no more than two are kept at a time.

    Crops go into a file in `folder` where they are many.
    """
    import numpy as np

    from emocli.encoders import pictures
    from emocli.signals import face_tracks, faces

    times: list[float] = []
    boxes: list[Any] = []
    numbers: list[list[int]] = []
    crops, left_out, width = Kept(folder), 0, 0
    for some in _chunks(frames, TOGETHER):
        for (time, picture), found in zip(some, detect([image for _, image in some]), strict=True):
            inside = np.array([faces.crop(picture, box) is not None for box in found], bool)
            kept, more = faces.largest(found[inside])
            left_out, width = left_out + more, picture.shape[1]
            times.append(time)
            boxes.append(kept)
            cut = (faces.crop(picture, box) for box in kept)
            small = (pictures.at_most(crop, CROP_PX) for crop in cut if crop is not None)
            numbers.append([crops.add(crop) for crop in small])
    tracks = face_tracks.tracks(boxes, times)
    of_tracks = [
        [numbers[f][_place(boxes[f], b)] for f, b in zip(t.frames, t.boxes, strict=True)]
        for t in tracks
    ]
    return Watched(times, tracks, of_tracks, crops, width, left_out)


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _place(boxes: Any, box: Any) -> int:
    """Return the place of a box among those of its frame."""
    return int((boxes == box).all(1).argmax())


def judged(watched: Watched, face: str | int, hear: Callable[[], Speech | None]) -> Faces:
    """Return the crops of the faces that are judged, by face and then by time.

    `hear` gives the spans of speech; it is asked only where several faces are to be told apart.
    """
    from emocli.signals import face_tracks

    asks = face == video_sampling.LARGEST and len(watched.tracks) > 1
    chosen = face_tracks.judged(watched.tracks, face, hear() if asks else None)
    images = [watched.crops[number] for one in chosen for number in watched.numbers[one.track]]
    times = [float(time) for one in chosen for time in watched.tracks[one.track].times]
    scores = [float(box[4]) for one in chosen for box in watched.tracks[one.track].boxes]
    return Faces(images, times, scores, chosen)


def described(watched: Watched, found: Sequence[Judged], width: int) -> Record:
    """Return `video.faces` of a record: how many, which are judged and why, where each was seen.

    Boxes are in pixels of the film, which is so wide.
    """
    scale = width / watched.width if watched.width else 1.0
    tracks = [
        {
            "id": number,
            "times": video_sampling.seconds(track.times),
            "boxes": [[round(float(v) * scale, 1) for v in box[:4]] for box in track.boxes],
            "scores": [round(float(box[4]), 3) for box in track.boxes],
        }
        for number, track in enumerate(watched.tracks, 1)
    ]
    why = {"why": found[0].why} if found else {}
    about: Record = {"count": len(tracks), "judged": [one.track + 1 for one in found], **why}
    if watched.left_out:
        about["left_out"] = watched.left_out
    return about | {"tracks": tracks}
