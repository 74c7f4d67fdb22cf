"""Decode whole small media files in this process, through FFmpeg's libraries, if PyAV is installed.

Starting ffmpeg takes several times as long as decoding a clip. Only files that decode without any
error are accepted: files that are damaged, unusual or large are left to `ffmpeg`, which names the
damage, goes on after it and can be stopped. The samples are the same except for the last of the 16
bits (and up to 10 ms of a codec's delay in Matroska).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emocli.signals import sixteen_bits, sound_faults
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ, Decoded
from emocli.signals.sound_faults import TOLERANCE_S

if TYPE_CHECKING:
    import av

LARGEST_BYTES = 32 * 2**20  # above it the start of a program no longer matters. Our choice.
# Of the frames (about 25 ms each) every 16th, from the fourth on, has its channels compared with
# their average, to save time; the first are a codec's delay.
FIRST_COMPARED, COMPARED = 4, 16

# The edit list of these ends before the last frame of a codec does: what is beyond it is padding.
EDITED = "mov"
# Common formats of clips, mp4 among them; others are not tried, and no playlist or reference in a
# file opens a second one.
LIMITS = {"format_whitelist": "mov,matroska,mp3", "protocol_whitelist": "none"}


def decode(path: str) -> Decoded | None:
    """Decode the first audio stream of a file; None if that is left to ffmpeg.

    If $EMOCLI_FFMPEG names a program, nothing is decoded here. Raises RecordError decode_failed for
    an impossible sample rate.
    """
    if os.environ.get("EMOCLI_FFMPEG") or not 0 < _size(path) <= LARGEST_BYTES:
        return None
    try:
        import av
    except ImportError:
        return None
    try:
        return _decoded(path)
    except (av.error.FFmpegError, OSError, ValueError, RuntimeError):
        return None


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


@contextlib.contextmanager
def _opened(path: str) -> Iterator[av.container.InputContainer]:
    import av

    with Path(path).open("rb") as file, av.open(file, "r", options=LIMITS) as container:
        for stream in container.streams:
            other = stream is not next(iter(container.streams.audio), None)
            if other and hasattr(av.stream, "Discard"):  # PyAV 18
                stream.discard = av.stream.Discard.all
        yield container


def _decoded(path: str) -> Decoded | None:
    import av

    with _opened(path) as container:
        stream = next(iter(container.streams.audio), None)
        if stream is None or stream.codec_context is None:  # no sound, or of no known codec
            return None
        sound_faults.require_plausible(stream.rate, stream.channels)
        channels = _Channels(stream.channels)
        samples = _joined(_parts(container, stream, "s16", channels), np.int16)
        header_s = _header_s(container, stream)
        end_s = header_s + float((stream.start_time or 0) * (stream.time_base or 0))
        least, end = (round(s * SAMPLE_RATE_HZ) for s in (header_s - TOLERANCE_S, end_s))
        if not samples.size or len(samples) < least:
            return None
        if not container.format.name.startswith(EDITED):
            end = len(samples)
        encoding, count = stream.codec_context.name, stream.channels
        holds_floats = stream.format.name.startswith(("flt", "dbl"))
    lost: list[str] = []
    if holds_floats and sixteen_bits.may_be_clipped(samples, encoding):
        with _opened(path) as container:
            parts = _parts(container, container.streams.audio[0], "flt")
        samples, lost = sixteen_bits.rounded(_joined(parts, np.float32), encoding)
    decoder = f"ffmpeg {av.ffmpeg_version_info} (PyAV {av.__version__})"
    return Decoded(samples[:end], count, decoder, sound_faults.told([*lost, channels.warning]))


def _joined(parts: list[Any], dtype: Any) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


class _Channels:
    """Compares the energy of channels with that of their average."""

    def __init__(self, count: int) -> None:
        self.count, self.frames = count, 0
        self.mix = self.energy = 0.0

    def look(self, frame: av.AudioFrame) -> None:
        """Measure some of the frames."""
        self.frames += 1
        if self.count < 2 or self.frames % COMPARED != FIRST_COMPARED:
            return
        values = frame.to_ndarray().astype(np.float32)
        if not frame.format.is_planar:
            values = values.reshape(-1, self.count).T
        products = values @ values.T
        self.energy += float(np.trace(products)) / self.count
        self.mix += float(products.sum()) / self.count**2

    @property
    def warning(self) -> str | None:
        """What is told of channels that cancel each other."""
        return sound_faults.cancelled(self.mix, self.energy, self.count)


def _parts(
    container: av.container.InputContainer,
    stream: av.AudioStream,
    sample_format: str,
    channels: _Channels | None = None,
) -> list[Any]:
    """Return the samples, piece by piece: channels averaged, 16 kHz, as `ffmpeg` does."""
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(template=stream)
    average = f"{SAMPLE_RATE_HZ}:rematrix_maxval=1.0:first_pts=0:ochl=mono:osf={sample_format}"
    sink = graph.add("abuffersink")
    graph.link_nodes(source, graph.add("aresample", average), sink).configure()
    begin = _ticks(container.start_time or 0, stream)
    parts = []
    for frame in [*container.decode(stream), None]:
        if frame is not None and frame.is_corrupt:
            raise ValueError("a corrupt frame")
        if frame is not None and frame.pts is not None:
            frame.pts -= begin
        if frame is not None and channels is not None:
            channels.look(frame)
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
