"""How many records are worked on together: a window, by how long they take.

Records of a window are batched with each other and with nothing else, are written when it is done,
and are redone as a whole by `--resume`. So a window must hold enough to batch well, and little
enough to wait for, whatever is in it: a thousand sentences or a single hour of speech.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from emocli.records import Record

Item = TypeVar("Item")

WORK = 512.0  # in a window: sentences, seconds of sound, or a mixture. Our choice: some 30 s
LEAST_OF_SOUND = 16.0  # a clip costs no less than this many seconds of sound: it is decoded, ...
BYTES_PER_S = 16_000  # of a file whose length is not known: between speech in mp3 and in wav


@dataclass(frozen=True)
class Window:
    """Records until their work, by `cost`, reaches `work`; one record where `work` is 0."""

    work: float = 0.0
    cost: Callable[[Record], float] = lambda _: 1.0

    def take(
        self, first: Item, rest: Iterator[Item], record: Callable[[Item], Record]
    ) -> Iterator[Item]:
        """Yield `first` and as many of the rest as belong to its window."""
        total = self.cost(record(first))
        yield first
        while total < self.work:
            for item in rest:
                total += self.cost(record(item))
                yield item
                break
            else:
                return


def of(batch_size: int) -> Window:
    """Return the window of a command that batches: one record where it is not to batch."""
    return Window(WORK, cost) if batch_size > 1 else Window()


def cost(record: Record) -> float:
    """Return the work on a record: 1 for text or features, the seconds of its sound else."""
    if record.get("features") or not (record.get("path") or record.get("audio")):
        return 1.0
    return max(LEAST_OF_SOUND, _seconds(record))


def _seconds(record: Record) -> float:
    """Return how long a record's sound is, or might be by the size of its file."""
    try:
        if isinstance(record.get("audio"), dict) and record["audio"].get("duration"):
            return float(record["audio"]["duration"])
        if record.get("end") is not None:
            return float(record["end"]) - float(record.get("start") or 0)
        return os.stat(str(record["path"])).st_size / BYTES_PER_S  # noqa: PTH116
    except (OSError, TypeError, ValueError, KeyError):
        return 0.0
