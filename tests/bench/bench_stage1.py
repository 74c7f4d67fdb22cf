"""An epoch of E2-LLM's stage 1 on stored features of EEG: how much of it is in the model.

Trials are 10 windows of 62 channels x 5 bands, one small file each in a feature store, of 20
subjects. A small network on small files is where reading costs most. The share is CPU seconds of
the training thread in steps (forward, backward, optimiser) over those of the whole process in
epochs of `training.fit`, so that a thread that reads beside the steps counts too.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch

from emocli import models
from emocli.io.store import Store
from emocli.training import loop
from emocli.training.data import Filed, Frames

TRIALS, SUBJECTS, EPOCHS = 1120, 20, 5
SHAPES = ((10, 62 * 5), (6, 32 * 5))  # windows, numbers per window
IN_MODEL = 0.9  # of an epoch, at least


def run() -> list[dict[str, Any]]:
    """Return a row for each shape of a trial."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_row(windows, dim) for windows, dim in SHAPES]
    finally:
        torch.set_num_threads(threads)


def trials(store: Store, windows: int, dim: int) -> Filed:
    """Return noise as trials whose frames (windows, dim) are in the store."""
    random = np.random.default_rng(0)
    stream = Frames(dim, lambda path: store.array({"path": path}))
    for _ in range(TRIALS):
        values = random.standard_normal((windows, dim), np.float32)
        stream.add(store.put_array(values)["path"])
    places = torch.arange(TRIALS)
    return Filed({"eeg": stream}, places % 7, places, places % SUBJECTS)


def _row(windows: int, dim: int) -> dict[str, Any]:
    torch.manual_seed(0)
    sizes = {"dims": {"eeg": dim}, "classes": 7, "speakers": SUBJECTS}
    with tempfile.TemporaryDirectory() as folder:
        data = trials(Store(folder), windows, dim)
        few, settings = data.part(torch.arange(64)), loop.Settings(epochs=EPOCHS)
        with _clock("_epoch", time.process_time) as whole, _clock("_step", time.thread_time) as in_:
            loop.fit(models.build("e2-stage1", sizes), data, few, settings, lambda _: None)
    share = sum(in_) / sum(whole)
    name = f"e2-stage1, trials of {windows} x {dim}, share of an epoch in the model"
    row = {"name": name, "value": share, "unit": "", "bar": IN_MODEL, "ok": share >= IN_MODEL}
    return row | {"peer": None, "peer_value": None, "ratio": None}


@contextlib.contextmanager
def _clock(name: str, now: Callable[[], float]) -> Iterator[list[float]]:
    """Give the seconds of each call of a function of the training loop."""
    call, taken = getattr(loop, name), []

    def timed(*given: Any) -> Any:
        start = now()
        found = call(*given)
        taken.append(now() - start)
        return found

    with mock.patch.object(loop, name, timed):
        yield taken


if __name__ == "__main__":
    for line in run():
        print(line)
