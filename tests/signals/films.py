"""Films that tests make: every frame has its number drawn on it, and an upper left that is red.

A number is written in blocks of 16 pixels, bits from the left; the left half below is red, the
right half blue. So it can be told which frame is there without asking another decoder.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from emocli.signals.video import Clip
from tests.signals.media import ffmpeg

WAYS = ("PyAV", "program")
RATE_HZ, FRAMES = 25, 50
WIDTH, HEIGHT, BLOCK = 96, 64, 16
BITS = WIDTH // BLOCK

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-pix_fmt", "yuv420p")
B_FRAMES = (*H264, "-g", "12", "-bf", "3")
# Kind -> (suffix, options of the encoder).
KINDS = {
    "b_frames": ("mp4", B_FRAMES),
    "one_key": ("mp4", (*H264, "-g", "999", "-bf", "2")),
    "all_keys": ("mp4", (*H264, "-g", "1")),
    "open_groups": ("mp4", (*B_FRAMES, "-flags", "-cgop", "-x264-params", "open-gop=1")),
    "refreshed": ("mp4", (*H264, "-x264-params", "intra-refresh=1:keyint=12")),
    "matroska": ("mkv", B_FRAMES),
    "transport": ("ts", B_FRAMES),
    "flash": ("flv", B_FRAMES),
    "raw": ("h264", B_FRAMES),
    "avi": ("avi", B_FRAMES),
    "divx": ("avi", ("-c:v", "mpeg4", "-q:v", "2", "-g", "12", "-bf", "2")),
    "motion_jpeg": ("avi", ("-c:v", "mjpeg", "-q:v", "2")),
    "program": ("mpg", ("-c:v", "mpeg2video", "-q:v", "2", "-g", "12", "-bf", "2")),
    "vp8": ("webm", ("-c:v", "libvpx", "-g", "12", "-auto-alt-ref", "1", "-b:v", "1M")),
    "vp9": ("webm", ("-c:v", "libvpx-vp9", "-g", "12", "-deadline", "realtime", "-b:v", "1M")),
    "hevc": ("mp4", ("-c:v", "libx265", "-x265-params", "log-level=none:keyint=12")),
    "gif": ("gif", ()),
    "apng": ("apng", ("-plays", "0")),
    "ten_bits": ("mkv", ("-c:v", "ffv1", "-pix_fmt", "yuv420p10le")),
    "grey": ("mkv", ("-c:v", "ffv1", "-pix_fmt", "gray")),
}


def drawn(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return a frame (height, width, 3)."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2, 0] = 220
    image[:, width // 2 :, 2] = 220
    noise = np.random.default_rng(number).integers(0, 30, (height - BLOCK, width, 1))
    image[BLOCK:] += noise.astype(np.uint8)  # so that a film has some bytes
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (number >> bit & 1)
    return image


def of_pictures(target: Path, frames: np.ndarray, rate: int, sound: np.ndarray | None = None):
    """Write pictures (frames, height, width, 3) without loss, with sound (time,) of 16 bits."""
    command: list[str | Path] = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error"]
    if sound is not None:
        sound.astype("<i2").tofile(target.with_suffix(".pcm"))
        pcm = target.with_suffix(".pcm")
        command += ["-f", "s16le", "-ar", "16000", "-ac", "1", "-i", pcm, "-c:a", "flac"]
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-framerate", str(rate)]
    codec = [] if target.suffix in (".png", ".jpg") else ["-c:v", "ffv1"]
    command += ["-i", "pipe:0", *codec, target]
    subprocess.run(command, input=frames.tobytes(), check=True)
    return target


def cheap(target: Path, frames: int = 5) -> Path:
    """Write a small film of numbered frames, without sound, that is made once."""
    target.write_bytes(_cheap(frames))
    return target


@functools.cache
def _cheap(frames: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        options = ("-c:v", "mjpeg", "-q:v", "2")
        return film(Path(folder, "a.avi"), *options, frames=frames).read_bytes()


def number(image: np.ndarray) -> int:
    """Return the number that is drawn on an image, whatever its size."""
    block = image.shape[1] / BITS
    row = image[int(block / 2)].mean(-1)
    return sum(int(row[int((bit + 0.5) * block)] > 128) << bit for bit in range(BITS))


def numbers(images: np.ndarray) -> list[int]:
    """Return the numbers that are drawn on images."""
    return [number(image) for image in images]


def film(
    target: Path, *options: str | Path, frames: int = FRAMES, rate: int = RATE_HZ, before=()
) -> Path:
    """Write a film of numbered frames; `before` are inputs besides, options those of the output."""
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y"]
    picture = (
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{WIDTH}x{HEIGHT}",
        "-framerate",
        str(rate),
    )
    data = b"".join(drawn(n % 2**BITS).tobytes() for n in range(frames))
    command = [*program, *before, *picture, "-i", "pipe:0", *options, target]
    subprocess.run(command, input=data, check=True, stderr=subprocess.DEVNULL)
    return target


def of_kind(kind: str, folder: Path) -> Path:
    """Return a film of a kind, made once for a folder."""
    suffix, options = KINDS[kind]
    path = folder / f"{kind}.{suffix}"
    return path if path.exists() else film(path, *options)


def copied(source: Path, target: Path, *options: str, before: tuple[str, ...] = ()) -> Path:
    """Write a film with other times, turns or containers, its packets as they are."""
    ffmpeg(*before, "-i", source, "-c", "copy", *options, target)
    return target


def selected(path: Path, numbers: list[int]) -> np.ndarray:
    """Return frames (frames, height, width, 3) as ffmpeg's `select` counts and converts them."""
    wanted = "+".join(f"eq(n,{n})" for n in numbers)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-i", path]
    command += ["-map", "0:V:0", "-vf", f"select='{wanted}'", "-fps_mode", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(len(numbers), HEIGHT, WIDTH, 3)


def decoded(path: Path) -> list[tuple[int | None, np.ndarray]]:
    """Return (time in ticks, image) of all frames, by the simplest use of PyAV."""
    import av

    with av.open(str(path)) as container:
        return [
            (frame.pts, frame.reformat(format="rgb24", interpolation="BICUBIC").to_ndarray())
            for frame in container.decode(video=0)
        ]


def choose(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let films be read by one of the decoders."""
    program = imageio_ffmpeg.get_ffmpeg_exe() if way == "program" else ""
    monkeypatch.setenv("EMOCLI_FFMPEG", program)


def same(one: Clip, other: Clip) -> None:
    """Require that two clips are equal, but for the decoder and its words."""
    np.testing.assert_array_equal(one.times, other.times)
    np.testing.assert_array_equal(one.images, other.images)
    assert (one.duration, one.frame_rate) == (other.duration, other.frame_rate)
    assert (one.width, one.height) == (other.width, other.height)
