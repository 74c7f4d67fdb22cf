"""Frames of films: the right ones, whole, at the right times, by both decoders alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import video, video_ffmpeg, video_packets
from emocli.signals.video import Middle, Rate, Times, Uniform
from tests.signals import films
from tests.signals.films import FRAMES, KINDS, RATE_HZ, WAYS, choose, same

LAST_S = FRAMES / RATE_HZ


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("gif", "grey")])
def test_the_frame_at_t_is_the_last_that_is_not_after_t(kind: str, way: str, folder: Path) -> None:
    path = films.of_kind(kind, folder)
    at = (0.0, 0.019, 0.04, 0.06, 0.47, 0.48, 0.5, 1.03, 1.4399999, 1.44, 1.99, 7.0)
    clip = video.read(path, Times(at))
    expected = [min(int(t * RATE_HZ + 1e-4), FRAMES - 1) for t in at]
    assert films.numbers(clip.images) == expected
    np.testing.assert_allclose(clip.times, np.array(expected) / RATE_HZ, atol=6e-4)
    assert way == ("PyAV" if "PyAV" in clip.decoder else "program")
    assert (clip.duration, clip.frame_rate) == pytest.approx((LAST_S, RATE_HZ), rel=2e-3)
    assert (clip.width, clip.height, clip.warning) == (films.WIDTH, films.HEIGHT, None)


@pytest.mark.parametrize("kind", KINDS)
def test_both_decoders_give_the_same_pixels_and_times(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films.of_kind(kind, folder)
    for wanted in (Rate(3.3), Uniform(FRAMES)):
        clips = []
        for way in WAYS:
            choose(way, monkeypatch)
            clips.append(video.read(path, wanted, 0.3, 1.7))
        assert len(clips[0].times)  # there is something to compare
        same(*clips)
    monkeypatch.setattr(video_ffmpeg, "START_PIXELS", 0)  # a process for each group of pictures
    same(clips[0], video.read(path, wanted, 0.3, 1.7))


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_those_of_a_full_decoding_and_of_ffmpegs_select(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films.of_kind(kind, folder)
    full = films.decoded(path)
    assert len(full) == FRAMES
    times = [(n + 0.5) / RATE_HZ for n in (5, 11, 12, 13, 30, 49)]
    few = video.read(path, Times(tuple(times)))
    chosen = [n for n, _ in enumerate(full) if (n + 0.5) / RATE_HZ in times]
    np.testing.assert_array_equal(few.images, np.stack([full[n][1] for n in chosen]))
    difference = few.images.astype(int) - films.selected(path, chosen)
    assert np.abs(difference).max() <= 1
    # Neither packets that are kept, nor those that are read on the way: by the index.
    monkeypatch.setattr(video_packets, "KEPT_BYTES", 0)
    monkeypatch.setattr(video_packets, "FAR", 0)
    path.touch()  # it is surveyed again
    same(few, video.read(path, Times(tuple(times))))


def test_frames_of_varying_length_keep_their_times(way: str, folder: Path) -> None:
    keep = "select='not(mod(n,3))+eq(mod(n,7),1)'"
    path = films.film(folder / f"vfr_{way}.mp4", "-vf", keep, "-fps_mode", "vfr", *films.B_FRAMES)
    kept = [n for n in range(FRAMES) if n % 3 == 0 or n % 7 == 1]
    clip = video.read(path, Uniform(FRAMES))
    assert films.numbers(clip.images) == kept
    np.testing.assert_allclose(clip.times, np.array(kept) / RATE_HZ, atol=1e-6)
    at = (0.3, 0.75, 1.33)
    expected = [max(n for n in kept if n / RATE_HZ <= t) for t in at]
    assert films.numbers(video.read(path, Times(at)).images) == expected


def test_an_edit_list_moves_times_and_hides_frames(way: str, folder: Path) -> None:
    source = films.of_kind("b_frames", folder)
    path = films.copied(source, folder / f"edit_{way}.mp4", before=("-ss", "0.52"))
    clip = video.read(path, Rate(RATE_HZ))
    assert films.numbers(clip.images)[:3] == [13, 14, 15]
    np.testing.assert_allclose(clip.times[:3], [0, 0.04, 0.08], atol=0.021)
    assert films.numbers(video.read(path, Times((1.0,))).images) == [38]


@pytest.mark.parametrize("start", ["1.0", "0.0"])
def test_a_picture_that_begins_late_keeps_its_times(way: str, folder: Path, start: str) -> None:
    sound = ("-f", "lavfi", "-i", "sine=duration=4", "-itsoffset", start)
    options = ("-map", "0", "-map", "1", "-fps_mode", "passthrough", *films.B_FRAMES)
    path = films.film(folder / f"late_{start}_{way}.mp4", *options, before=sound)
    late_s = float(start)
    clip = video.read(path, Times((0.0, late_s + 0.42)))
    assert films.numbers(clip.images) == [0, 10]  # the first where there is none before
    assert clip.times[1] == pytest.approx(late_s + 0.4, abs=1e-3)
    assert clip.duration == pytest.approx(late_s + LAST_S, abs=0.01)
    assert clip.warning is None
    spread = video.read(path, Uniform(4))  # over the picture: the sound goes on without it
    np.testing.assert_allclose(spread.times, late_s + np.array([0.24, 0.72, 1.24, 1.72]), atol=0.02)
    with pytest.raises(RecordError, match=r"no picture from 3\.2 s on"):
        video.read(path, Middle(), 3.2, 3.9)
    assert "the picture at" in (video.read(path, Middle(), 0.2, 3.9).warning or "")


def test_spread_rate_middle_and_span(way: str, folder: Path) -> None:
    path = films.of_kind("b_frames", folder)
    assert films.numbers(video.read(path, Uniform(4)).images) == [6, 18, 31, 43]
    assert films.numbers(video.read(path, Middle()).images) == [25]
    assert films.numbers(video.read(path, Middle(), 0.4, 0.8).images) == [15]
    assert films.numbers(video.read(path, Rate(5)).images) == list(range(0, 50, 5))
    assert films.numbers(video.read(path, Rate(5), 0.41, 1.0).images) == [10, 15, 20]
    assert films.numbers(video.read(path, Uniform(9), 0.4, 0.52).images) == [10, 11, 12]  # once
    assert films.numbers(video.read(path, Times((1.0, 0.2, 1.0))).images) == [25, 5, 25]
    one_by_one = list(video.frames(path, Rate(5), 0.41, 1.0))
    assert [films.number(image) for _, image in one_by_one] == [10, 15, 20]
    assert [time for time, _ in one_by_one] == [0.4, 0.6, 0.8]


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        (Uniform(0), None, None),
        (Uniform(10**9), None, None),
        (Rate(0), None, None),
        (Rate(float("nan")), None, None),
        (Times((-1.0,)), None, None),
        (Times(()), None, None),
        (Middle(), 2, 1),
        (Middle(), -1, None),
        (Middle(), float("nan"), None),
    ],
)
def test_what_makes_no_sense_is_refused(
    wanted: video.Wanted, start: float | None, end: float | None, folder: Path
) -> None:
    path = films.of_kind("b_frames", folder)
    with pytest.raises(RecordError) as caught:
        video.read(path, wanted, start, end)
    assert caught.value.code in ("bad_wanted", "bad_span")


def test_frames_are_scaled_down_while_they_are_decoded(way: str, folder: Path) -> None:
    path = films.of_kind("b_frames", folder)
    clip = video.read(path, Uniform(3), longest=48)
    assert clip.images.shape == (3, 32, 48, 3)
    assert (clip.width, clip.height) == (96, 64)
    assert films.numbers(clip.images) == [8, 25, 41]
    assert video.read(path, Middle(), longest=4000).images.shape[1:3] == (64, 96)


def test_a_survey_serves_all_spans_of_a_film(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(films.of_kind("b_frames", folder).read_bytes())
    choose("PyAV", monkeypatch)
    video.read(path, Middle(), 0.1, 0.5)
    with monkeypatch.context() as patch:
        patch.setattr(video_packets.Feed, "survey", None)
        assert films.numbers(video.read(path, Middle(), 1.4, 1.8).images) == [40]
    path.write_bytes(films.of_kind("one_key", folder).read_bytes())  # another film
    assert films.numbers(video.read(path, Middle(), 1.4, 1.8).images) == [40]
