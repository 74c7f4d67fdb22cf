"""Media files that tests make for themselves, with the ffmpeg of the imageio-ffmpeg wheel."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np

PICTURE = ("-f", "lavfi", "-i", "color=c=green:size=64x64:rate=10")


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg; the last argument is the target."""
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y"]
    subprocess.run([*program, *arguments], check=True)


def encoded(source: Path, target: Path) -> Path:
    """Write a sound in the format of the target's suffix; .mp4 with a picture."""
    picture = (*PICTURE, "-shortest") if target.suffix == ".mp4" else ()
    ffmpeg("-i", source, *picture, "-movflags", "+faststart", target)
    return target


def silent_film(target: Path) -> Path:
    """Write a second of video without an audio stream."""
    ffmpeg(*PICTURE, "-t", "1", target)
    return target


def wav_bytes(samples: np.ndarray, *, claimed: int | None = None, rate: int = 16_000) -> bytes:
    """Return a 16-bit mono wav whose header claims so many bytes of data."""
    data = (samples * 32768).astype("<i2").tobytes()
    size = len(data) if claimed is None else claimed
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate & 0xFFFFFFFF, 2, 16)
    body = b"WAVEfmt " + form + b"data" + struct.pack("<I", size & 0xFFFFFFFF) + data
    return b"RIFF" + struct.pack("<I", (size + 36) & 0xFFFFFFFF) + body
