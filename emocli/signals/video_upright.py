"""Turn a decoded frame into an upright RGB picture, as ffmpeg's program does, with its filters.

Sources: the program's rules for a display matrix (configure_input_video_filter in
fftools/ffmpeg_filter.c); the matrix itself: ISO/IEC 14496-12, 8.3.2.3. The scaler of FFmpeg 4.2,
8.1 and 9.0 gives the same bytes; on another kind of processor they may differ by rounding.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from emocli.signals import video_faults
from emocli.signals.video_about import Image, LeftError

if TYPE_CHECKING:
    import av

FLAGS = "bicubic"  # what ffmpeg and PyAV do by themselves

# Signs of the two numbers of a matrix that are not 0 -> filters: (a, d) as it lies, (b, c) turned.
# x' = a x + c y, y' = b x + d y.
LYING = {(1, 1): [], (-1, 1): ["hflip"], (1, -1): ["vflip"], (-1, -1): ["hflip", "vflip"]}
TURNED = {
    (1, 1): ["transpose=cclock_flip"],
    (1, -1): ["transpose=clock"],
    (-1, 1): ["transpose=cclock"],
    (-1, -1): ["transpose=clock_flip"],
}


def turns(matrix: bytes | None) -> list[str]:
    """Return the filters that put a picture upright; none for an angle that is no quarter turn."""
    if matrix is None:
        return []
    (a, b, _), (c, d, _), _ = np.frombuffer(matrix, "<i4", 9).reshape(3, 3).tolist()
    signs = {True: 1, False: -1}
    if a and d and not (b or c):
        return LYING[signs[a > 0], signs[d > 0]]
    if b and c and not (a or d):
        return TURNED[signs[b > 0], signs[c > 0]]
    return []


def scaling(width: int | str, height: int | str) -> str:
    """Return the filters that make RGB pictures of a size."""
    return f"scale={width}:{height}:flags={FLAGS},format=rgb24"


class Upright:
    """Makes pictures of frames: all of the size of the first, or smaller."""

    def __init__(self, stored: tuple[int, int], longest: int | None) -> None:
        self._stored, self._longest = stored, longest
        self._turned: bytes | None = None
        self._made_for: Any = None
        self._source: Any = None
        self._sink: Any = None
        self.size: tuple[int, int] | None = None  # upright, as stored
        self.sizes: set[tuple[int, int]] = set()

    def __call__(self, frame: av.VideoFrame) -> Image:
        """Return the picture (height, width, 3)."""
        matrix = self._matrix(frame)
        self.sizes.add((frame.width, frame.height))
        kind = (frame.width, frame.height, frame.format.name, matrix)
        if kind != self._made_for:
            self._made_for = kind
            self._build(frame, turns(matrix))
        self._source.push(frame)
        values: Image = self._sink.pull().to_ndarray()
        return values

    def _build(self, frame: av.VideoFrame, turning: list[str]) -> None:
        import av

        if self.size is None:
            turned = any(name.startswith("transpose") for name in turning)
            self.size = self._stored[::-1] if turned else self._stored
        width, height = video_faults.fitted(*self.size, self._longest)
        graph = self._graph = av.filter.Graph()  # its nodes do not keep it
        self._source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000)
        )
        filters = [*turning, *scaling(width, height).split(",")]
        nodes = [graph.add(*name.split("=", 1)) for name in filters]
        self._sink = graph.add("buffersink")
        graph.link_nodes(self._source, *nodes, self._sink).configure()

    def _matrix(self, frame: av.VideoFrame) -> bytes | None:
        """Return how a frame is to be turned; LeftError if PyAV cannot tell.

        It reads no side data of a frame that has some of a kind it does not know, such as EXIF.
        """
        from av.sidedata.sidedata import Type

        try:
            side_data: Any = frame.side_data
            found = side_data.get(Type.DISPLAYMATRIX)
        except ValueError:
            if self.size is None:
                raise LeftError from None
            return self._turned
        self._turned = bytes(found) if found is not None else None
        return self._turned
