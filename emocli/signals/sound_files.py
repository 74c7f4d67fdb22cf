"""Decode wav, flac, aiff and ogg (opus, vorbis) in this process, through libsndfile; no ffmpeg.

The first bytes of a file decide its format, not its name. A wrong length in a wav header is
replaced by that of the file. (libsndfile reads mp3 too, but libmpg123 inside it writes to
stderr about every damaged file, and is off by hundreds of samples when it resumes.)
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from emocli.errors import RecordError
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ, Decoded

BLOCK_S = 10  # decoded at a time: memory holds little more than the 16-bit result
BLOCK = BLOCK_S * SAMPLE_RATE_HZ  # samples
MAX_CHANNELS = 64  # more than any microphone array in the corpora; a larger number is damage
FULL_SCALE = 32768  # of 16 bits; 16-bit sources stay unchanged

UNKNOWN_FRAMES = 1 << 40  # libsndfile returns 2^63 - 1 if a flac header has no length

# Lengths that programs write when the length is unknown (ffmpeg and sox, into pipes).
UNKNOWN_LENGTHS = range(0x7FFF_0000, 0x1_0000_0000)


def known(head: bytes) -> bool:
    """Say whether the first 12 bytes of a file are those of a format read here."""
    if head[:4] in (b"RIFF", b"RF64", b"RIFX"):
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    return head[:4] in (b"fLaC", b"OggS")


def quantise(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.int16]:
    """Round samples (time,) in -1..1 to 16 bits: clip(round(32768 x), -32768, 32767).

    Idempotent: stored samples and samples decoded in this process are the same numbers.

    >>> quantise(np.array([-2.0, -1.0, 0.0, 0.5, 1.0])).tolist()
    [-32768, -32768, 0, 16384, 32767]
    """
    rounded = np.empty(samples.shape, np.int16)
    for at in range(0, len(samples), BLOCK):  # a copy of an hour takes 230 MB
        scaled = samples[at : at + BLOCK] * FULL_SCALE
        np.rint(scaled, out=scaled)
        rounded[at : at + BLOCK] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=scaled)
    return rounded


def decode(path: str, *, start: float | None = None, end: float | None = None) -> Decoded | None:
    """Decode a file, or the seconds from `start` to `end` of it; None if libsndfile cannot.

    Raises RecordError no_samples, no_such_span.
    """
    with Path(path).open("rb", buffering=0) as file:
        mismatch = _wav_mismatch(file)
        source = _corrected(file, mismatch) if mismatch and mismatch.shorter else file
        source.seek(0)
        try:
            sound = soundfile.SoundFile(source if source is not file else os.dup(file.fileno()))
        except (soundfile.LibsndfileError, OSError, RuntimeError):
            return None
        with sound:
            if not 0 < sound.channels <= MAX_CHANNELS:
                return None
            try:
                decoded = _decode(sound, start, end)
            except (soundfile.LibsndfileError, RuntimeError):
                return None  # damaged; ffmpeg goes on after the damage
    return _with_mismatch(decoded, mismatch) if mismatch else decoded


def _decode(sound: soundfile.SoundFile, start: float | None, end: float | None) -> Decoded:
    first = round((start or 0.0) * sound.samplerate)
    if first and first >= sound.frames:
        raise RecordError("no_such_span", f"no audio from {start:g} s on")
    count = sound.frames - first
    if end is not None:
        count = min(count, round(end * sound.samplerate) - first)
    reader = _Reader(sound, first, count)
    blocks = [quantise(block) for block in _resampled(reader, sound.samplerate)]
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
    if not samples.size:
        raise RecordError("no_samples", "the file has a header but no samples")
    decoder = f"libsndfile {soundfile.__libsndfile_version__}"
    return Decoded(samples, sound.channels, decoder, reader.warning)


class _Reader:
    """Blocks of mono samples; `warning` says what could not be read."""

    def __init__(self, sound: soundfile.SoundFile, first: int, total: int) -> None:
        self.sound, self.first, self.total = sound, first, total
        self.warning: str | None = None

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        done, odd, rate = 0, 0, self.sound.samplerate
        if self.first:
            self.sound.seek(self.first)
        while done < self.total:
            count = min(BLOCK_S * rate, self.total - done)
            block = self.sound.read(count, dtype="float32", always_2d=True)
            if not len(block):
                break
            done += len(block)
            mono = _mean(block)
            if not np.isfinite(mono.sum()):
                odd += int(np.count_nonzero(~np.isfinite(block)))
                mono = _mean(np.nan_to_num(block, posinf=1.0, neginf=-1.0))
            yield mono
        if odd:
            self.warning = f"{odd} samples are NaN or infinity"
        if done < self.total < UNKNOWN_FRAMES:
            self.warning = f"decoded in part: {done / rate:.2f} s of {self.total / rate:.2f} s"


def _mean(block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Average the channels of samples (time, channels); a product is 90 times faster than mean."""
    channels = block.shape[1]
    weights = np.full(channels, 1 / channels, np.float32)
    return block[:, 0] if channels == 1 else block @ weights


def _resampled(blocks: _Reader, rate_hz: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the blocks at 16 kHz (soxr, its high quality)."""
    if rate_hz == SAMPLE_RATE_HZ:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


class _Mismatch(NamedTuple):
    """The data chunk of a wav file whose header claims a wrong length."""

    position: int  # of the data, in bytes
    claimed: int
    held: int
    bytes_per_s: int

    @property
    def shorter(self) -> bool:
        return self.claimed < self.held


def _wav_mismatch(file: io.FileIO) -> _Mismatch | None:
    """Return the wrong length in a wav header, or None if it is right."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(12)[:4] != b"RIFF":
        return None
    rate = 0
    with contextlib.suppress(struct.error):
        while True:
            name, length = struct.unpack("<4sI", file.read(8))
            here = file.tell()
            if name == b"data":
                mismatch = _Mismatch(here, length, size - here, rate)
                return mismatch if _is_mismatch(mismatch, file) else None
            if name == b"fmt ":
                rate = struct.unpack("<8xI", file.read(12))[0]
            file.seek(here + length + length % 2)
    return None


def _is_mismatch(data: _Mismatch, file: io.FileIO) -> bool:
    """Say whether what follows the data is neither the end of the file nor another chunk."""
    if data.claimed > data.held:
        return True
    after = data.held - data.claimed
    if after < max(8, data.bytes_per_s // 100):  # less than 10 ms: padding
        return False
    for odd in (data.claimed % 2, 0):
        file.seek(data.position + data.claimed + odd)
        name, length = struct.unpack("<4sI", file.read(8))
        if name[:3] in (b"ID3", b"TAG") or (
            all(32 <= byte < 127 for byte in name) and length + 8 <= after
        ):
            return False
    return True


def _corrected(file: io.FileIO, mismatch: _Mismatch) -> io.BytesIO:
    """Return the file, in memory, with the right length in its header."""
    file.seek(0)
    data = bytearray(file.read())
    data[mismatch.position - 4 : mismatch.position] = struct.pack("<I", mismatch.held)
    data[4:8] = struct.pack("<I", min(len(data) - 8, 0xFFFF_FFFF))
    return io.BytesIO(data)


def _with_mismatch(decoded: Decoded, mismatch: _Mismatch) -> Decoded:
    if mismatch.claimed in UNKNOWN_LENGTHS or mismatch.claimed == 0 or decoded.warning:
        return decoded
    seconds = (n / max(mismatch.bytes_per_s, 1) for n in (mismatch.claimed, mismatch.held))
    text = "the header says {:.2f} s, the file holds {:.2f} s".format(*seconds)
    return decoded._replace(warning=text)
