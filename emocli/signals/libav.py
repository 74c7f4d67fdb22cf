"""Decode whole small media files in this process, through FFmpeg's libraries, if PyAV is installed.

Starting ffmpeg takes several times as long as decoding a clip. Only files that decode without any
error are accepted: files that are damaged, unusual or large are left to `ffmpeg`, which names the
damage, goes on after it and can be stopped. The samples are the same except for the last of the 16
bits (and up to 10 ms of a codec's delay in Matroska).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emocli.signals.ffmpeg import SAMPLE_RATE_HZ, Decoded

if TYPE_CHECKING:
    import av

LARGEST_BYTES = 32 * 2**20  # above it the start of a program no longer matters. Our choice.
MOST_MISSING_S = 0.1  # of the length in the header; if more is missing, the file is damaged

# Common formats of clips, mp4 among them; others are not tried, and no playlist or reference in a
# file opens a second one.
LIMITS = {"format_whitelist": "mov,matroska,mp3", "protocol_whitelist": "none"}


def decode(path: str) -> Decoded | None:
    """Decode the first audio stream of a file; None if that is left to ffmpeg.

    If $EMOCLI_FFMPEG names a program, nothing is decoded here.
    """
    if os.environ.get("EMOCLI_FFMPEG") or not 0 < _size(path) <= LARGEST_BYTES:
        return None
    try:
        import av
    except ImportError:
        return None
    try:
        with Path(path).open("rb") as file, av.open(file, "r", options=LIMITS) as container:
            return _decoded(container)
    except (av.error.FFmpegError, OSError, ValueError, RuntimeError):
        return None


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _decoded(container: av.container.InputContainer) -> Decoded | None:
    import av

    if not container.streams.audio:
        return None
    stream = container.streams.audio[0]
    for other in container.streams:
        if other is not stream:
            other.discard = av.stream.Discard.all
    parts = _parts(container, stream)
    samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    if (
        len(samples) < (_header_s(container, stream) - MOST_MISSING_S) * SAMPLE_RATE_HZ
        or not samples.size
    ):
        return None
    decoder = f"ffmpeg {av.ffmpeg_version_info} (PyAV {av.__version__})"
    return Decoded(samples, stream.channels, decoder, None)


def _parts(container: av.container.InputContainer, stream: av.AudioStream) -> list[Any]:
    """Return the samples, piece by piece: channels averaged, 16 kHz, 16 bit, as `ffmpeg` does."""
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(template=stream)
    average = f"{SAMPLE_RATE_HZ}:rematrix_maxval=1.0:first_pts=0:ochl=mono:osf=s16"
    sink = graph.add("abuffersink")
    graph.link_nodes(source, graph.add("aresample", average), sink).configure()
    begin = _ticks(container.start_time or 0, stream)
    parts = []
    for frame in [*container.decode(stream), None]:
        if frame is not None and frame.is_corrupt:
            raise ValueError("a corrupt frame")
        if frame is not None and frame.pts is not None:
            frame.pts -= begin
        source.push(frame)
        while True:
            try:
                pulled = sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                break
            assert isinstance(pulled, av.AudioFrame)
            parts.append(pulled.to_ndarray().reshape(-1))
    return parts


def _ticks(microseconds: int, stream: av.AudioStream) -> int:
    """Return a time of the container in ticks of a stream."""
    return round(microseconds / 1_000_000 / stream.time_base) if stream.time_base else 0


def _header_s(container: av.container.InputContainer, stream: av.AudioStream) -> float:
    """Return the length in the header in seconds, 0 if there is none."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1_000_000
