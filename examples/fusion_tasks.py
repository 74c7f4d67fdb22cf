"""Tasks whose answer is known, made from a seed: what can a model that fuses streams learn.

Every task has streams of up to 16 frames of 16 numbers, of which some are padding, and a class.
What a stream knows it says along directions of its own, in a moment of half its frames; the rest is
noise, standard normal. `TASKS` holds them; each takes a seed and gives the same data for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from emocli import models
from emocli.training import late_fusion, loop
from emocli.training.loop import Data, Settings

FRAMES = 16
SHORTEST = 8  # frames that are no padding
DIM = 16
SIZES = (1200, 300, 500)  # records to train, to stop early, to test
LOUD = 2.0  # a signal, in standard deviations of the noise of a frame
QUIET = 0.7

HIDDEN = 32
EPOCHS = 20
SETTINGS = Settings(epochs=EPOCHS, patience=20, learning_rate=3e-3, batch_size=64, balanced=False)
CONFIGS: dict[str, dict[str, Any]] = {
    "conv-attention": {"moments": 4},
    "e2-stage1": {"dropout": 0.1},
    "eegnet": {"kernel": 4, "moments": 16, "dropout": 0.1},
    "stars": {"segments": 8, "psa_units": 128},
}


@dataclass(frozen=True)
class Task:
    """Three parts of the same kind of data; `rare` are classes whose recall is the figure."""

    train: Data
    dev: Data
    test: Data
    classes: int
    rare: tuple[int, ...] = ()

    def map(self, change: Callable[[Data], Data]) -> Task:
        """Return the task with all its data changed."""
        parts = {name: change(getattr(self, name)) for name in ("train", "dev", "test")}
        return replace(self, **parts)

    def of(self, *streams: str) -> Task:
        """Return the task with some of its streams only."""
        return self.map(
            lambda data: Data(
                {name: data.streams[name] for name in streams},
                {name: data.masks[name] for name in streams},
                data.targets,
            )
        )


class Maker:
    """Makes records of some streams; the directions are the same in all parts of a task."""

    def __init__(self, seed: int, *streams: str) -> None:
        self.random = torch.Generator().manual_seed(seed)
        self.directions = {name: self._directions() for name in streams}
        self.offsets = {name: self.normal(DIM) for name in streams}

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers."""
        return torch.randn(*shape, generator=self.random)

    def whole(self, high: int, rows: int) -> Tensor:
        """Return whole numbers from 0 to high - 1."""
        return torch.randint(0, high, (rows,), generator=self.random)

    def _directions(self) -> Tensor:
        return torch.linalg.qr(self.normal(DIM, DIM)).Q

    def stream(self, name: str, codes: Tensor, always: bool) -> tuple[Tensor, Tensor]:
        """Return frames (rows, time, dim) that say codes (rows, up to dim), and their mask."""
        rows = len(codes)
        length = SHORTEST + self.whole(FRAMES - SHORTEST + 1, rows)[:, None]
        frames = torch.arange(FRAMES)
        half = length // 2
        start = (torch.rand(rows, 1, generator=self.random) * (length - half + 1)).long()
        loud = always | ((frames >= start) & (frames < start + half))
        signal = codes @ self.directions[name][: codes.shape[1]]
        values = self.offsets[name] + self.normal(rows, FRAMES, DIM)
        return values + loud[..., None] * signal[:, None], frames < length

    def data(self, codes: dict[str, Tensor], targets: Tensor, *, always: bool = False) -> Data:
        """Return the streams that say these codes, `always` or for a moment."""
        found = {name: self.stream(name, code, always) for name, code in codes.items()}
        streams = {name: values for name, (values, _) in found.items()}
        return Data(streams, {name: mask for name, (_, mask) in found.items()}, targets)


def _signs(bits: Tensor) -> Tensor:
    return 2.0 * bits.float() - 1


def _one_hot(classes: Tensor, count: int) -> Tensor:
    return torch.nn.functional.one_hot(classes, count).float()


def xor(seed: int) -> Task:
    """Make a class that two streams know only together: one bit each, the class is their XOR."""
    make = Maker(seed, "text", "audio")

    def part(rows: int) -> Data:
        first, second = make.whole(2, rows), make.whole(2, rows)
        codes = {"text": LOUD * _signs(first)[:, None], "audio": LOUD * _signs(second)[:, None]}
        return make.data(codes, first ^ second)

    return Task(*map(part, SIZES), classes=2)


def noise(seed: int) -> Task:
    """Make four classes that the text knows; the audio is noise."""
    make = Maker(seed, "text", "audio")

    def part(rows: int) -> Data:
        targets = make.whole(4, rows)
        codes = {"text": LOUD * _one_hot(targets, 4), "audio": torch.zeros(rows, 1)}
        return make.data(codes, targets)

    return Task(*map(part, SIZES), classes=4)


def conflict(seed: int) -> Task:
    """Make streams that disagree in three records of four; a second signal tells whom to trust."""
    make = Maker(seed, "text", "audio")

    def part(rows: int) -> Data:
        votes = {"text": make.whole(4, rows), "audio": make.whole(4, rows)}
        text_is_right = make.whole(2, rows)
        trust = {"text": _signs(text_is_right), "audio": -_signs(text_is_right)}
        codes = {
            name: LOUD * torch.cat([_one_hot(vote, 4), trust[name][:, None]], dim=1)
            for name, vote in votes.items()
        }
        return make.data(codes, torch.where(text_is_right == 1, votes["text"], votes["audio"]))

    return Task(*map(part, SIZES), classes=4)


def missing(seed: int) -> Task:
    """Make three classes that the text says loudest; half the test records have lost the text.

    The classes are -1, 0 and 1 times one direction, so that the mean of the text is one of them:
    who fills in the mean says "the middle class", and loudly. Audio and video say the class too,
    at half the loudness, and that is what is left to go by.
    """
    make = Maker(seed, "text", "audio", "video")

    def part(rows: int) -> Data:
        targets = make.whole(3, rows)
        level = LOUD * (targets[:, None] - 1.0)
        return make.data({"text": level, "audio": 0.5 * level, "video": 0.5 * level}, targets)

    train, dev, test = map(part, SIZES)
    kept = make.whole(2, len(test)) == 1
    masks = {**test.masks, "text": test.masks["text"] & kept[:, None]}
    return Task(train, dev, replace(test, masks=masks), classes=3)


def rare(seed: int) -> Task:
    """Make four classes, 60, 30, 6 and 4 in a hundred; as many of each in the test records.

    Both streams say the class quietly, and in every frame: what is drawn can be learned from.
    """
    make = Maker(seed, "text", "audio")
    shares = torch.tensor([0.60, 0.30, 0.06, 0.04])

    def part(rows: int, chances: Tensor) -> Data:
        targets = torch.multinomial(chances, rows, replacement=True, generator=make.random)
        code = QUIET * _one_hot(targets, 4)
        return make.data({"text": code, "audio": code}, targets, always=True)

    even = torch.full((4,), 0.25)
    train, dev, test = (part(n, c) for n, c in zip(SIZES, (shares, shares, even), strict=True))
    return Task(train, dev, test, classes=4, rare=(2, 3))


TASKS: dict[str, Callable[[int], Task]] = {
    "xor": xor,
    "noise": noise,
    "conflict": conflict,
    "missing": missing,
    "rare": rare,
}


def mean_over_time(task: Task) -> Task:
    """Return the task with one vector per stream, for models that read no time axis."""

    def pooled(data: Data) -> Data:
        streams = {}
        for name, values in data.streams.items():
            weights = data.masks[name][..., None].float()
            streams[name] = (values * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
        return Data(streams, {n: m.any(dim=1) for n, m in data.masks.items()}, data.targets)

    return task.map(pooled)


def filled(data: Data, train: Data, how: str) -> Data:
    """Return data in which a lost stream is a frame of `how`, "zeros" or "means", and counts."""
    streams, masks = {}, {}
    for name, values in data.streams.items():
        lost = ~data.masks[name].any(dim=1)
        mean = train.streams[name][train.masks[name]].mean(dim=0)
        fill = mean if how == "means" else torch.zeros_like(mean)
        streams[name] = torch.where(lost[:, None, None], fill, values)
        masks[name] = data.masks[name] | lost[:, None]
    return Data(streams, masks, data.targets)


def fitted(name: str, task: Task, seed: int, **changes: Any) -> Any:
    """Return a model fitted to a task; `changes` are of its config, or of the settings."""
    own = {key: changes.pop(key) for key in list(changes) if hasattr(SETTINGS, key)}
    settings = replace(SETTINGS, seed=seed, **own)
    torch.manual_seed(seed)
    if name == "late-fusion":
        return _late_fusion(task, settings)
    dims = {stream: values.shape[-1] for stream, values in task.train.streams.items()}
    hidden = {} if name == "linear" else {"hidden": HIDDEN}
    config = {"dims": dims, "classes": task.classes, **hidden, **CONFIGS.get(name, {}), **changes}
    model = models.build(name, config)
    loop.fit(model, task.train, task.dev, settings, lambda _: None)
    return model


def _late_fusion(task: Task, settings: Settings) -> Any:
    """Return late fusion by evidence: a perceptron per stream, fitted and calibrated by itself."""
    dims = {stream: values.shape[-1] for stream, values in task.train.streams.items()}
    config = {"dims": dims, "classes": task.classes, "hidden": HIDDEN}
    return late_fusion.calibrated(config, task.train, task.dev, settings, lambda _: None)[0]


def accuracy(model: Any, data: Data) -> float:
    """Return the share of records whose class is found."""
    return float((loop.logits(model, data).argmax(dim=1) == data.targets).float().mean())


def recall(model: Any, data: Data, classes: tuple[int, ...]) -> float:
    """Return the mean over classes of the share of their records that are found."""
    found = loop.logits(model, data).argmax(dim=1)
    shares = [(found[data.targets == c] == c).float().mean() for c in classes]
    return float(torch.stack(shares).mean())
