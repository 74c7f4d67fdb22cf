"""extract-video, and what encode makes of films: whose face it is, and films with every fault.

The detector here finds what is drawn in one colour, so that what is there is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from emocli.io.store import Store
from emocli.modalities import kept_pictures, video_faces
from tests.commands.conftest import HEIGHT, RATE_HZ, SKINS, WIDTH, Film
from tests.conftest import Emocli
from tests.encoders import tiny_blendshapes, tiny_faces
from tests.signals.media import ffmpeg

Record = dict[str, Any]
LEFT, RIGHT = (10, 20, 40, 50), (90, 30, 50, 60)

pytestmark = pytest.mark.usefixtures("detecting")


def test_a_face_is_followed_and_its_crops_are_in_the_store(film: Film, emocli: Emocli) -> None:
    path = film({"red": [(10 + 2 * i, 20, 40, 50) for i in range(8)]})
    done = emocli("extract-video", str(path))
    assert done.status == 0, done.stderr
    (record,) = done.records
    about = record["video"]
    assert about["times"] == [0, 0.5, 1, 1.5]
    assert (about["width"], about["height"], about["frame_rate"]) == (WIDTH, HEIGHT, RATE_HZ)
    assert about["duration"] == 2
    assert about["sampled"] == {
        "rate_hz": 2,
        "longest_px": 1280,
        "face": "largest",
        "detector": "drawn",
    }
    faces = about["faces"]
    assert (faces["count"], faces["judged"], faces["why"]) == (1, [1], "the only face")
    (track,) = faces["tracks"]
    assert track["times"] == about["times"]
    assert track["boxes"][:2] == [[10, 20, 40, 50], [14, 20, 40, 50]]
    assert faces["sizes"] == [[50, 40]] * 4
    crops = Store().array(faces["array"])
    assert crops.shape == (4, 50, 50, 3)
    assert np.abs(crops[:, :50, :40].astype(int) - SKINS["red"]).max() < 60
    assert not crops[:, :, 40:].any()


def test_boxes_are_in_pixels_of_the_film_whatever_is_searched(film: Film, emocli: Emocli) -> None:
    path = str(film({"red": [LEFT] * 8}))
    (record,) = emocli("extract-video", "--longest", "80", path).records
    (track,) = record["video"]["faces"]["tracks"]
    np.testing.assert_allclose(track["boxes"], [LEFT] * 4, atol=2)
    assert record["video"]["faces"]["array"]["shape"] == [4, 25, 25, 3]


def test_many_faces_go_through_a_file(
    film: Film, emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(film({"red": [LEFT] * 8}))
    before = emocli("extract-video", path).records
    monkeypatch.setattr(kept_pictures, "IN_MEMORY_BYTES", 5000)
    assert emocli("extract-video", path).records == before


def test_two_people_are_two_tracks_and_a_flag_says_whose_face(film: Film, emocli: Emocli) -> None:
    path = str(film({"red": [LEFT] * 8, "green": [RIGHT] * 8}))
    judged = {}
    for face in ("largest", "2", "3", "each"):
        (record,) = emocli("extract-video", path, "--face", face).records
        faces = record["video"]["faces"]
        assert faces["count"] == 2
        judged[face] = (faces["judged"], len(faces["sizes"]), faces.get("why"))
    assert judged["largest"] == ([1], 4, "most visible")
    assert judged["2"] == ([2], 4, "face 2 was asked for")
    assert judged["3"] == ([], 0, None)
    assert judged["each"] == ([1, 2], 8, "each face is judged")


def test_who_is_seen_while_somebody_speaks_is_judged(
    film: Film, emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emocli.signals import voice_activity

    monkeypatch.setattr(voice_activity, "speech_segments", lambda _: [(0.0, 1.2)])
    sound = np.random.default_rng(3).normal(0, 3000, 16_000 * 4).astype("<i2")
    seen = {"red": [LEFT] * 6 + [None] * 10, "green": [None] * 4 + [RIGHT] * 12}
    path = str(film(seen, sound=sound))
    (record,) = emocli("extract-video", path).records
    faces = record["video"]["faces"]
    assert faces["why"] == "most visible while speech is heard"
    assert faces["judged"] == [2]
    assert faces["tracks"][1]["boxes"][0] == list(LEFT)
    later = {"id": "later", "path": path, "start": 1.0, "end": 4.0}
    (part,) = emocli("extract-video", stdin=[later]).records
    faces = part["video"]["faces"]
    assert part["video"]["times"][0] == 1.0
    # speech of the part is until 2.2 s, when the second face is seen more often
    assert faces["tracks"][faces["judged"][0] - 1]["boxes"][0] == list(RIGHT)


@pytest.mark.parametrize("stored", [False, True])
def test_a_long_film_is_heard_block_by_block(
    stored: bool, film: Film, emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the same effect; and nothing of its sound is kept."""
    from emocli.modalities import audio, video_speech

    clip, _ = soundfile.read("examples/clips/joy.wav", dtype="int16")
    sound = np.concatenate([np.zeros(16_000 * 2, np.int16), clip[: 16_000 * 3]])
    seen = {"red": [LEFT] * 14 + [None] * 6, "green": [None] * 8 + [RIGHT] * 12}
    record: Record = {"id": "a", "path": str(film(seen, sound=sound)), "start": 0.4}
    given = emocli("extract-audio", stdin=[record]).records if stored else [record]
    (short,) = emocli("extract-video", stdin=given).records
    monkeypatch.setattr(video_speech, "SHORT_S", 1.0)
    monkeypatch.setattr(audio, "samples", None)
    (long,) = emocli("extract-video", stdin=given).records
    assert long == short
    faces = long["video"]["faces"]
    assert faces["why"] == "most visible while speech is heard"
    assert faces["tracks"][faces["judged"][0] - 1]["boxes"][0] == list(RIGHT)


def test_frames_are_kept_without_faces(film: Film, emocli: Emocli, detecting: list[int]) -> None:
    path = str(film({"red": [LEFT] * 8}))
    for flags, times in {
        ("--rate", "4"): [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75],
        ("--frames", "2"): [0.5, 1.5],
        ("--key-frame",): [1],
    }.items():
        (record,) = emocli("extract-video", "--no-faces", *flags, path).records
        assert record["video"]["times"] == times
        assert Store().array(record["video"]["array"]).shape == (len(times), HEIGHT, WIDTH, 3)
    (small,) = emocli("extract-video", "--no-faces", "--longest", "80", path).records
    assert small["video"]["array"]["shape"] == [4, 60, 80, 3]
    assert (small["video"]["width"], small["video"]["height"]) == (WIDTH, HEIGHT)
    assert not detecting


@pytest.mark.parametrize(
    ("build", "dim"), [(tiny_faces.expression, 263), (tiny_blendshapes.converted, 52)]
)
def test_what_was_extracted_is_encoded_alike(
    build: Callable[[Path], None],
    dim: int,
    film: Film,
    emocli: Emocli,
    detecting: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the file, from the crops in the store, and from the frames in the store."""
    tiny_blendshapes.make_small(monkeypatch)
    build(tmp_path / "net")
    path = str(film({"red": [LEFT] * 8, "green": [None] * 4 + [RIGHT] * 4}))
    encode = ("encode", "--modality", "video", "--encoder", str(tmp_path / "net"))
    (direct,) = emocli(*encode, path).records
    (faces,) = emocli(*encode, stdin=emocli("extract-video", path).records).records
    asked = len(detecting)
    emocli(*encode, stdin=[{key: faces[key] for key in ("id", "path", "video")}])
    assert len(detecting) == asked
    frames = emocli("extract-video", "--no-faces", "--longest", "1280", path).records
    (of_frames,) = emocli(*encode, stdin=frames).records
    expected = direct["features"]["video"]
    values = Store().array(expected["array"])
    assert values.shape == (4, dim)
    for other in (faces, of_frames):
        feature = other["features"]["video"]
        assert feature["sampled"] == expected["sampled"]
        np.testing.assert_allclose(Store().array(feature["array"]), values, atol=1e-5)


@pytest.mark.parametrize(("pooling", "dim"), [("mean", 263), ("statistics", 7 * 263)])
def test_faces_are_pooled(
    pooling: str, dim: int, film: Film, emocli: Emocli, expression: str
) -> None:
    path = str(film({"red": [LEFT] * 8}))
    flags = ("--modality", "video", "--encoder", expression, "--pooling", pooling)
    (record,) = emocli("encode", *flags, path).records
    assert len(record["features"]["video"]["vector"]) == dim


def test_nobody_is_no_failure(film: Film, emocli: Emocli, expression: str) -> None:
    path = str(film({"red": [None] * 8}))
    done = emocli("extract-video", path)
    assert done.status == 0
    assert done.records[0]["video"]["faces"] == {
        "count": 0,
        "judged": [],
        "tracks": [],
        "sizes": [],
    }
    for source in ([{"id": "a", "path": path}], done.records):
        encoded = emocli("encode", "--modality", "video", "--encoder", expression, stdin=source)
        assert encoded.status == 0
        (record,) = encoded.records
        assert record["missing"]["video"]["code"] == "no_face"
        assert "features" not in record


def test_flags_of_video_reach_the_features(film: Film, emocli: Emocli, expression: str) -> None:
    path = str(film({"red": [LEFT] * 8, "green": [RIGHT] * 8}))
    flags = ("--modality", "video", "--encoder", expression, "--frames", "3", "--face", "2")
    (record,) = emocli("encode", *flags, path).records
    sampled = record["features"]["video"]["sampled"]
    assert (sampled["count"], sampled["face"]) == (3, 2)
    assert record["video"]["faces"]["judged"] == [2]
    assert Store().array(record["features"]["video"]["array"]).shape == (3, 263)


@pytest.mark.parametrize(
    "flags",
    [
        ("extract-video", "--rate", "2", "--frames", "3"),
        ("extract-video", "--face", "nobody"),
        ("extract-video", "--face", "0"),
        ("extract-video", "--no-faces", "--face", "each"),
        ("encode", "--modality", "audio", "--face", "each"),
        ("encode", "--modality", "text", "--rate", "2"),
        ("encode", "--modality", "video", "--rate", "2", "--key-frame"),
    ],
)
def test_flags_that_mean_nothing_are_refused(flags: Sequence[str], emocli: Emocli) -> None:
    done = emocli(*flags)
    assert (done.status, done.stdout) == (2, b"")
    assert flags[-1].lstrip("-") in done.stderr or flags[-2] in done.stderr


def faulty(kind: str, film: Film, folder: Path) -> Path:
    """Return a film with a fault."""
    path = film({"red": [LEFT] * 8})
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:90])
    if kind == "empty":
        path.write_bytes(b"")
    if kind == "no film":
        path.write_text("no film at all" * 90)
    if kind == "not there":
        path.unlink()
    if kind == "only sound":
        path = folder / "a.mp4"
        ffmpeg("-f", "lavfi", "-i", "sine=duration=0.5", path)
    return path


FAULTS = {
    "cut": ("error", ("decode_failed",)),
    "empty": ("error", ("empty_file",)),
    "no film": ("error", ("not_media",)),
    "not there": ("error", ("not_found",)),
    "only sound": ("missing", ("no_video_stream",)),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_faulty_film_is_told_between_good_ones(
    kind: str, film: Film, emocli: Emocli, tmp_path: Path
) -> None:
    good = {"id": "good", "path": str(film({"red": [LEFT] * 8}, name="good.mkv"))}
    bad = {"id": "bad", "path": str(faulty(kind, film, tmp_path))}
    done = emocli("extract-video", stdin=[good, bad, good])
    assert done.status == 1
    field, codes = FAULTS[kind]
    problem = done.records[1][field]
    assert (problem if field == "error" else problem["video"])["code"] in codes
    assert [("video" in record) for record in done.records] == [True, False, True]


def test_what_is_not_what_was_extracted_is_told(
    film: Film, emocli: Emocli, expression: str
) -> None:
    (good,) = emocli("extract-video", str(film({"red": [LEFT] * 8}))).records
    wrong: list[Any] = [7, {"faces": {"sizes": [[1, 1]]}}, {"array": {"path": "../x"}}]
    changed = json.loads(json.dumps(good["video"]))
    changed["faces"]["sizes"] = changed["faces"]["sizes"][1:]
    records = [{"id": str(n), "video": about} for n, about in enumerate([*wrong, changed])]
    done = emocli("encode", "--modality", "video", "--encoder", expression, stdin=records)
    assert done.status == 1
    codes = [record["error"]["code"] for record in done.records]
    assert set(codes) <= {"bad_video", "bad_store_path"}


def test_a_picture_is_one_frame(film: Film, emocli: Emocli) -> None:
    path = film({"red": [LEFT]}, name="a.png")
    (record,) = emocli("extract-video", str(path)).records
    assert record["video"]["times"] == [0]
    assert "duration" not in record["video"]
    assert record["video"]["faces"]["count"] == 1
    heard = emocli("extract-audio", str(path))
    assert heard.status == 0
    assert heard.records[0]["missing"]["audio"]["code"] == "no_audio"


def test_too_many_faces_are_told(
    film: Film, emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = [(n % 150, n // 150, 5, 5, 0.6) for n in range(10_000)]
    crowd = np.array(grid, np.float32)
    monkeypatch.setattr(
        video_faces, "detector", lambda *_: (lambda some: [crowd for _ in some], "crowd")
    )
    (record,) = emocli("extract-video", str(film({"red": [LEFT] * 4}))).records
    faces = record["video"]["faces"]
    assert faces["count"] == 16
    assert faces["left_out"] == 2 * (10_000 - 16)


def test_a_folder_of_films_leaves_covers_out(film: Film, emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    film({"red": [LEFT]}, name="in/a.png")
    assert [r["path"][-5:] for r in emocli("extract-video", str(tmp_path / "in")).records] == [
        "a.png"
    ]
    film({"red": [LEFT] * 4}, name="in/b.mkv")
    done = emocli("extract-video", str(tmp_path / "in"))
    assert [record["path"][-5:] for record in done.records] == ["b.mkv"]
    assert "1 .png" in done.stderr
