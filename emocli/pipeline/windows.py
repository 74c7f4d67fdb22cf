"""Windows: records that are processed together, as many as a given amount of work.

Records of a window are batched with each other only, are written when the window is done, and are
computed again as a unit by `--resume`. So a window must hold enough records to batch well, and few
enough to wait for, whether they are a thousand sentences or a single hour of speech.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emocli.records import Record

EARLY = "\0early"  # how many times its cost a record counts, so that its window is small

FIRST_FACTOR = 32.0  # a short clip costs 16: with it a whole window

WORK = 512.0  # per window: sentences, seconds of audio, or a mixture; about 30 s (our choice)


@dataclass(frozen=True)
class Window:
    """Records until the sum of their `cost` reaches `work`; one record if `work` is 0.

    With `together` the result of a record depends on the other records of its window. Otherwise a
    window also ends where the records come from a pipe that idles (`pipeline.ahead`).
    """

    work: float = 0.0
    cost: Callable[[Record], float] = lambda _: 1.0
    together: bool = False

    def take(self, first: Record, rest: Iterator[Record]) -> Iterator[Record]:
        """Yield `first` and as many of the rest as belong to its window."""
        total = self.cost(first)
        yield first
        idles = None if self.together else getattr(rest, "idles", None)
        while total < self.work and not (idles and idles()):
            record = next(rest, None)
            if record is None:
                return
            total += self.cost(record)
            yield record


ALL = Window(float("inf"), together=True)  # statistics over the whole input


def of(batch_size: int, cost: Callable[[Record], float]) -> Window:
    """Return the window of a command that batches; one record if the batch size is 1."""
    if batch_size == 1:
        return Window()
    return Window(WORK, lambda record: cost(record) * record.get(EARLY, 1.0))


def earliness(place: int) -> float:
    """Return the factor of the record at a place among those that one became, counted from 0.

    The first is a window by itself, the next two are one, then four: somebody waits for the first.

    >>> [earliness(place) for place in (0, 1, 2, 3, 7, 30, 31)]
    [32.0, 16.0, 16.0, 8.0, 4.0, 2.0, 1.0]
    """
    return max(FIRST_FACTOR / 2 ** math.floor(math.log2(place + 1)), 1.0)
