"""Boxes, crops, tracks and averages of faces: worked by hand, without a network."""

from __future__ import annotations

import numpy as np
import pytest

from emocli.signals import face_averages, face_tracks, faces
from emocli.signals.face_tracks import Judged


def box(x: float, y: float, size: float, score: float = 0.9) -> list[float]:
    return [x, y, size, size, score]


def frames(*several: list[list[float]]) -> list[faces.Boxes]:
    return [np.array(found, np.float32).reshape(-1, 5) for found in several]


# --- boxes -----------------------------------------------------------------------------------


def test_overlap_is_what_two_boxes_share_of_both() -> None:
    [first, second] = frames([box(0, 0, 10), box(5, 5, 10)], [box(0, 0, 10), box(10, 5, 5)])
    expected = [[1.0, 0.0], [25 / 175, 25 / 100]]
    np.testing.assert_allclose(faces.overlaps(first, second), expected)
    [empty] = frames([[3, 3, 0, 0, 1]])
    assert faces.overlaps(empty, empty) == 0


def test_of_boxes_around_one_face_the_surest_stays() -> None:
    [found] = frames([box(0, 0, 9, 0.6), box(1, 0, 9, 0.9), box(40, 0, 9, 0.7), box(41, 1, 9, 0.5)])
    kept = faces.suppressed(found, 0.4)
    assert kept[:, 4] == pytest.approx([0.9, 0.7])
    assert len(faces.suppressed(found, 0.99)) == 4
    assert faces.suppressed(found[:0], 0.4).shape == (0, 5)


def test_a_box_that_was_suppressed_suppresses_nothing() -> None:
    [chain] = frames([box(0, 0, 10, 0.9), box(5, 0, 10, 0.8), box(10, 0, 10, 0.7)])
    assert faces.suppressed(chain, 0.3)[:, 0].tolist() == [0, 10]


def test_of_too_many_faces_the_largest_are_kept_and_the_rest_is_counted() -> None:
    sizes = np.random.default_rng(0).permutation(np.arange(1, 10_001))
    [crowd] = frames([box(0, 0, size, 0.6) for size in sizes])
    kept, left_out = faces.largest(crowd)
    assert left_out == 10_000 - faces.MOST_FACES
    assert sorted(kept[:, 2]) == list(range(10_001 - faces.MOST_FACES, 10_001))
    assert [size for size in sizes if size in set(kept[:, 2])] == kept[:, 2].tolist()
    few, none = faces.largest(crowd[:3])
    assert len(few) == 3
    assert none == 0


# --- crops -----------------------------------------------------------------------------------


@pytest.fixture
def places() -> faces.Picture:
    """A picture of 40 x 60 whose colours say where each pixel is."""
    y, x = np.mgrid[:40, :60]
    return np.stack([x, y, x + y], axis=-1).astype(np.uint8)


def test_a_crop_is_the_box_as_it_is_without_a_margin(places: faces.Picture) -> None:
    crop = faces.crop(places, np.array([10, 5, 20, 30, 0.9]))
    assert crop.shape == (30, 20, 3)
    assert crop[0, 0].tolist() == [10, 5, 15]
    assert crop[-1, -1].tolist() == [29, 34, 63]


@pytest.mark.parametrize(
    ("wanted", "left", "top", "shape"),
    [
        ((-5, -8, 20, 30), 0, 0, (22, 15)),  # beyond the upper left corner
        ((50, 30, 20, 30), 50, 30, (10, 10)),  # beyond the lower right one
        ((-9, -9, 200, 200), 0, 0, (40, 60)),
        ((10.7, 5.2, 20.6, 9.9), 10, 5, (9, 20)),  # rounded down, as face-api does
    ],
)
def test_a_crop_ends_where_the_frame_ends(places, wanted, left, top, shape) -> None:
    crop = faces.crop(places, np.array([*wanted, 0.9]))
    assert crop.shape == (*shape, 3)
    assert crop[0, 0].tolist() == [left, top, left + top]


@pytest.mark.parametrize(
    "outside", [(60, 0, 9, 9), (0, 40, 9, 9), (-20, 0, 9, 9), (3, 3, 0, 9), (3, 3, 0.9, 9)]
)
def test_a_box_outside_the_frame_has_no_crop(places: faces.Picture, outside) -> None:
    assert faces.crop(places, np.array([*outside, 0.9])) is None


# --- tracks ----------------------------------------------------------------------------------

SECONDS = np.arange(8) / 2  # two frames a second


def test_two_people_are_two_tracks_whatever_the_order_of_their_boxes() -> None:
    """Sizes waver so that now one, now the other is the larger one."""
    seen = []
    for frame in range(8):
        left, right = box(20 + frame, 30, 50 + frame % 2 * 8), box(150 - frame, 30, 54)
        seen.append([left, right] if frame % 2 else [right, left])
    found = face_tracks.tracks(frames(*seen), SECONDS)
    assert [track.frames.tolist() for track in found] == [list(range(8))] * 2
    for track in found:
        assert np.ptp(track.boxes[:, 0]) == 7
        np.testing.assert_array_equal(track.times, SECONDS)


def test_people_who_pass_each_other_keep_their_size() -> None:
    near = [box(10 + 12 * n, 20, 60) for n in range(8)]
    far = [box(90 - 12 * n, 35, 30) for n in range(8)]
    found = face_tracks.tracks(frames(*map(list, zip(near, far, strict=True))), SECONDS)
    assert [set(track.boxes[:, 2].tolist()) for track in found] == [{60}, {30}]


def test_a_face_that_is_hidden_for_a_moment_is_the_same_face() -> None:
    face = [box(10, 10, 40)]
    hidden = face_tracks.tracks(frames(face, face, [], [], face, face), SECONDS[:6])
    assert [track.frames.tolist() for track in hidden] == [[0, 1, 4, 5]]
    gone = face_tracks.tracks(frames(*[face] * 3, [], [], *[face] * 3), SECONDS * 2)
    assert [track.frames.tolist() for track in gone] == [[0, 1, 2], [5, 6, 7]]


@pytest.mark.parametrize("other", [box(300, 10, 40), box(10, 10, 80), box(25, 25, 8)])
def test_another_place_or_another_size_is_another_face(other: list[float]) -> None:
    seen = [[box(10, 10, 40)]] * 4 + [[other]] * 4
    found = face_tracks.tracks(frames(*seen), SECONDS)
    assert sorted(len(track.frames) for track in found) == [4, 4]


def test_fewer_than_three_frames_are_no_face_but_in_a_film_that_has_no_more() -> None:
    face, nobody = [box(10, 10, 40)], []
    assert face_tracks.tracks(frames(face, face, nobody, nobody), SECONDS[:4]) == []
    assert len(face_tracks.tracks(frames(face, face, face, nobody), SECONDS[:4])) == 1
    assert len(face_tracks.tracks(frames(face), [0.0])) == 1  # a still picture
    assert len(face_tracks.tracks(frames(face, face), [0.0, 0.5])) == 1
    assert face_tracks.tracks(frames(face, nobody), [0.0, 0.5]) == []
    assert face_tracks.tracks([], []) == []
    assert face_tracks.tracks(frames(nobody, nobody, nobody), SECONDS[:3]) == []


def test_the_most_visible_face_comes_first() -> None:
    small_but_there = [box(200, 10, 30)]
    large_but_brief = [box(10, 10, 70)]
    seen = [small_but_there + large_but_brief * (frame < 3) for frame in range(8)]
    first, second = face_tracks.tracks(frames(*seen), SECONDS)
    assert (len(first.frames), len(second.frames)) == (8, 3)
    assert face_tracks.visibility(first) == 8 * 30
    assert face_tracks.visibility(second, [(0.0, 0.5)]) == 2 * 70


def test_two_hours_take_seconds() -> None:
    """14,400 frames in which somebody new comes every two seconds."""
    import time

    seen = frames(*[[box(100 * (n // 4 % 7), 10, 40)] for n in range(14_400)])
    started = time.process_time()
    found = face_tracks.tracks(seen, np.arange(14_400) / 2)
    assert len(found) == 3600
    assert time.process_time() - started < 20


# --- who is judged ---------------------------------------------------------------------------


@pytest.fixture
def speaker_and_listener() -> list[face_tracks.Track]:
    """A large face in the first two seconds, a smaller one in the last two."""
    seen = [[box(10, 10, 70)]] * 4 + [[box(200, 10, 50)]] * 4
    return face_tracks.tracks(frames(*seen), SECONDS)


def test_the_face_that_is_seen_while_somebody_speaks_is_judged(speaker_and_listener) -> None:
    judged = face_tracks.judged
    assert judged(speaker_and_listener) == [Judged(0, "most visible")]
    late = judged(speaker_and_listener, speech=[(2.4, 4.0)])
    assert late == [Judged(1, "most visible while speech is heard")]
    early = judged(speaker_and_listener, speech=[(0.0, 1.0), (3.5, 3.6)])
    assert early == [Judged(0, "most visible while speech is heard")]


@pytest.mark.parametrize("speech", [[], [(60.0, 70.0)]])
def test_where_nobody_speaks_or_is_seen_to_the_most_visible_one_is(
    speaker_and_listener, speech
) -> None:
    assert face_tracks.judged(speaker_and_listener, speech=speech) == [Judged(0, "most visible")]


def test_each_face_or_the_nth_can_be_asked_for(speaker_and_listener) -> None:
    each = face_tracks.judged(speaker_and_listener, "each")
    assert [one.track for one in each] == [0, 1]
    assert face_tracks.judged(speaker_and_listener, 2) == [Judged(1, "face 2 was asked for")]
    assert face_tracks.judged(speaker_and_listener, 3) == []
    assert face_tracks.judged(speaker_and_listener, 0) == []
    assert face_tracks.judged([], "each") == face_tracks.judged([]) == []
    one = face_tracks.judged(speaker_and_listener[:1], speech=[(9.0, 9.5)])
    assert one == [Judged(0, "the only face")]


# --- averages --------------------------------------------------------------------------------


def test_a_second_counts_once_however_many_frames_it_has() -> None:
    times = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 2.9])
    logits = np.array([[1.0, 0.0]] * 5 + [[0.0, 4.0], [0.0, 2.0]])
    bins = face_averages.binned(times, logits)
    assert bins.starts.tolist() == [0, 1, 2]
    assert bins.counts.tolist() == [5, 1, 1]
    np.testing.assert_allclose(bins.means, [[1, 0], [0, 4], [0, 2]])
    expected = np.exp(np.array([1 / 3, 2]) / 6)
    found = face_averages.overall(times, logits, 6.0)
    np.testing.assert_allclose(found, expected / expected.sum())


def test_a_temperature_makes_probabilities_timid_and_keeps_their_order() -> None:
    logits = np.array([9.0, 1.0, -5.0])
    raw, timid = (face_averages.probabilities(logits, t) for t in (1.0, 6.0))
    assert raw[0] > 0.999
    assert timid[0] < 0.8
    assert np.array_equal(np.argsort(raw), np.argsort(timid))
    assert np.isfinite(face_averages.probabilities(np.array([1e5, -1e5]), 1.0)).all()
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="temperature"):
            face_averages.probabilities(logits, wrong)


def test_times_without_their_values_are_refused() -> None:
    with pytest.raises(ValueError, match="2 times, 3 values"):
        face_averages.binned(np.zeros(2), np.zeros((3, 7)))
