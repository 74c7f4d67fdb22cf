"""Decode wav, flac, aiff and ogg (opus, vorbis) in this process, through libsndfile; no ffmpeg.

What a file is, its first bytes say, not its name. A wav header that lies about its length is
overruled by the length of the file. (libsndfile reads mp3 too, but libmpg123 inside it writes to
stderr about every damaged file, and goes wrong by hundreds of samples when it resumes.)
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

BLOCK_S = 10  # decoded at a time, so that memory holds the 16-bit result and little else
MAX_CHANNELS = 64  # more than any microphone array in the corpora; a header beyond it lies
FULL_SCALE = 32768  # of 16 bits; 16-bit sources come through unchanged

UNKNOWN_FRAMES = 1 << 40  # libsndfile says 2^63 - 1 where a flac header gives no length

# Lengths that programs write when they do not know the length (ffmpeg and sox, into pipes).
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

    Applied once, a second time changes nothing: what is stored and what is decoded in place
    are the same numbers.

    >>> quantise(np.array([-2.0, -1.0, 0.0, 0.5, 1.0])).tolist()
    [-32768, -32768, 0, 16384, 32767]
    """
    scaled = samples * FULL_SCALE
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=scaled).astype(np.int16)


def decode(path: str, *, start: float | None = None, end: float | None = None) -> Decoded | None:
    """Decode a file, or the seconds from `start` to `end` of it; None if libsndfile cannot.

    Raises RecordError no_samples, no_such_span.
    """
    with Path(path).open("rb", buffering=0) as file:
        lie = _wav_lie(file)
        source = _corrected(file, lie) if lie and lie.shorter else file
        source.seek(0)
        try:
            sound = soundfile.SoundFile(source if source is not file else os.dup(file.fileno()))
        except (soundfile.LibsndfileError, OSError, RuntimeError):
            return None
        with sound:
            if not 0 < sound.channels <= MAX_CHANNELS:
                return None
            try:
                found = _decode(sound, start, end)
            except (soundfile.LibsndfileError, RuntimeError):
                return None  # damaged; ffmpeg goes on after the damage
    return _with_lie(found, lie) if lie else found


def _decode(sound: soundfile.SoundFile, start: float | None, end: float | None) -> Decoded:
    first = round((start or 0.0) * sound.samplerate)
    if first and first >= sound.frames:
        raise RecordError("no_such_span", f"no audio from {start:g} s on")
    wanted = sound.frames - first
    if end is not None:
        wanted = min(wanted, round(end * sound.samplerate) - first)
    reader = _Reader(sound, first, wanted)
    blocks = [quantise(block) for block in _resampled(reader, sound.samplerate)]
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.int16)
    if not samples.size:
        raise RecordError("no_samples", "the header is there, but not one sample")
    decoder = f"libsndfile {soundfile.__libsndfile_version__}"
    return Decoded(samples, sound.channels, decoder, reader.warning)


class _Reader:
    """Blocks of mono samples; what could not be read is said in `warning`."""

    def __init__(self, sound: soundfile.SoundFile, first: int, wanted: int) -> None:
        self.sound, self.first, self.wanted = sound, first, wanted
        self.warning: str | None = None

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        done, odd, rate = 0, 0, self.sound.samplerate
        if self.first:
            self.sound.seek(self.first)
        while done < self.wanted:
            count = min(BLOCK_S * rate, self.wanted - done)
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
            self.warning = f"{odd} samples are not finite numbers"
        if done < self.wanted < UNKNOWN_FRAMES:
            self.warning = f"decoded in part: {done / rate:.2f} s of {self.wanted / rate:.2f} s"


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


class _Lie(NamedTuple):
    """The data chunk of a wav file, whose header claims another length than the file has."""

    position: int  # of the data, in bytes
    claimed: int
    held: int
    bytes_per_s: int

    @property
    def shorter(self) -> bool:
        return self.claimed < self.held


def _wav_lie(file: io.FileIO) -> _Lie | None:
    """Return what a wav header claims wrongly about its length, None where all is well."""
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
                found = _Lie(here, length, size - here, rate)
                return found if _lies(found, file) else None
            if name == b"fmt ":
                rate = struct.unpack("<8xI", file.read(12))[0]
            file.seek(here + length + length % 2)
    return None


def _lies(data: _Lie, file: io.FileIO) -> bool:
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


def _corrected(file: io.FileIO, lie: _Lie) -> io.BytesIO:
    """Return the file, in memory, with the length it has."""
    file.seek(0)
    data = bytearray(file.read())
    data[lie.position - 4 : lie.position] = struct.pack("<I", lie.held)
    data[4:8] = struct.pack("<I", min(len(data) - 8, 0xFFFF_FFFF))
    return io.BytesIO(data)


def _with_lie(found: Decoded, lie: _Lie) -> Decoded:
    if lie.claimed in UNKNOWN_LENGTHS or lie.claimed == 0 or found.warning:
        return found
    seconds = (n / max(lie.bytes_per_s, 1) for n in (lie.claimed, lie.held))
    text = "the header says {:.2f} s, the file holds {:.2f} s".format(*seconds)
    return found._replace(warning=text)
