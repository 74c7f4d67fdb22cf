"""Read the audio of any media file as 16 kHz mono, rounded to 16 bits, and write it as FLAC.

Sound files are decoded in this process (`sound_files`), whole small clips too if PyAV is installed
(`libav`), everything else through ffmpeg. Stereo is averaged, so that a voice in both channels
keeps its level. Every decoder returns the samples of a 16-bit file: stored and read back they
are the same numbers.
"""

from __future__ import annotations

import math
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError, printable
from emocli.signals import (
    chunk_lengths,
    ffmpeg,
    frame_rates,
    libav,
    ogg_pages,
    sound_faults,
    sound_files,
)
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ as SAMPLE_RATE_HZ
from emocli.signals.ffmpeg import ffmpeg_binary as ffmpeg_binary
from emocli.signals.sixteen_bits import quantise as quantise
from emocli.signals.sixteen_bits import scaled

# First bytes of wav and avi, aiff, flac, ogg, matroska and webm, mp3, flash, mpeg; mp4: see below.
MAGIC = (
    b"RIFF",
    b"RF64",
    b"FORM",
    b"fLaC",
    b"OggS",
    b"\x1aE\xdf\xa3",
    b"ID3",
    b"FLV",
    b"\0\0\1\xba",
)

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Audio:
    """Decoded audio: `samples` (time,) in -1..1."""

    samples: Samples
    channels: int | None  # of the source; None if unknown
    decoder: str
    warning: str | None = None
    sample_rate_hz: int = SAMPLE_RATE_HZ

    @property
    def duration(self) -> float:
        """Return the length in seconds."""
        return duration(self.samples)


def duration(samples: Samples) -> float:
    """Return the length in seconds of samples (time,) at 16 kHz."""
    return len(samples) / SAMPLE_RATE_HZ


def read(
    path: str | bytes | os.PathLike[str], *, start: float | None = None, end: float | None = None
) -> Audio:
    """Read a media file, or the seconds from `start` to `end` of it.

    A path is always a file name, never an option or a protocol. Raises RecordError with the code
    not_found, is_a_directory, not_readable, empty_file, bad_span, no_such_span, no_samples,
    not_media, no_audio_stream, decode_failed or no_ffmpeg.
    """
    name = os.fsdecode(path)
    _check_span(start, end)
    decoded = _decoded(name, start, end)
    warning = sound_faults.told([decoded.warning, short(decoded.samples, start, end)])
    return of_decoded(decoded._replace(warning=warning))


def of_decoded(decoded: ffmpeg.Decoded) -> Audio:
    """Return 16-bit samples as floats."""
    return Audio(scaled(decoded.samples), decoded.channels, decoded.decoder, decoded.warning)


def _decoded(name: str, start: float | None, end: float | None) -> ffmpeg.Decoded:
    """Decode a file with the first of the decoders that reads all of it."""
    head, whole = head_of(name), start is None and end is None
    pages = ogg_pages.survey(name) if head.startswith(ogg_pages.CAPTURE) else None
    decoded = None
    if sound_files.known(head) and (pages is None or pages.regular):
        decoded = sound_files.decode(name, start=start, end=end)
    elif head and whole and pages is None:
        decoded = libav.decode(name)
    if decoded is None:
        chained = pages.chained if pages else not whole and frame_rates.joined(name, head)
        decoded = _with_ffmpeg(name, start, end, head, in_order=not chained)
        length = chunk_lengths.warning(name) if head else None
        decoded = decoded._replace(warning=sound_faults.told([length, decoded.warning]))
    if pages and pages.warning:
        decoded = decoded._replace(warning=sound_faults.told([pages.warning, decoded.warning]))
    return decoded


def short(samples: npt.NDArray[np.int16], start: float | None, end: float | None) -> str | None:
    """Return a warning if the sound ends clearly before the wanted span does."""
    if end is None:
        return None
    ends_s = (start or 0.0) + len(samples) / SAMPLE_RATE_HZ
    if ends_s >= end - sound_faults.TOLERANCE_S:
        return None
    return f"the span ends at {end:.2f} s, the sound at {ends_s:.2f} s"


def _with_ffmpeg(
    name: str, start: float | None, end: float | None, head: bytes, *, in_order: bool
) -> ffmpeg.Decoded:
    """Decode with ffmpeg; decode_failed for damaged media, not_media for another kind of file."""
    try:
        return ffmpeg.decode(name, start=start, end=end, in_order=in_order)
    except RecordError as error:
        raise explained(error, head) from None


class BrokenFileError(RecordError):
    """Nothing in the file can be read, neither its sound nor its picture."""

    of_file = True


def explained(error: RecordError, head: bytes) -> RecordError:
    """Return the error of a file that ffmpeg does not know; decode_failed if it begins as media."""
    if error.code != "not_media" or not (head[4:8] == b"ftyp" or head.startswith(MAGIC)):
        return error
    message = "the file begins like media, but its header or index is broken"
    return BrokenFileError("decode_failed", message, hint="it may be truncated: get it again")


def _check_span(start: float | None, end: float | None) -> None:
    first = 0.0 if start is None else start
    last = math.inf if end is None else end
    if not (0 <= first < last and math.isfinite(first)):
        raise RecordError("bad_span", f"invalid span of a recording: from {start} to {end} s")


def head_of(name: str) -> bytes:
    """Return the first bytes of a file, none of a pipe; RecordError if it cannot be read."""
    try:
        status = os.stat(name)  # noqa: PTH116 - Path("") would be the working directory
        if stat.S_ISDIR(status.st_mode):
            raise RecordError(
                "is_a_directory", "a directory, not a file", hint="name the files in it"
            )
        if not stat.S_ISREG(status.st_mode):
            return b""
        if status.st_size == 0:
            raise RecordError("empty_file", "the file is empty (0 bytes)")
        with Path(name).open("rb") as file:
            return file.read(12)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        hint = "check the path"
        raise RecordError("not_found", f"no such file: {printable(name)}", hint=hint) from None
    except OSError as error:
        raise RecordError("not_readable", f"cannot be read: {error.strerror}") from None


def write_flac(path: str | os.PathLike[str], samples: Samples) -> None:
    """Write samples (time,) at 16 kHz as 16-bit FLAC."""
    Path(path).write_bytes(flac_bytes(quantise(samples)))


def flac_bytes(values: npt.NDArray[np.int16]) -> bytes:
    """Return 16-bit samples (time,) at 16 kHz as a FLAC file."""
    import io

    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, values, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def sha256(values: npt.NDArray[np.int16]) -> str:
    """Return the digest of 16-bit samples (time,), over their little-endian bytes."""
    import hashlib

    return hashlib.sha256(values.astype("<i2", copy=False).data).hexdigest()


def rms_dbfs(samples: Samples) -> float | None:
    """Return the level, 20 log10(rms) in dB below full scale; None for digital silence.

    >>> round(rms_dbfs(np.full(100, 0.1, np.float32)), 2)
    -20.0
    >>> rms_dbfs(np.zeros(100, np.float32))
    """
    energy = float(np.einsum("i,i->", samples, samples, dtype=np.float64))  # no copy
    return 10 * math.log10(energy / len(samples)) if energy else None
