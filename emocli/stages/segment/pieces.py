"""Where a sound is cut, found while it is read: pieces as their first and last samples."""

from __future__ import annotations

from collections.abc import Iterator

from emocli.signals import voice_activity
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ
from emocli.signals.flows import Kept, Values
from emocli.signals.sixteen_bits import scaled
from emocli.stages.segment.ways import FIXED, Way

MARGIN = 16  # samples kept around a piece, whose times are rounded to milliseconds
SHORTEST = 1600  # samples of a last piece, 0.1 s; our choice: no encoder takes less

Piece = tuple[int, int]


def find(blocks: Iterator[Values], kept: Kept, way: Way) -> Iterator[Piece]:
    """Yield the pieces of a sound; while one is yielded, its samples are in `kept`."""
    if way.kind == FIXED:
        return _fixed(blocks, kept, round(way.seconds * SAMPLE_RATE_HZ))
    return _spoken(blocks, kept)


def _spoken(blocks: Iterator[Values], kept: Kept) -> Iterator[Piece]:
    detector = voice_activity.detector(voice_activity.CUT_PAD_MS)
    for block in blocks:
        kept.add(block)
        yield from detector.feed(scaled(block))
        kept.drop(detector.needed - MARGIN)
    if kept.end:
        yield from detector.finish()


def _fixed(blocks: Iterator[Values], kept: Kept, length: int) -> Iterator[Piece]:
    start = 0
    for block in blocks:
        kept.add(block)
        while kept.end >= start + length + MARGIN:
            yield start, start + length
            start += length
        kept.drop(start - MARGIN)
    while kept.end - start >= (SHORTEST if start else 1):
        yield start, min(start + length, kept.end)
        start += length
