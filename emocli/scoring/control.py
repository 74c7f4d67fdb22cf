"""The control beside every figure on stimuli that several speakers saw: what the others say.

Where people agree on a film, knowing the film is enough: the majority of the other speakers on the
same stimulus predicts a label without any signal. A figure that is not above it shows nothing of
the signal. For numbers and shares the mean of the others takes the place of the majority.
"""

from __future__ import annotations

import copy

import numpy as np

from emocli.records import Record
from emocli.scoring.figures import number
from emocli.scoring.options import ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.samples import Mask, Table, evaluate, interval, nested

NUMBERS = ("distribution", "regression", "mosi", "sims")  # tasks of which the mean is taken
NAME = "the {} of the other speakers on the same stimulus"


class Control:
    """The control of a table of scored records of a task, some of which have a stimulus."""

    def __init__(self, table: Table, task: str) -> None:
        self._name = NAME.format("mean" if task in NUMBERS else "majority")
        stimuli = table.columns.stimuli
        places = np.asarray(stimuli.place, np.int64)
        scored = table.row[places] >= 0
        self._places = places[scored]
        stimulus, speaker = (np.asarray(c, np.int64) for c in (stimuli.stimulus, stimuli.speaker))
        self._others = Others(table.row[self._places], stimulus[scored], speaker[scored])
        self._scored: Mask = table.row >= 0
        self._count = np.full(len(table.row), -1.0)  # of others; -1 without a stimulus
        self._count[self._places] = self._others.count
        self._table = None
        if (frame := table.frame.control(self._others)) is not None:
            self._table = copy.copy(table)
            self._table.frame = frame

    def figures(self, masks: list[Mask], options: ScoreOptions) -> Record:
        """Return `control`, its figures and their intervals, resampled alike; {} if none."""
        about = self._about(np.any(masks, axis=0))
        if about is None or self._table is None:
            return {}
        points, draws = evaluate([self._table.sample(mask) for mask in masks], options)
        named = nested({name: number(float(value)) for name, value in points.items()})
        intervals = nested({name: interval(draws.get(name)) for name in points})
        return {"control": {**about, **named, "intervals": intervals}}

    def _about(self, inside: Mask) -> Record | None:
        """Return what the control of some records rests on; None if they have none.

        They have one if all have a stimulus, and some a stimulus of other speakers.
        """
        counts = self._count[inside & self._scored]
        if not (counts > 0).any() or (counts < 0).any():
            return None
        chosen = inside[self._places]
        shared = self._others.stimulus[chosen & (self._others.count > 0)]
        about = {"of": self._name, "stimuli": len(np.unique(shared))}
        alone = int((counts == 0).sum())
        return about | ({"alone": alone} if alone else {})
