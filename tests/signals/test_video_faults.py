"""Films and pictures that are unusual, broken or hostile: what is there is read and told."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import audio, video, video_endings, video_faults, video_packets
from emocli.signals.video import Middle, NoVideoStreamError, Rate, Times, Uniform
from tests.signals import films, heic_files
from tests.signals.films import FRAMES, RATE_HZ, WAYS, choose, same
from tests.signals.media import ffmpeg

STILLS = {"png": (), "jpg": ("-q:v", "2"), "webp": ("-lossless", "1"), "bmp": (), "avif": ()}
# Orientation of EXIF (CIPA DC-008, 4.6.5) -> what is done to the stored picture, rows and columns.
EXIF = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x),
}


@pytest.mark.parametrize("suffix", STILLS)
def test_a_picture_is_one_frame_without_duration(suffix: str, way: str, tmp_path: Path) -> None:
    path = films.film(tmp_path / f"a.{suffix}", "-frames:v", "1", *STILLS[suffix], frames=1)
    for wanted in (Uniform(16), Rate(5), Middle(), Times((3.0,))):
        clip = video.read(path, wanted)
        assert clip.images.shape == (1, films.HEIGHT, films.WIDTH, 3)
        np.testing.assert_allclose(clip.images[0].astype(int), films.drawn(0), atol=60)
        assert (clip.duration, clip.frame_rate, clip.times.tolist()) == (None, None, [0.0])
        assert clip.warning is None
    assert video.read(path, Middle(), longest=48).images.shape == (1, 32, 48, 3)


def test_a_heic_is_read_if_it_is_one_picture_and_refused_in_tiles(way: str, tmp_path: Path) -> None:
    clip = video.read(heic_files.picture(tmp_path / "a.heic"), Uniform(16))
    assert (clip.images.shape, clip.duration) == ((1, films.HEIGHT, films.WIDTH, 3), None)
    np.testing.assert_allclose(clip.images[0].astype(int), films.drawn(0), atol=60)
    with pytest.raises(RecordError, match="tiles") as caught:
        video.read(heic_files.tiles(tmp_path / "tiles.heic"), Middle())
    assert (caught.value.code, "JPEG" in caught.value.hint) == ("decode_failed", True)


@pytest.mark.parametrize("name", ["a%03d.png", "-i.png", "file:x.png", "a b'c.png", "concat:a|b"])
def test_a_name_is_never_an_option_a_protocol_or_a_list(
    name: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = films.film(tmp_path / "a001.png", "-frames:v", "1", frames=1)
    ffmpeg("-i", other, "-vf", "hflip", tmp_path / "turned.png")
    (tmp_path / "turned.png").rename(name)
    left = video.read(name, Middle()).images[0, -1, 0].astype(int)
    assert left[2] > 200 > 50 > left[0]  # blue


def test_a_list_of_files_opens_none_of_them(way: str, folder: Path, tmp_path: Path) -> None:
    film = films.of_kind("b_frames", folder)
    for text in (f"ffconcat version 1.0\nfile {film}\n", f"#EXTM3U\n#EXTINF:1,\n{film}\n"):
        path = tmp_path / "list.mp4"
        path.write_text(text)
        with pytest.raises(RecordError) as caught:
            video.read(path, Middle())
        assert caught.value.code in ("not_media", "decode_failed")


@pytest.mark.parametrize("degrees", [90, 180, 270, 45])
@pytest.mark.parametrize("flip", ["", "-display_hflip", "-display_vflip"])
def test_films_are_upright(
    degrees: int, flip: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = films.of_kind("b_frames", folder)
    turn = ("-display_rotation", str(degrees), *([flip] if flip else []))
    path = films.copied(source, tmp_path / "a.mp4", before=turn)
    clips = []
    for one in WAYS:
        choose(one, monkeypatch)
        clips.append(video.read(path, Times((0.5,))))
    same(*clips)
    flat = video.read(source, Times((0.5,))).images[0].astype(int)
    turned = np.rot90(flat, degrees // 90) if degrees != 45 else flat
    if flip:
        assert clips[0].images[0].shape == turned.shape
        return
    assert np.abs(clips[0].images[0] - turned).mean() < 2  # chroma is turned before it is widened
    assert (clips[0].width, clips[0].height) == turned.shape[1::-1]


@pytest.mark.parametrize("orientation", EXIF)
def test_photographs_are_upright(orientation: int, way: str, tmp_path: Path) -> None:
    plain = films.film(tmp_path / "plain.jpg", "-frames:v", "1", "-q:v", "1", frames=1)
    entry = struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path = tmp_path / "turned.jpg"
    path.write_bytes(plain.read_bytes()[:2] + segment + plain.read_bytes()[2:])
    stored = video.read(plain, Middle()).images[0]
    clip = video.read(path, Middle())
    upright = EXIF[orientation](stored)
    assert clip.images[0].shape == upright.shape
    assert np.abs(clip.images[0].astype(int) - upright).mean() < 4
    assert (clip.width, clip.height) == upright.shape[1::-1]


def test_sound_alone_and_a_cover_are_no_films(way: str, tmp_path: Path) -> None:
    sound, cover = ("-f", "lavfi", "-i", "sine=duration=1"), tmp_path / "cover.png"
    ffmpeg(*sound, tmp_path / "a.mp4")
    ffmpeg(*sound, tmp_path / "a.wav")
    films.film(cover, "-frames:v", "1", frames=1)
    picture = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg(*sound, "-i", cover, *picture, tmp_path / "a.m4a")
    for name in ("a.mp4", "a.m4a"):
        with pytest.raises(NoVideoStreamError) as caught:
            video.read(tmp_path / name, Middle())
        assert (caught.value.code, caught.value.others_can_go_on) == ("no_video_stream", True)
    with pytest.raises(RecordError):
        video.read(tmp_path / "a.wav", Middle())


def test_a_film_of_one_frame_has_a_duration(way: str, tmp_path: Path) -> None:
    path = films.film(tmp_path / "a.mp4", *films.H264, frames=1)
    clip = video.read(path, Uniform(16))
    assert (len(clip.images), clip.duration, clip.frame_rate) == (1, 0.04, 25)


@pytest.mark.parametrize("kind", ["b_frames", "matroska", "transport", "gif", "vp9", "divx"])
def test_of_a_film_that_is_cut_off_the_rest_is_read_and_told(
    kind: str, way: str, folder: Path, tmp_path: Path
) -> None:
    whole = films.of_kind(kind, folder)
    if whole.suffix == ".mp4":
        whole = films.copied(whole, tmp_path / "fast.mp4", "-movflags", "+faststart")
    path = tmp_path / f"cut{whole.suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    clip = video.read(path, Rate(RATE_HZ))
    assert 15 <= len(clip.images) < 40
    if kind != "gif":
        assert films.numbers(clip.images)[:14] == list(range(14))
    assert clip.duration < 1.6
    if kind != "transport":  # it has no length that it could miss
        assert any(w in clip.warning for w in ("decoded in part", "ends before", "damaged"))
    np.testing.assert_allclose(
        video.read(path, Uniform(2)).times, np.array([0.25, 0.75]) * clip.duration, atol=0.041
    )


def test_both_decoders_agree_on_what_is_damaged(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = films.copied(
        films.of_kind("b_frames", folder), tmp_path / "fast.mp4", "-movflags", "+faststart"
    )
    data = bytearray(source.read_bytes())
    place = data.find(b"mdat") + (len(data) - data.find(b"mdat")) // 2
    data[place : place + 200] = bytes(200)
    path = tmp_path / "holes.mp4"
    path.write_bytes(data)
    clips = []
    for one in WAYS:
        choose(one, monkeypatch)
        clips.append(video.read(path, Rate(RATE_HZ)))
        assert "damaged" in clips[-1].warning
    same(*clips)
    assert len(clips[0].images) > 40


@pytest.mark.parametrize("fault", ["none are keys", "others are keys", "no cues"])
def test_a_wrong_index_costs_time_and_no_more(
    fault: str, way: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "matroska" if fault == "no cues" else "b_frames"
    source = films.of_kind(kind, folder)
    data = bytearray(source.read_bytes())
    if fault == "no cues":
        place = data.rfind(bytes.fromhex("1c53bb6b"))
        data[place + 8 :] = bytes(byte ^ 0x15 for byte in data[place + 8 :])
    elif fault == "none are keys":  # without the table all of them are
        place = data.find(b"stss")
        data[place : place + 4] = b"free"
    else:
        place = data.find(b"stss") + 8
        (count,) = struct.unpack(">I", data[place : place + 4])
        for entry in range(count):
            data[place + 4 + 4 * entry : place + 8 + 4 * entry] = struct.pack(">I", 3 + 7 * entry)
    path = tmp_path / source.name
    path.write_bytes(data)
    monkeypatch.setattr(video_packets, "KEPT_BYTES", 0)
    monkeypatch.setattr(video_packets, "FAR", 0)
    expected = video.read(source, Uniform(7))
    np.testing.assert_array_equal(video.read(path, Uniform(7)).images, expected.images)


def test_parts_whose_times_begin_again_follow_each_other(way: str, folder: Path) -> None:
    source = films.of_kind("transport", folder)
    path = folder / "twice.ts"
    path.write_bytes(source.read_bytes() * 2)
    clip = video.read(path, Times((0.5, 1.9, 2.1, 3.0, 3.99)))
    assert films.numbers(clip.images) == [12, 47, 2, 25, 49]
    assert clip.duration == pytest.approx(4.0)
    assert "go backwards" in clip.warning


@pytest.mark.parametrize("error", [IndexError, ValueError, OSError, RuntimeError])
def test_what_pyav_trips_over_is_left_to_the_program(
    error: type[Exception], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PyAV raises IndexError where a stream begins in the midst of a transport stream.
    path = films.copied(films.of_kind("transport", folder), tmp_path / "a.ts")

    def survey(_feed: video_packets.Feed) -> None:
        raise error

    choose("PyAV", monkeypatch)
    monkeypatch.setattr(video_packets.Feed, "survey", survey)
    clip = video.read(path, Times((0.5,)))
    assert (films.numbers(clip.images), "PyAV" in clip.decoder) == ([12], False)


def test_a_frame_whose_time_goes_backwards_is_never_on_screen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = films.of_kind("matroska", folder)
    glitch = ("-bsf:v", "setts=pts='if(eq(N,20),PTS-300,PTS)'")
    path = films.copied(source, folder / "glitch.mkv", *glitch)
    clips = []
    for one in WAYS:
        choose(one, monkeypatch)
        clips.append(video.read(path, Rate(50)))
    same(*clips)
    assert np.all(np.diff(clips[0].times) > 0)
    assert len(clips[0].images) >= FRAMES - 2


@pytest.mark.parametrize(("width", "height"), [(65000, 65000), (16000, 16000), (0, 9), (3, 0)])
def test_a_picture_bomb_is_refused_before_memory_is_asked_for(
    width: int, height: int, way: str, tmp_path: Path
) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(200_000))
    path = tmp_path / "bomb.png"
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    before = peak_mib()
    with pytest.raises(RecordError) as caught:
        video.read(path, Middle())
    assert caught.value.code == "decode_failed"
    assert "pixels" in caught.value.message
    assert peak_mib() - before < 100


def peak_mib() -> float:
    """Return the peak of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def test_frames_that_are_returned_together_have_a_bound(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films.of_kind("b_frames", folder)
    monkeypatch.setattr(video_faults, "MAX_BYTES", 100_000)
    assert len(video.read(path, Uniform(5)).images) == 5
    with pytest.raises(RecordError, match="one by one"):
        video.read(path, Uniform(6))
    assert len(list(video.frames(path, Uniform(6)))) == 6


@pytest.mark.parametrize("size", ["95:63", "1:1", "97:33"])
def test_odd_sizes_are_kept(
    size: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = films.film(tmp_path / "a.mkv", "-vf", f"scale={size}", "-c:v", "ffv1", frames=3)
    clips = []
    for one in WAYS:
        choose(one, monkeypatch)
        clips.append(video.read(path, Uniform(3)))
    same(*clips)
    assert clips[0].images.shape[1:] == (*map(int, reversed(size.split(":"))), 3)


def test_frames_that_change_their_size_have_that_of_the_header(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = films.of_kind("transport", folder)
    small = films.film(tmp_path / "small.ts", "-vf", "scale=48:32", *films.B_FRAMES)
    path = tmp_path / "both.ts"
    path.write_bytes(large.read_bytes() + small.read_bytes())
    clips = []
    for one in WAYS:
        choose(one, monkeypatch)
        clips.append(video.read(path, Times((0.5, 1.0, 2.5, 3.0))))
        assert films.numbers(clips[-1].images) == [12, 25, 12, 25]
        assert "2 sizes" in clips[-1].warning
    same(*clips)


def test_8k_frames_are_scaled_down(way: str, tmp_path: Path) -> None:
    path = tmp_path / "8k.mp4"
    size = ("-f", "lavfi", "-i", "color=c=0x8040c0:size=7680x4320:rate=5:duration=0.4")
    ffmpeg(*size, *films.H264, "-preset", "ultrafast", path)
    clip = video.read(path, Uniform(2), longest=640)
    assert clip.images.shape == (2, 360, 640, 3)
    assert (clip.width, clip.height) == (7680, 4320)
    assert np.abs(clip.images.astype(int) - (0x80, 0x40, 0xC0)).max() <= 3


def test_what_is_no_film_is_named(way: str, tmp_path: Path) -> None:
    text, empty, broken = (tmp_path / name for name in ("a.txt", "empty.mp4", "broken.mp4"))
    text.write_text("not a film at all\n" * 99)
    empty.touch()
    broken.write_bytes(b"\0\0\0\x20ftypisom" + bytes(500))
    expected = {
        text: "not_media",
        empty: "empty_file",
        broken: "decode_failed",
        tmp_path / "none.mp4": "not_found",
        tmp_path: "is_a_directory",
        Path("/dev/null"): "not_readable",
    }
    for path, code in expected.items():
        with pytest.raises(RecordError) as caught:
            video.read(path, Middle())
        assert caught.value.code == code, path


def test_a_photograph_that_is_cut_off_is_told(way: str, tmp_path: Path) -> None:
    whole = films.film(tmp_path / "a.jpg", "-frames:v", "1", frames=1)
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 8 // 10])
    assert "the file ends before the picture does" in video.read(path, Middle()).warning
    assert set(video_endings.WHOLE) <= set(video_faults.FORMATS.split(","))


def test_a_flash_and_a_click_are_found_at_the_same_time(way: str, tmp_path: Path) -> None:
    at_s, rate = 1.0, 16_000
    flash = "color=black:size=64x64:rate=50:duration=2,drawbox=c=white:t=fill:enable='gte(t,1)'"
    click = f"aevalsrc='0.9*gte(t,{at_s})*sin(2*PI*1000*t)':sample_rate={rate}:duration=2"
    for suffix in ("mp4", "ts", "mkv"):
        path = tmp_path / f"a.{suffix}"
        sources = ("-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", click)
        ffmpeg(*sources, *films.B_FRAMES, "-c:a", "aac", path)
        clip = video.read(path, Rate(50))
        seen_s = clip.times[np.argmax(clip.images.mean((1, 2, 3)) > 128)]
        heard_s = np.argmax(np.abs(audio.read(path).samples) > 0.2) / rate
        # A transport stream begins with its sound, 64 ms before the picture.
        assert seen_s == pytest.approx(at_s + (0.064 if suffix == "ts" else 0), abs=0.005)
        assert abs(seen_s - heard_s) < 0.025, suffix  # a frame of AAC
