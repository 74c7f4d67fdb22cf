"""The networks that the ambiguity examples compare: the same ones, trained on different labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emocli import models
from emocli.training import loop
from emocli.training.loop import Data, Settings

SETTINGS = Settings(
    epochs=40, patience=10, learning_rate=2e-3, batch_size=128, modality_dropout=0.0, balanced=False
)
TASK = {"objective": "task"}  # AmbER2's network without its losses

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """A way to train: on votes, or on the label that most raters gave."""

    config: dict[str, Any] = field(default_factory=dict)
    model: str = "amber2"
    majority: bool = False
    balanced: bool = False  # classes weigh the same
    loss: str = "cross-entropy"  # of a model without losses of its own


ARMS = {
    "majority label, class-balanced CE": Arm(TASK, majority=True, balanced=True),
    "majority label, CE": Arm(TASK, majority=True),
    "votes, CE (as KL)": Arm(TASK),
    "votes, JS (no modality loss)": Arm({"modality": 0.0}),
    "votes, AmbER2": Arm(),
}


def data(streams: dict[str, Floats], votes: Floats, *, majority: bool = False) -> Data:
    """Return training data; where labels have as many votes, chance chooses, seeded."""
    values = {n: torch.from_numpy(np.asarray(v, np.float32)) for n, v in streams.items()}
    masks = {name: torch.ones(len(votes), dtype=torch.bool) for name in streams}
    shares = votes / votes.sum(axis=1, keepdims=True)
    if not majority:
        return Data(values, masks, torch.from_numpy(shares).float())
    chance = np.random.default_rng(0).random(votes.shape)
    return Data(values, masks, torch.from_numpy((votes + 0.5 * chance).argmax(axis=1)))


Part = tuple[dict[str, Floats], Floats]  # streams and votes


def fitted(arm: Arm, train: Part, dev: Part, seed: int = 0, **changes: Any) -> Any:
    """Return an arm's model, fitted; `changes` are of its config, or of the settings."""
    own = {key: changes.pop(key) for key in list(changes) if hasattr(SETTINGS, key)}
    settings = replace(SETTINGS, seed=seed, balanced=arm.balanced, loss=arm.loss, **own)
    dims = {name: values.shape[1] for name, values in train[0].items()}
    config = {"dims": dims, "classes": train[1].shape[1], **arm.config, **changes}
    torch.manual_seed(seed)
    model = models.build(arm.model, config)
    parts = [data(*part, majority=arm.majority) for part in (train, dev)]
    loop.fit(model, *parts, settings, lambda _: None)
    return model


def predicted(model: Any, streams: dict[str, Floats]) -> Floats:
    """Return predicted shares (records, classes), adding to one."""
    count = len(next(iter(streams.values())))
    logits = loop.logits(model, data(streams, np.ones((count, model.config.classes))))
    return logits.double().softmax(dim=1).numpy()
