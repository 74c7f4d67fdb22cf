"""Draw records by a curriculum: a corpus by its weight, then one of its records, each as often."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from random import Random

from emocli import pipeline
from emocli.errors import UsageError
from emocli.llm.curricula import Curriculum
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages.instruct import answers

DRAWN = "#drawn"  # stands between the id of a record and the number of the draw


def from_all(
    context: Context,
    curriculum: Curriculum | None,
    count: int,
    draws: Callable[[str], Random],
) -> pipeline.Stage:
    """Return the stage that reads all records and writes `count` that are drawn from them.

    What is drawn does not depend on the order of the records. Ids get a suffix, so that they stay
    unique. Failed records are passed on before, and are not drawn.
    """
    if curriculum is None:
        raise UsageError("--draw: by which weights?", hint="--curriculum names them")

    def run(records: Iterator[Record]) -> Iterator[Record]:
        corpora: dict[str, list[Record]] = {}
        for record in records:
            if record.get("error"):
                yield record
            else:
                corpora.setdefault(answers.corpus_of(record) or "", []).append(record)
        if corpora:
            yield from _drawn(context, curriculum, corpora, draws, count)

    return run


def _drawn(
    context: Context,
    curriculum: Curriculum,
    corpora: dict[str, list[Record]],
    draws: Callable[[str], Random],
    count: int,
) -> Iterator[Record]:
    weights = {name: curriculum.weight(name) for name in sorted(corpora)}
    if lost := [name for name, weight in weights.items() if not weight]:
        held = sum(len(corpora.pop(name)) for name in lost)
        context.say("instruct", f"{held} records of {', '.join(lost)} are not drawn: weight 0")
    if not corpora:
        raise UsageError("--draw: all records are of corpora of weight 0")
    total = sum(map(len, corpora.values()))
    context.say("instruct", f"{count} drawn from {total} records of {len(corpora)} corpora")
    names = sorted(corpora)
    cumulative = list(itertools.accumulate(weights[name] for name in names))
    for records in corpora.values():
        records.sort(key=lambda record: str(record.get("id")))
    random = draws(DRAWN)
    for number in range(1, count + 1):
        (name,) = random.choices(names, cum_weights=cumulative)
        record = random.choice(corpora[name])
        yield {**record, "id": f"{record.get('id')}{DRAWN}-{number}"}
