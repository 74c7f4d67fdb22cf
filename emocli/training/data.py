"""The data of the training loop: records as tensors, in memory or, for any number, from files.

`Data` holds tensors. `Filed` holds the places of each record's streams: vectors in a temporary
file, sequences memory-mapped in the store. Both have `len`, `targets` and `rows(index)`, which
returns the records of an index as `Data`; the loop needs no more.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from emocli.io import temporary

Item = TypeVar("Item")

UNKNOWN = -1  # in place of the number of a speaker
CHUNK = 64  # records that are read at a time in a pass over all of them


class Source(Protocol):
    """Data to train on."""

    targets: Tensor
    speakers: Tensor | None

    def __len__(self) -> int: ...
    def rows(self, index: Tensor) -> Data: ...  # noqa: D102


@dataclass
class Data:
    """Vectors (records, dim) or frames (records, time, dim) and masks by stream, and targets.

    Masks are (records,) or (records, time). Targets are classes (records,), shares of classes
    (records, classes), the numbers of a regression (records,) or (records, numbers), or the columns
    of several heads (records, columns), NaN if a record has no such label. `speakers` (records,)
    are numbers of the speakers, UNKNOWN for some, for models that ask for them.
    """

    streams: dict[str, Tensor]
    masks: dict[str, Tensor]
    targets: Tensor
    speakers: Tensor | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, index: Tensor) -> Data:
        """Return some of the records."""
        streams = {name: values[index] for name, values in self.streams.items()}
        masks = {name: values[index] for name, values in self.masks.items()}
        return Data(streams, masks, self.targets[index], some(self.speakers, index))

    def to(self, device: torch.device | str) -> Data:
        """Return the same records on a device."""
        streams = {name: values.to(device) for name, values in self.streams.items()}
        masks = {name: values.to(device) for name, values in self.masks.items()}
        speakers = None if self.speakers is None else self.speakers.to(device)
        return Data(streams, masks, self.targets.to(device), speakers)


def some(values: Tensor | None, index: Tensor) -> Tensor | None:
    """Return some of the values, if there are any."""
    return None if values is None else values[index]


ABSENT = -1  # in place of the number of a record in a stream's file


class Vectors:
    """The vectors (dim,) of the records that have a stream, in a temporary file."""

    timed = False

    def __init__(self, dim: int) -> None:
        self.dim, self._places, self._count = dim, array("q"), 0
        self._file = temporary.file()

    def __len__(self) -> int:
        return len(self._places)

    def empty(self) -> Vectors:
        """Return an empty stream of the same kind."""
        return Vectors(self.dim)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def add(self, vector: Any) -> None:
        """Add the next record's float32 vector (dim,); None if it has none."""
        self._places.append(ABSENT if vector is None else self._count)
        if vector is not None:
            self._file.write(np.ascontiguousarray(vector, np.float32).data)
            self._count += 1

    def read(self, chosen: Any) -> tuple[Any, Any]:
        """Return the vectors (records, dim) of some records, and their mask (records,)."""
        places = np.asarray(self._places)[chosen]
        mask = places != ABSENT
        values = np.zeros((len(places), self.dim), np.float32)
        self._file.flush()
        file, size = self._file.fileno(), values.itemsize * self.dim
        # Not memory-mapped: a page fault per row takes longer than reading it.
        for row, place in zip(values, places.tolist(), strict=True):
            if place != ABSENT:
                os.preadv(file, [row.data], place * size)
        return values, mask


# Small sequences are kept once they were read: a small model takes less time than opening files.
SMALL = 1 << 17  # bytes of a sequence
KEPT = 1 << 26  # bytes of a stream


class Frames:
    """The addresses of the sequences of a stream; `open_` returns the frames of one."""

    timed = True

    def __init__(self, dim: int, open_: Callable[[str], Any]) -> None:
        self.dim, self._open, self._ends = dim, open_, array("q", [0])
        self._partly_finite: set[int] = (
            set()
        )  # records with some frames that contain NaN or infinity
        self._kept: dict[int, Any] = {}
        self._room = KEPT
        self._file = temporary.file()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def empty(self) -> Frames:
        """Return an empty stream of the same kind."""
        return Frames(self.dim, self._open)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def add(self, address: str | None, *, finite: bool = True) -> None:
        """Add the address of the next record's frames (time, dim); None if it has none.

        Without `finite`, frames that contain NaN or infinity are masked.
        """
        if not finite:
            self._partly_finite.add(len(self))
        encoded = (address or "").encode()
        self._file.seek(self._ends[-1])
        self._file.write(encoded)
        self._ends.append(self._ends[-1] + len(encoded))

    def _address(self, record: int) -> str:
        start, end = self._ends[record], self._ends[record + 1]
        self._file.seek(start)
        return self._file.read(end - start).decode()

    def _sequence(self, record: int) -> Any:
        """Return the frames (time, dim) of a record, None if it has none."""
        if (kept := self._kept.get(record)) is not None:
            return kept
        address = self._address(record)
        frames = self._open(address) if address else None
        if frames is not None and frames.nbytes <= min(SMALL, self._room):
            self._kept[record] = np.array(frames, np.float32)  # not a map, which holds a file open
            self._room -= self._kept[record].nbytes
        return frames

    def read(self, chosen: Any) -> tuple[Any, Any]:
        """Return frames (records, time, dim), padded to the longest, and their mask."""
        sequences = [self._sequence(record) for record in chosen.tolist()]
        longest = max((len(frames) for frames in sequences if frames is not None), default=1)
        values = np.zeros((len(sequences), max(1, longest), self.dim), np.float32)
        mask = np.zeros(values.shape[:2], np.bool_)
        for row, frames in enumerate(sequences):
            if frames is not None:
                values[row, : len(frames)] = frames
                mask[row, : len(frames)] = True
        for row, record in enumerate(chosen):
            if int(record) in self._partly_finite:
                mask[row] &= np.isfinite(values[row]).all(axis=1)
                values[row][~mask[row]] = 0.0
        return values, mask


@dataclass
class Filed:
    """Records whose streams are in files."""

    streams: dict[str, Vectors | Frames]
    targets: Tensor
    index: Tensor  # the records, as places in the streams
    speakers: Tensor | None = None  # as in Data

    def __len__(self) -> int:
        return len(self.index)

    def part(self, index: Tensor) -> Filed:
        """Return some of the records, still in their files."""
        speakers = some(self.speakers, index)
        return Filed(self.streams, self.targets[index], self.index[index], speakers)

    def rows(self, index: Tensor) -> Data:
        """Return some of the records as tensors."""
        chosen = self.index[index].numpy()
        parts = {name: stream.read(chosen) for name, stream in self.streams.items()}
        streams = {name: torch.from_numpy(values) for name, (values, _) in parts.items()}
        masks = {name: torch.from_numpy(mask) for name, (_, mask) in parts.items()}
        return Data(streams, masks, self.targets[index], some(self.speakers, index))


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items; another thread makes the next one while this one is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="emocli-reading") as reader:
        future = reader.submit(next, items, None)
        while (item := future.result()) is not None:
            future = reader.submit(next, items, None)
            yield item


def chunks(data: Source, size: int = CHUNK) -> Iterator[Data]:
    """Yield all records in order, in chunks."""
    for index in torch.split(torch.arange(len(data)), size):
        yield data.rows(index)


def padded(data: Data, lengths: list[int]) -> Data:
    """Return records whose frames are padded to these lengths, one per stream."""
    streams, masks = dict(data.streams), dict(data.masks)
    for name, count in zip(streams, lengths, strict=True):
        if streams[name].ndim == 3 and (more := count - streams[name].shape[1]):
            streams[name] = functional.pad(streams[name], (0, 0, 0, more))
            masks[name] = functional.pad(masks[name], (0, more))
    return Data(streams, masks, data.targets, data.speakers)


def has_time(data: Source, names: Iterable[str]) -> bool:
    """Say whether any of these streams has a time axis."""
    streams = data.rows(torch.arange(min(1, len(data)))).streams
    return any(streams[name].ndim == 3 for name in names)
