"""Decode wav, flac, aiff and ogg (opus, vorbis) in this process, through libsndfile; no ffmpeg.

The first bytes of a file decide its format, not its name. A wrong length in a wav header is
replaced by that of the file. (libsndfile reads mp3 too, but libmpg123 inside it writes to
stderr about every damaged file, and is off by hundreds of samples when it resumes.)
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from emocli.errors import RecordError
from emocli.signals import chunk_lengths, sound_faults
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ, Decoded
from emocli.signals.flows import About, Values
from emocli.signals.sixteen_bits import Quantiser, numbers

BLOCK_S = 10  # decoded at a time: memory holds little more than the 16-bit result

COMPARED = 8  # every eighth sample of the channels is compared with their average, to save time

UNKNOWN_FRAMES = 1 << 40  # libsndfile returns 2^63 - 1 if a flac header has no length


def known(head: bytes) -> bool:
    """Say whether the first 12 bytes of a file are those of a format read here."""
    if head[:4] in (b"RIFF", b"RF64", b"RIFX"):
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    return head[:4] in (b"fLaC", b"OggS")


class DamagedError(Exception):
    """libsndfile gives up; ffmpeg goes on after the damage."""


def decode(path: str, *, start: float | None = None, end: float | None = None) -> Decoded | None:
    """Decode a file, or the seconds from `start` to `end` of it; None if libsndfile cannot.

    Raises RecordError decode_failed, no_samples, no_such_span.
    """
    about = About()
    try:
        decoded = [*blocks(path, about, start=start, end=end)]
    except DamagedError:
        return None
    warning = sound_faults.told(about.warnings)
    return Decoded(np.concatenate(decoded), about.channels, about.decoder, warning)


def blocks(
    path: str, about: About, *, start: float | None = None, end: float | None = None
) -> Iterator[Values]:
    """Yield the 16-bit samples (time,) of a file, 10 s at a time; tell `about` what is known.

    Raises DamagedError if libsndfile cannot read on, RecordError as `decode` does.
    """
    with opened(path) as (sound, mismatch):
        sound_faults.require_plausible(sound.samplerate, sound.channels)
        about.channels = sound.channels
        about.decoder = f"libsndfile {soundfile.__libsndfile_version__}"
        try:
            yield from _decode(sound, about, start, end)
        except (soundfile.LibsndfileError, RuntimeError):
            raise DamagedError from None
    if mismatch and mismatch.warning:
        about.warnings.append(mismatch.warning)
        if not mismatch.shorter:
            about.claimed_s = mismatch.claimed / max(mismatch.bytes_per_s, 1)


@contextlib.contextmanager
def opened(
    path: str,
) -> Iterator[tuple[soundfile.SoundFile, chunk_lengths.Mismatch | None]]:
    """Open a file, with the right length in its header; DamagedError if libsndfile cannot."""
    with Path(path).open("rb", buffering=0) as file:
        mismatch = chunk_lengths.find(file)
        source: io.RawIOBase = file
        if mismatch and mismatch.shorter:
            source = chunk_lengths.corrected(file, mismatch)
        source.seek(0)
        try:
            sound = soundfile.SoundFile(source if source is not file else os.dup(file.fileno()))
        except (soundfile.LibsndfileError, OSError, RuntimeError):
            raise DamagedError from None
        with sound:
            yield sound, mismatch


def _decode(
    sound: soundfile.SoundFile, about: About, start: float | None, end: float | None
) -> Iterator[Values]:
    first = round(min((start or 0.0) * sound.samplerate, sound.frames))
    if first and first >= sound.frames:
        raise RecordError("no_such_span", f"no audio from {start:g} s on")
    count = sound.frames - first
    if end is not None:
        count = round(min(end * sound.samplerate, sound.frames)) - first
    reader, quantiser = _Reader(sound, first, count), Quantiser(sound.subtype)
    for block in _resampled(reader, sound.samplerate):
        yield quantiser(block)
    if not quantiser.total:
        raise RecordError("no_samples", "the file has a header but no samples")
    about.warnings += [*reader.warnings(), *quantiser.warnings]
    if reader.is_short:
        about.claimed_s = reader.total / sound.samplerate


class _Reader:
    """Blocks of mono samples; `warnings` says what could not be read, or was lost by averaging."""

    def __init__(self, sound: soundfile.SoundFile, first: int, total: int) -> None:
        self.sound, self.first, self.total = sound, first, total
        self.done = self.odd = 0
        self.mix = self.energy = 0.0

    def __iter__(self) -> Iterator[npt.NDArray[np.float32]]:
        if self.first:
            self.sound.seek(self.first)
        while self.done < self.total:
            count = min(BLOCK_S * self.sound.samplerate, self.total - self.done)
            block = self.sound.read(count, dtype="float32", always_2d=True)
            if not len(block):
                break
            self.done += len(block)
            mono = _mean(block)
            if not np.isfinite(mono.sum()):
                self.odd += int(np.count_nonzero(~np.isfinite(block)))
                block = numbers(block)
                mono = _mean(block)
            if self.sound.channels > 1:
                self._compare(mono[::COMPARED], block[::COMPARED])
            yield mono

    def _compare(self, mono: npt.NDArray[np.float32], block: npt.NDArray[np.float32]) -> None:
        self.mix += float(np.square(mono).sum())
        self.energy += float(np.square(block).sum()) / self.sound.channels

    @property
    def is_short(self) -> bool:
        """Say whether less could be read than was to be read."""
        return self.done < self.total < UNKNOWN_FRAMES

    def warnings(self) -> list[str | None]:
        """Return what was found on the way."""
        found = [f"{self.odd} samples are NaN or infinity" if self.odd else None]
        if self.is_short:
            rate = self.sound.samplerate
            found.append(f"decoded in part: {self.done / rate:.2f} s of {self.total / rate:.2f} s")
        return [*found, sound_faults.cancelled(self.mix, self.energy, self.sound.channels)]


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
