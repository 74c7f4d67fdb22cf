"""A sound as it is decoded, block by block: what is known of its source, and the samples kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.int16]


@dataclass
class About:
    """The source of a sound. Channels and decoder are known from the first block on.

    After the last block `warnings` says what is wrong with the sound, and `claimed_s` how long the
    header says it is, where clearly less could be decoded.
    """

    channels: int | None = None
    decoder: str = ""
    warnings: list[str | None] = field(default_factory=list)
    claimed_s: float | None = None


class Kept:
    """The last blocks of a sound, so that pieces of it can be cut out; times are in samples."""

    def __init__(self) -> None:
        self.blocks: list[Values] = []
        self.first = self.end = 0  # the samples from `first` to `end` are here

    def add(self, block: Values) -> None:
        """Append the next block (time,)."""
        self.blocks.append(block)
        self.end += len(block)

    def piece(self, start: int, end: int) -> Values:
        """Return a copy of the samples from `start` to `end`, as far as they are here."""
        pieces, at = [], self.first
        for block in self.blocks:
            pieces.append(block[max(start - at, 0) : max(end - at, 0)])
            at += len(block)
        return self.joined(pieces)

    @staticmethod
    def joined(blocks: list[Values]) -> Values:
        """Return blocks as one."""
        return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)

    def drop(self, before: int) -> None:
        """Forget the blocks that end before a sample."""
        while self.blocks and self.first + len(self.blocks[0]) <= before:
            self.first += len(self.blocks.pop(0))
