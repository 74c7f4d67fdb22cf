"""The means over time of all sequences, for models that read no more than these."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from emocli.models._sequences import pooled
from emocli.training.data import Filed, Source, Vectors, chunks


@contextlib.contextmanager
def averaged(dims: dict[str, int], *sources: Source) -> Iterator[list[Filed]]:
    """Give the means over time of all sequences, in temporary files deleted at the end."""
    means = [_averaged(dims, source) for source in sources]
    try:
        yield means
    finally:
        for part in means:
            for stream in part.streams.values():
                stream.close()


def _averaged(dims: dict[str, int], source: Source) -> Filed:
    streams = {name: Vectors(dim) for name, dim in dims.items()}
    for part in chunks(source):
        for name, stream in streams.items():
            mask = part.masks[name]
            present = mask if mask.ndim == 1 else mask.any(dim=1)
            vectors = pooled(part.streams[name], mask).numpy()
            for vector, is_present in zip(vectors, present.tolist(), strict=True):
                stream.add(vector if is_present else None)
    return Filed({**streams}, source.targets, torch.arange(len(source)), source.speakers)
