"""Films and pictures with every oddity and fault, through the commands: what is there is used.

`tests/signals/test_video_faults.py` has the same ones for the reader and for both decoders.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from emocli.io.store import Store
from tests.commands.conftest import HEIGHT, RATE_HZ, WIDTH, Film
from tests.conftest import Emocli
from tests.signals import films, heic_files
from tests.signals.media import ffmpeg

Record = dict[str, Any]
LEFT = (20, 30, 40, 50)  # x, y, width, height of the face
SECONDS = 2  # of the film that most others are made of

pytestmark = pytest.mark.usefixtures("detecting")


class Case(NamedTuple):
    """How a film is made of a plain one, and what is expected of it."""

    make: Callable[[Path, Path], Path]  # plain film, path without suffix -> film
    times: tuple[float, ...] = (0, 0.5, 1, 1.5)
    box: tuple[float, ...] | None = LEFT  # of the first face; None: nobody is seen
    size: tuple[int, int] = (WIDTH, HEIGHT)
    warning: str = ""
    code: str = ""  # of the error, or of what is missing


def made(suffix: str, *options: str, before: tuple[str, ...] = ()) -> Callable[[Path, Path], Path]:
    """Return what writes the plain film in another way."""

    def make(plain: Path, target: Path) -> Path:
        ffmpeg(*before, "-i", plain, *options, target.with_suffix(suffix))
        return target.with_suffix(suffix)

    return make


def copied(
    suffix: str, *options: str, before: tuple[str, ...] = ()
) -> Callable[[Path, Path], Path]:
    """Return what writes the plain film as H.264, and then packets as they are."""

    def make(plain: Path, target: Path) -> Path:
        first = made(".mp4", *films.B_FRAMES)(plain, target.with_name("first"))
        return films.copied(first, target.with_suffix(suffix), *options, before=before)

    return make


def black(_plain: Path, target: Path) -> Path:
    frames = np.zeros((8, HEIGHT, WIDTH, 3), np.uint8)
    return films.of_pictures(target.with_suffix(".mkv"), frames, RATE_HZ)


def header(width: int, height: int) -> Callable[[Path, Path], Path]:
    """Return what writes a PNG that says it has this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checked

    def make(_plain: Path, target: Path) -> Path:
        about = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = chunk(b"IHDR", about) + chunk(b"IDAT", zlib.compress(bytes(99)))
        path = target.with_suffix(".png")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b""))
        return path

    return make


def only_sound(_plain: Path, target: Path) -> Path:
    ffmpeg(*SOUND, target.with_suffix(".mp4"))
    return target.with_suffix(".mp4")


def covered(plain: Path, target: Path) -> Path:
    cover, sound = target.with_name("cover.png"), ("-f", "lavfi", "-i", "sine=duration=1")
    ffmpeg("-i", plain, "-frames:v", "1", cover)
    picture = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg(*sound, "-i", cover, *picture, target.with_suffix(".mp4"))
    return target.with_suffix(".mp4")


def cut(plain: Path, target: Path) -> Path:
    path = made(".mkv", "-c:v", "mjpeg")(plain, target)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    return path


def with_a_wrong_index(plain: Path, target: Path) -> Path:
    path = copied(".mkv")(plain, target)
    data = bytearray(path.read_bytes())
    place = data.rfind(bytes.fromhex("1c53bb6b"))
    assert place > 0
    data[place + 8 :] = bytes(byte ^ 0x15 for byte in data[place + 8 :])
    path.write_bytes(data)
    return path


def twice(plain: Path, target: Path) -> Path:
    path = copied(".ts")(plain, target)
    path.write_bytes(path.read_bytes() * 2)
    return path


TURNED = (30, WIDTH - 20 - 40, 50, 40)  # the face, a quarter to the left
SOUND = ("-f", "lavfi", "-i", "sine=duration=6")
ONE = ("-frames:v", "1")
CASES = {
    "one frame": Case(made(".mkv", *ONE, "-c:v", "ffv1"), (0,)),
    "only sound": Case(only_sound, code="no_video_stream"),
    "without sound": Case(made(".mp4", "-an", *films.H264)),
    "sound that is longer": Case(made(".mp4", *films.H264, before=SOUND)),
    "a broken index": Case(with_a_wrong_index),
    "8K": Case(
        made(".mkv", *ONE, "-vf", "scale=7680:4320:flags=neighbor", "-c:v", "mjpeg", "-q:v", "2"),
        (0,),
        tuple(length * (48, 36)[place % 2] for place, length in enumerate(LEFT)),
        (7680, 4320),
    ),
    "odd sizes": Case(made(".mkv", "-vf", "crop=133:95:0:0", "-c:v", "ffv1"), size=(133, 95)),
    "GIF": Case(made(".gif")),
    "APNG": Case(made(".apng", "-plays", "0")),
    "JPEG": Case(made(".jpg", *ONE, "-q:v", "2"), (0,)),
    "PNG": Case(made(".png", *ONE), (0,)),
    "WebP": Case(made(".webp", *ONE, "-lossless", "1"), (0,)),
    "HEIC": Case(
        lambda _, target: heic_files.picture(target.with_suffix(".heic")),
        (0,),
        (0, 16, 48, 48),
        (films.WIDTH, films.HEIGHT),
    ),
    "HEIC in tiles": Case(
        lambda _, target: heic_files.tiles(target.with_suffix(".heic")), code="decode_failed"
    ),
    "black": Case(black, box=None),
    "0 x 9": Case(header(0, 9), code="decode_failed"),
    "65,000 x 65,000": Case(header(65_000, 65_000), code="decode_failed"),
    "turned": Case(
        copied(".mp4", before=("-display_rotation", "90")), box=TURNED, size=(HEIGHT, WIDTH)
    ),
    "an edit list": Case(copied(".mp4", before=("-ss", "0.6")), (0, 0.5, 1)),
    "a transport stream": Case(copied(".ts")),
    "a cover": Case(covered, code="no_video_stream"),
    "cut off": Case(cut, (0, 0.5, 1), warning="ends before|decoded in part|damaged"),
    "times that go backwards": Case(
        twice, tuple(n / 2 for n in range(8)), warning="times in the file go backwards"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_there_is_sampled_followed_and_encoded(
    name: str, film: Film, emocli: Emocli, expression: str, tmp_path: Path
) -> None:
    case = CASES[name]
    plain = film({"red": [LEFT] * SECONDS * RATE_HZ}, name="plain.mkv")
    path = str(case.make(plain, tmp_path / "case"))
    good = {"id": "good", "path": str(plain)}
    records = [good, {"id": "bad", "path": path}, good]
    looked = emocli("extract-video", stdin=records)
    encode = ("encode", "--modality", "video", "--encoder", expression)
    encoded = emocli(*encode, stdin=records)
    for done in (looked, encoded):
        assert [record["id"] for record in done.records] == ["good", "bad", "good"]
        assert done.status == (1 if case.code else 0), done.stderr
        assert "Traceback" not in done.stderr
    for record in (looked.records[1], encoded.records[1]):
        if case.code:
            assert failed(record) == case.code
        else:
            is_seen(record["video"], case)
    feature = encoded.records[1].get("features", {}).get("video")
    if case.box is None:
        assert encoded.records[1]["missing"]["video"]["code"] == "no_face"
    elif not case.code:
        values = Store().array(feature["array"])
        assert values.shape == (len(case.times), 263)
        assert np.isfinite(values).all()


def failed(record: Record) -> str:
    """Return the code of what went wrong with a record."""
    found = record.get("error") or record["missing"]["video"]
    return str(found["code"])


def is_seen(about: Record, case: Case) -> None:
    """Require the times, the size, the face and the warning of a film."""
    np.testing.assert_allclose(about["times"], case.times, atol=0.13)
    assert (about["width"], about["height"]) == case.size
    assert bool(case.warning) == ("warning" in about)
    assert re.search(case.warning, about.get("warning", ""))
    faces = about["faces"]
    assert faces["count"] == len(faces["judged"]) == len(faces["tracks"]) == (case.box is not None)
    if case.box:
        (track,) = faces["tracks"]
        assert track["times"] == about["times"]
        close = max(case.size) / 50
        np.testing.assert_allclose(track["boxes"], [case.box] * len(track["times"]), atol=close)


def test_a_face_that_leaves_is_seen_as_long_as_it_is_there(
    film: Film, emocli: Emocli, expression: str
) -> None:
    path = str(film({"red": [None] * 4 + [LEFT] * 6 + [None] * 10}))
    (record,) = emocli("encode", "--modality", "video", "--encoder", expression, path).records
    (track,) = record["video"]["faces"]["tracks"]
    assert (track["times"], len(record["video"]["times"])) == ([1, 1.5, 2], 10)
    assert Store().array(record["features"]["video"]["array"]).shape == (3, 263)


def test_what_is_asked_for_behind_the_picture_is_an_error_of_that_part_alone(
    film: Film, emocli: Emocli, tmp_path: Path
) -> None:
    plain = film({"red": [LEFT] * 8}, name="plain.mkv")
    path = str(CASES["sound that is longer"].make(plain, tmp_path / "case"))
    parts = [(0, 1), (3, 4), (1, 4)]
    done = emocli("extract-video", stdin=[{"path": path, "start": s, "end": e} for s, e in parts])
    there, behind, half = done.records
    assert done.status == 1
    assert (there["video"]["times"], half["video"]["times"]) == ([0, 0.5], [1, 1.5])
    assert failed(behind) == "no_such_span"
    assert "warning" in half["video"]
    assert "warning" not in there["video"]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_flash_and_a_click_are_in_step(suffix: str, emocli: Emocli, tmp_path: Path) -> None:
    flash = "color=black:size=64x64:rate=50:duration=2,drawbox=c=white:t=fill:enable='gte(t,1)'"
    click = "aevalsrc='0.9*gte(t,1)*sin(2*PI*1000*t)':sample_rate=16000:duration=2"
    path = tmp_path / f"a.{suffix}"
    sources = ("-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", click)
    ffmpeg(*sources, *films.B_FRAMES, "-c:a", "aac", path)
    heard = emocli("extract-audio", str(path)).records
    (record,) = emocli("extract-video", "--no-faces", "--rate", "50", stdin=heard).records
    frames = Store().array(record["video"]["array"])
    seen_s = record["video"]["times"][int(np.argmax(frames.mean((1, 2, 3)) > 128))]
    samples, _ = soundfile.read(Store().path(record["audio"]["path"]))
    assert abs(seen_s - np.argmax(np.abs(samples) > 0.2) / 16_000) < 0.025  # a frame of AAC
