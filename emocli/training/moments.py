"""Mean and standard deviation of each stream over any number of training records."""

from __future__ import annotations

import torch
from torch import Tensor

from emocli.training.data import Source, chunks


class Moments:
    """Mean and standard deviation of rows (rows, dim) added in chunks (Chan et al. 1979)."""

    def __init__(self, dim: int) -> None:
        self.count = 0
        self.mean, self.squares = (torch.zeros(dim, dtype=torch.float64) for _ in range(2))

    def add(self, rows: Tensor) -> None:
        """Add more rows."""
        if not len(rows):
            return
        rows = rows.double()
        total, mean = self.count + len(rows), rows.mean(dim=0)
        shift = mean - self.mean
        self.squares += ((rows - mean) ** 2).sum(dim=0)
        self.squares += shift**2 * (self.count * len(rows) / total)
        self.mean += shift * (len(rows) / total)
        self.count = total

    def deviation(self) -> Tensor:
        """Return the unbiased standard deviation (dim,)."""
        return (self.squares / max(1, self.count - 1)).sqrt()


def moments(data: Source, dims: dict[str, int]) -> dict[str, Moments]:
    """Return the moments of each stream over the records, or frames, that have it."""
    by_stream = {name: Moments(dim) for name, dim in dims.items()}
    for part in chunks(data):
        for name, stream in by_stream.items():
            stream.add(part.streams[name][part.masks[name]].flatten(0, -2))
    return by_stream
