"""A stage is a function from an iterator of records to an iterator of records.

`each` and `batched` make one from a function: N in, N out, in order; a record that fails is
marked and passed on; a record that already has `error` is passed on unchanged. Memory is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from emocli.errors import RecordError
from emocli.pipeline import live
from emocli.pipeline.windows import Window
from emocli.records import Record, failures

Stage = Callable[[Iterator[Record]], Iterator[Record]]
DIED = RecordError("worker_died", "the worker process died on this record")


def chain(*stages: Stage) -> Stage:
    """Return the stage that runs several stages in turn."""

    def run(records: Iterator[Record]) -> Iterator[Record]:
        for stage in stages:
            records = stage(records)
        return records

    return run


def windowed(stage: Stage, window: Window) -> Stage:
    """Return a stage that starts again with every window of records.

    Batches then depend on the window alone, so that a run resumed at the start of a window gives
    the same bytes as a run that was not interrupted.
    """

    def run(records: Iterator[Record]) -> Iterator[Record]:
        records = iter(records)
        for first in records:
            yield from stage(window.take(first, records))

    return run if window.work else stage


def _attempt(
    function: Callable[[Record], Record], name: str, modality: str | None, record: Record
) -> Record:
    """Run the function on one record; a failure is marked on it."""
    try:
        return function(record)
    except Exception as error:
        if failures.fatal(error):
            raise
        return failures.mark(record, error, stage=name, modality=modality)


def each(
    function: Callable[[Record], Record],
    *,
    name: str,
    modality: str | None = None,
    jobs: int = 1,
    wanted: Callable[[Record], bool] | None = None,
) -> Stage:
    """Return a stage that runs `function` on every record, in `jobs` worker processes.

    With more than one job the function must pickle (a module's function, or a partial of one).
    `wanted` selects the records that need the function.
    """
    attempt = partial(_attempt, function, name, modality)

    def flows_past(record: Record) -> bool:
        return bool(record.get("error")) or (wanted is not None and not wanted(record))

    def run(records: Iterator[Record]) -> Iterator[Record]:
        if jobs > 1:
            from emocli.pipeline.workers import in_workers  # imports multiprocessing: 15 ms

            died = partial(failures.mark, error=DIED, stage=name, modality=modality)
            yield from in_workers(attempt, records, died, flows_past, jobs, name=name)
        else:
            for record in records:
                if flows_past(record):
                    yield record
                else:
                    live.note(name, record)
                    yield attempt(record)

    return run


def batched(
    function: Callable[[list[Record]], Sequence[Record | Exception]],
    *,
    name: str,
    modality: str | None = None,
    size: int = 16,
    length: Callable[[Record], float] | None = None,
    budget: float = float("inf"),
    wanted: Callable[[Record], bool] | None = None,
) -> Stage:
    """Return a stage that runs `function` on batches of records of similar length.

    A window of 8 batches is sorted by `length`, cut into batches of at most `size` records and
    at most `budget` length in all, and put back in order. With size 1 a record is passed on at
    once. A batch that does not fit into memory is halved; one that fails otherwise is tried record
    by record. `wanted` selects the records that need the function.
    """
    window = 8 * size if size > 1 else 1
    runner = _BatchRunner(function, name, modality)

    def run(records: Iterator[Record]) -> Iterator[Record]:
        records = iter(records)
        while members := list(islice(records, window)):
            rest = [
                (_length(length, record), index)
                for index, record in enumerate(members)
                if not record.get("error") and (wanted is None or wanted(record))
            ]
            for batch in _cut(sorted(rest), size, budget):
                for index, result in zip(
                    batch, runner.run([members[i] for i in batch]), strict=True
                ):
                    members[index] = result
            yield from members

    return run


def _length(length: Callable[[Record], float] | None, record: Record) -> float:
    try:
        return float(length(record)) if length else 0.0
    except Exception:  # the function itself reports a record without a usable length
        return 0.0


def _cut(rest: list[tuple[float, int]], size: int, budget: float) -> Iterator[list[int]]:
    batch: list[int] = []
    total = 0.0
    for length, index in rest:
        if batch and (len(batch) == size or total + length > budget):
            yield batch
            batch, total = [], 0.0
        batch.append(index)
        total += length
    if batch:
        yield batch


class _BatchRunner:
    """Run a function on a batch; mark the failures of its members."""

    def __init__(
        self,
        function: Callable[[list[Record]], Sequence[Record | Exception]],
        name: str,
        modality: str | None,
    ) -> None:
        self.function, self.name, self.modality = function, name, modality

    def run(self, batch: list[Record]) -> list[Record]:
        live.note(self.name, batch[0], len(batch) - 1)
        try:
            results = self.function(batch)
        except Exception as error:
            if failures.fatal(error):
                raise
            if len(batch) == 1:
                return [self.mark(batch[0], error)]
            step = (len(batch) + 1) // 2 if failures.out_of_memory(error) else 1
            parts = [batch[i : i + step] for i in range(0, len(batch), step)]
            return [record for part in parts for record in self.run(part)]
        return [
            self.mark(record, result) if isinstance(result, Exception) else result
            for record, result in zip(batch, results, strict=True)
        ]

    def mark(self, record: Record, error: Exception) -> Record:
        return failures.mark(record, error, stage=self.name, modality=self.modality)
