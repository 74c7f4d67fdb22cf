"""Turn the columns that `score` kept into metrics records."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emocli.records import Record
from emocli.scoring.compare import compared
from emocli.scoring.control import Control
from emocli.scoring.figures import number
from emocli.scoring.groups import Keys, members
from emocli.scoring.options import ScoreOptions
from emocli.scoring.samples import Table, evaluate, interval, nested
from emocli.scoring.tasks import Task


def rows(
    table: Table,
    task: Task,
    keys: Keys,
    options: ScoreOptions,
    other: Table | None = None,
) -> Iterator[Record]:
    """Yield a metrics record, or one per group; with `other` also the differences from it."""
    columns = table.columns
    control = Control(table, task.name) if columns.stimuli.place else None
    everything = np.ones(len(columns.ids), np.bool_)
    groups = [(name, *group) for name in keys for group in members(columns, keys, name)]
    for name, value, masks in groups or [("", None, [everything])]:
        inside = np.any(masks, axis=0)
        samples = [table.sample(mask) for mask in masks]
        points, draws = evaluate(samples, options)
        clusters = np.unique(np.asarray(columns.clustered)[inside & (table.row >= 0)])
        kinds = [*columns.cluster, "record"]
        intervals = {k: interval(draws.get(k)) for k in points}
        yield {
            **({"by": {name: value}} if name else {}),
            **({"stream": options.stream} if options.stream else {}),
            "task": task.name,
            **table.counts(inside),
            **nested({k: number(float(v)) for k, v in points.items()}),
            **(samples[0][0].details() if len(samples) == 1 else {}),
            "intervals": nested(intervals),
            **(control.figures(masks, options) if control else {}),
            **({"compared": compared(table, other, masks, options)} if other else {}),
            "resampled": "+".join(kinds[k] for k in np.unique(np.asarray(columns.kind)[clusters])),
            "clusters": len(clusters),
            "bootstrap": options.bootstrap,
            "seed": options.seed,
        }
