"""An epoch of training: every fusion model against a transformer that reads the same records.

10,000 records of three streams, 100 frames of 384 numbers each, from a feature store: 4.6 GB. What
is timed is a part of that epoch, STEPS batches, model after model in turns, in seconds of CPU on
one thread; medians are scaled up. The peer is two layers of `nn.TransformerEncoder`, 256 wide, four
heads, 1024 units between, over the streams one behind the other in time (300 frames), each brought
to 256 by a layer of its own. A cheaper reading of "concatenated", the streams side by side in each
of 100 frames, is printed with no bar.

Models that only average frames (`averages`, and late fusion) read sequences once and then train on
vectors; here their epoch is one that reads sequences, the first. The share of an epoch that is in
the model is a row of its own: wall-clock seconds in steps (forward, backward, optimiser) over those
of the epochs of `training.fit`, which reads ahead in another thread. Its records are the same files
again, 8 batches, or 32 of models that read vectors, whose averaging is not an epoch.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from emocli import models
from emocli.io.store import Store
from emocli.training import late_fusion as late
from emocli.training import loop
from emocli.training.data import Data, Filed, Frames, Source
from emocli.training.loop import Settings

RECORDS, FRAMES, DIM, CLASSES = 10_000, 100, 384, 7
STREAMS = ("text", "audio", "video")
BATCH, STEPS = 64, 4
BAR = 1.5
IN_MODEL = 0.9  # of an epoch, at least
WIDTH, HEADS, BETWEEN, LAYERS = 256, 4, 1024, 2
BEHIND, BESIDE = "transformer, 300 frames", "transformer, 100 frames"
LATE = "late-fusion"

Step = Callable[[Data], None]


class Transformer(nn.Module):
    """The peer: streams one behind the other in time, or side by side in each frame."""

    def __init__(self, *, beside: bool) -> None:
        super().__init__()
        self.beside = beside
        sizes = [len(STREAMS) * DIM] if beside else [DIM] * len(STREAMS)
        self.project = nn.ModuleList([nn.Linear(size, WIDTH) for size in sizes])
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, BETWEEN, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.output = nn.Linear(WIDTH, CLASSES)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        found, there = list(streams.values()), torch.cat(list(masks.values()), dim=1)
        if self.beside:
            found, there = [torch.cat(found, dim=2)], masks[STREAMS[0]]
        parts = [layer(values) for layer, values in zip(self.project, found, strict=True)]
        thought = self.layers(torch.cat(parts, dim=1), src_key_padding_mask=~there)
        weights = there[..., None].float()
        return self.output((thought * weights).sum(dim=1) / weights.sum(dim=1))


def run() -> list[dict[str, Any]]:
    """Return a row for each model's epoch, and one for the share of it that is in the model."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            data = records(Store(folder))
            return _rows(data)
    finally:
        torch.set_num_threads(threads)


def records(store: Store) -> Filed:
    """Return the records that are timed, their sequences in a store."""
    random = np.random.default_rng(0)
    streams = {n: Frames(DIM, lambda path: store.array({"path": path})) for n in STREAMS}
    for _ in range(BATCH * STEPS):
        for stream in streams.values():
            values = random.standard_normal((FRAMES, DIM), dtype=np.float32)
            stream.add(store.put_array(values)["path"])
    targets = torch.from_numpy(random.integers(0, CLASSES, BATCH * STEPS))
    return Filed({**streams}, targets, torch.arange(BATCH * STEPS))


def _rows(data: Filed) -> list[dict[str, Any]]:
    joint = [n for n in models.names() if models.takes_time(n) and n != LATE]
    steps = {name: _step(_built(name)) for name in joint}
    steps |= {BEHIND: _step(Transformer(beside=False)), BESIDE: _step(Transformer(beside=True))}
    reading, spent = _timed(data, steps)
    peers = spent.pop(BEHIND), spent.pop(BESIDE)
    spent[LATE] = late_fusion(data, reading)
    rows = []
    for name in sorted(spent):
        rows += [_against(name, spent[name], peers[0], BEHIND, BAR)]
        rows += [_against(name, spent[name], peers[1], BESIDE, None)]
        rows += [_share(name, data)]
    return rows


def _built(name: str) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = models.build(name, {"dims": dict.fromkeys(STREAMS, DIM), "classes": CLASSES})
    return model


def _step(model: nn.Module) -> Step:
    """Return what trains a model on one batch, as the loop does it."""
    optimiser = torch.optim.AdamW(model.train().parameters(), lr=1e-3)

    def step(batch: Data) -> None:
        terms = loop.objective(model, batch, nn.functional.cross_entropy)
        optimiser.zero_grad()
        torch.autograd.backward(torch.stack(list(terms.values())).sum())
        optimiser.step()

    return step


def _timed(data: Source, steps: dict[str, Step]) -> tuple[float, dict[str, float]]:
    """Return CPU seconds to read a batch, and those of a step on it by model: medians."""
    batches = torch.split(torch.randperm(len(data)), BATCH)
    for step in steps.values():
        step(data.rows(batches[0][:2]))  # what is done once
    read: list[float] = []
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for rows in batches:
        for name, step in steps.items():
            start = time.process_time()
            batch = data.rows(rows)
            got = time.process_time()
            step(batch)
            read.append(got - start)
            taken[name].append(time.process_time() - got)
    return statistics.median(read), {n: statistics.median(v) for n, v in taken.items()}


def late_fusion(data: Source, reading: float) -> float:
    """Return CPU seconds of late fusion for a batch: averaging, less reading, and its heads."""
    config = {"dims": dict.fromkeys(STREAMS, DIM), "classes": CLASSES}
    start = time.process_time()
    with late.averaged(config["dims"], data) as [vectors]:
        averaging = (time.process_time() - start) / STEPS - reading
        start = time.process_time()
        for name in STREAMS:
            one = models.build("mlp", {"dims": {name: DIM}, "classes": CLASSES})
            step = _step(one)
            for rows in torch.split(torch.arange(len(vectors)), BATCH):
                step(vectors.rows(rows))
        return averaging + (time.process_time() - start) / STEPS


def _against(name: str, own: float, peer: float, what: str, bar: float | None) -> dict[str, Any]:
    epoch = RECORDS / BATCH  # batches
    return {
        "name": f"{name}, epoch of {RECORDS:,} records",
        "value": own * epoch,
        "unit": "s",
        "peer": what,
        "peer_value": peer * epoch,
        "ratio": own / peer,
        "bar": bar,
        "ok": bar is None or own / peer <= bar,
    }


def _share(name: str, data: Filed) -> dict[str, Any]:
    with _clock("_epoch") as whole, _clock("_step") as steps:
        _fit(name, data)
    share = sum(steps) / sum(whole)
    return {
        "name": f"{name}, share of an epoch in the model",
        "value": share,
        "unit": "",
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "bar": IN_MODEL,
        "ok": share >= IN_MODEL,
    }


@contextlib.contextmanager
def _clock(name: str) -> Iterator[list[float]]:
    """Give the wall-clock seconds of each call of a function of the training loop."""
    call, taken = getattr(loop, name), []

    def timed(*given: Any) -> Any:
        start = time.perf_counter()
        found = call(*given)
        taken.append(time.perf_counter() - start)
        return found

    with mock.patch.object(loop, name, timed):
        yield taken


def _fit(name: str, data: Filed) -> None:
    """Train for some epochs as `train` does."""
    quick = name == LATE or getattr(_built(name), "averages", False)
    again = Filed(data.streams, data.targets.repeat(8), data.index.repeat(8))
    few, settings = data.part(torch.arange(BATCH)), Settings(epochs=5, batch_size=BATCH)
    config = {"dims": dict.fromkeys(STREAMS, DIM), "classes": CLASSES}
    if name == LATE:
        late.fit(config, again, few, settings, lambda _: None)
    elif quick:
        loop.fit(_built(name), again, few, settings, lambda _: None)
    else:
        once = replace(settings, epochs=1)
        loop.fit(_built(name), again.part(torch.arange(8 * BATCH)), few, once, lambda _: None)
