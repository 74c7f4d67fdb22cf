"""From the columns that `score` kept to its metrics records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from emocli.records import Record
from emocli.scoring import groups as grouping
from emocli.scoring.compare import compared
from emocli.scoring.figures import number
from emocli.scoring.samples import Table, evaluate, interval, nested
from emocli.scoring.tasks import Task


def rows(
    table: Table,
    task: Task,
    by: dict[str, Callable[[Record], Any]],
    flags: Record,
    other: Table | None = None,
) -> Iterator[Record]:
    """Yield a metrics record, or one per group; with `other` the differences to it as well."""
    columns = table.columns
    everything = np.ones(len(columns.ids), np.bool_)
    groups = [(name, *group) for name in by for group in grouping.groups(columns, by, name)]
    for name, value, sets in groups or [("", None, [everything])]:
        inside = np.any(sets, axis=0)
        samples = [table.sample(one) for one in sets]
        points, draws = evaluate(samples, flags)
        clusters = np.unique(np.asarray(columns.clustered)[inside & (table.row >= 0)])
        kinds = [*columns.cluster, "record"]
        intervals = {k: interval(draws.get(k)) for k in points}
        yield {
            **({"by": {name: value}} if name else {}),
            **({"stream": flags["stream"]} if flags["stream"] else {}),
            "task": task.name,
            **table.counts(inside),
            **nested({k: number(float(v)) for k, v in points.items()}),
            **(samples[0][0].details() if len(samples) == 1 else {}),
            "intervals": nested(intervals),
            **({"compared": compared(table, other, sets, flags)} if other else {}),
            "resampled": "+".join(kinds[k] for k in np.unique(np.asarray(columns.kind)[clusters])),
            "clusters": len(clusters),
            "bootstrap": flags["bootstrap"],
            "seed": flags["seed"],
        }
