"""How long the sound of a file is, by its header: nothing is decoded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from emocli.errors import RecordError
from emocli.signals import audio, chunk_lengths, ogg_pages, sound_files
from emocli.signals.ogg_pages import CAPTURE
from emocli.signals.sound_files import UNKNOWN_FRAMES

# The slowest codec of speech in use, AMR at 4.75 kbit/s; a smaller file needs not be opened.
SLOWEST_BYTES_PER_S = 594
LIMITS = {"protocol_whitelist": "none"}  # no playlist or reference opens a second file
MICROSECONDS = 1_000_000


def at_most(path: str, seconds: float) -> bool:
    """Say whether a file is so small that no codec has more than some seconds in it."""
    try:
        status = os.stat(path)  # noqa: PTH116 - may not be UTF-8
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= seconds * SLOWEST_BYTES_PER_S


def seconds(path: str) -> float | None:
    """Return the length of a file, 0 without sound; None if only decoding it would tell.

    Of mp3 without an index it is an estimate. Raises RecordError as `audio.read` does where a file
    cannot be opened.
    """
    head = audio.head_of(path)
    if not head:
        return None  # a pipe
    if head.startswith(CAPTURE) and not ogg_pages.survey(path).regular:
        return None
    if sound_files.known(head):
        try:
            return _of_sound_file(path)
        except sound_files.DamagedError:
            pass
    return _of_media(path)


def _of_sound_file(path: str) -> float | None:
    with Path(path).open("rb", buffering=0) as file:
        mismatch = chunk_lengths.find(file)
    if mismatch and mismatch.bytes_per_s:
        return mismatch.held / mismatch.bytes_per_s
    with sound_files.opened(path) as (sound, _):
        return sound.frames / sound.samplerate if sound.frames < UNKNOWN_FRAMES else None


def _of_media(path: str) -> float | None:
    try:
        import av
    except ImportError:
        return None
    try:
        with Path(path).open("rb") as file, av.open(file, "r", options=LIMITS) as container:
            stream = next(iter(container.streams.audio), None)
            if stream is None:
                return 0.0
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            return None if container.duration is None else container.duration / MICROSECONDS
    except (av.error.FFmpegError, OSError, ValueError, RuntimeError):
        raise RecordError("not_media", "neither audio nor video") from None
