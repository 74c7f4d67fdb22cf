"""Follow faces through the frames that were sampled of a film, and say whose face is judged.

Our own method, plain on purpose: sampled frames lie half a second apart, so boxes are joined where
they overlap and have about the same size. A person who leaves and comes back is two tracks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emocli.signals.faces import Boxes, overlaps

Times = NDArray[np.float64]

# Our choices. At 2 frames a second boxes of a talking head overlap by .5 to .9 from one to the
# next frame.
LEAST_OVERLAP = 0.2  # intersection over union of one face in two frames
MOST_GROWTH = 2.0  # ratio of the areas of one face in two frames
LONGEST_GAP_S = 1.5  # for which a face may be unseen: turned, hidden, blurred
LEAST_FRAMES = 3  # of a track that counts as a face; of shorter films all frames

LARGEST, EACH = "largest", "each"


@dataclass(frozen=True)
class Track:
    """One face: the frames (their places) and times at which it is seen, its box in each."""

    frames: NDArray[np.intp]  # (seen,)
    times: Times  # (seen,) s
    boxes: Boxes  # (seen, 5)


@dataclass(frozen=True)
class Judged:
    """A face that is judged: the place of its track, and why it was chosen."""

    track: int
    why: str


def tracks(boxes: Sequence[Boxes], times: Sequence[float]) -> list[Track]:
    """Return the faces in frames at times (frames,) s, which grow, the most visible first.

    A track of fewer than LEAST_FRAMES frames is left out, as is one that is not in every frame of
    a film that has fewer.
    """
    found: list[list[tuple[int, int]]] = []  # per track: frame, box
    open_: list[list[tuple[int, int]]] = []
    for frame, now in enumerate(boxes):
        open_ = [t for t in open_ if times[frame] - times[t[-1][0]] <= LONGEST_GAP_S]
        last = np.array([boxes[t[-1][0]][t[-1][1]] for t in open_]).reshape(-1, 5)
        joined = _joined(last, now)
        for track, box in joined.items():
            open_[track].append((frame, box))
        new = [[(frame, box)] for box in range(len(now)) if box not in joined.values()]
        open_ += new
        found += new
    least = min(LEAST_FRAMES, len(boxes))
    kept = [_track(places, boxes, times) for places in found if len(places) >= least]
    return sorted(kept, key=lambda track: -visibility(track))


def _joined(before: Boxes, now: Boxes) -> dict[int, int]:
    """Return which box of now each box of before became, those that overlap most first."""
    if not len(before) or not len(now):
        return {}
    shared = overlaps(before, now)
    area = [boxes[:, 2].astype(np.float64) * boxes[:, 3] for boxes in (before, now)]
    growth = np.abs(np.log((area[1][None] + 1e-9) / (area[0][:, None] + 1e-9)))
    shared[growth > np.log(MOST_GROWTH)] = 0
    pairs: dict[int, int] = {}
    for place in np.argsort(-shared, axis=None, kind="stable"):
        track, box = divmod(int(place), len(now))
        if shared[track, box] < LEAST_OVERLAP:
            break
        if track not in pairs and box not in pairs.values():
            pairs[track] = box
    return pairs


def _track(
    places: Sequence[tuple[int, int]], boxes: Sequence[Boxes], times: Sequence[float]
) -> Track:
    frames = np.array([frame for frame, _ in places])
    chosen = np.array([boxes[frame][box] for frame, box in places], np.float32)
    return Track(frames, np.asarray(times, np.float64)[frames], chosen)


def visibility(track: Track, speech: Sequence[tuple[float, float]] | None = None) -> float:
    """Return how much a face is seen: the heights of its boxes in pixels, added up.

    Of frames within spans of speech (start, end) in s only, where those are given.
    """
    heights = track.boxes[:, 3].astype(np.float64)
    return float(heights[within(track.times, speech)].sum())


def within(times: Times, spans: Sequence[tuple[float, float]] | None) -> NDArray[np.bool_]:
    """Return which times lie in one of the spans (start, end); all of them without spans.

    >>> within(np.array([0.0, 1.0, 2.0]), [(0.5, 1.0), (1.9, 3.0)]).tolist()
    [False, True, True]
    """
    if spans is None:
        return np.ones(len(times), bool)
    edges = np.array(list(spans), np.float64).reshape(-1, 2)
    inside: NDArray[np.bool_] = (times[:, None] >= edges[:, 0]) & (times[:, None] <= edges[:, 1])
    return np.asarray(inside.any(1))


def judged(
    found: Sequence[Track],
    which: str | int = LARGEST,
    speech: Sequence[tuple[float, float]] | None = None,
) -> list[Judged]:
    """Return the faces that are judged, of those that `tracks` found, and why each.

    `largest` is the most visible one while speech is heard, or at all where none is heard or
    nobody is seen then; `each` is all of them; N is the N-th most visible, from 1. [] where there
    is no such face.
    """
    if which == EACH:
        return [Judged(place, "each face is judged") for place in range(len(found))]
    if which != LARGEST:
        place = int(which) - 1
        return [Judged(place, f"face {which} was asked for")] if 0 <= place < len(found) else []
    if len(found) < 2:
        return [Judged(0, "the only face")] if found else []
    for spans, why in ((speech, "most visible while speech is heard"), (None, "most visible")):
        seen = [visibility(track, spans) for track in found]
        if spans is not None and max(seen) > 0:
            return [Judged(int(np.argmax(seen)), why)]
    return [Judged(int(np.argmax(seen)), why)]
