"""How many records are worked on together: a window, by how long they take.

Records of a window are batched with each other and with nothing else, are written when it is done,
and are redone as a whole by `--resume`. So a window must hold enough to batch well, and little
enough to wait for, whatever is in it: a thousand sentences or a single hour of speech.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from emocli.records import Record

Item = TypeVar("Item")

WORK = 512.0  # in a window: sentences, seconds of sound, or a mixture. Our choice: some 30 s


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


def of(batch_size: int, cost: Callable[[Record], float]) -> Window:
    """Return the window of a command that batches: one record where it is not to batch."""
    return Window(WORK, cost) if batch_size > 1 else Window()
