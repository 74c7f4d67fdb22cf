"""Train adapters by both objectives and print how that went; torchrun may start several of it.

    torchrun --nproc-per-node N -m tests.training.shared_backbone WEIGHTS

Several processes share the backbone out. No batch can be divided evenly among two.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from emocli.encoders import language_adapter
from emocli.llm import tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import Example
from emocli.training import distributed
from emocli.training.language import loop, rewarded, sft, sharding
from emocli.training.language.grpo import GroupRelative
from emocli.training.language.loop import Evaluate, Objective
from emocli.training.language.settings import Settings
from emocli.training.state import Place
from tests.training import tiny_answers

SUPERVISED = Settings(epochs=1, batch_size=5, part_size=2, evaluations=2, learning_rate=1e-2)
RECOMPUTED = replace(SUPERVISED, recompute=True, evaluations=1)
REWARDED = replace(SUPERVISED, batch_size=3, epochs=0.5, group=4, length=12, evaluations=1)


def histories(weights: Path, device: str, *, shard: bool) -> dict[str, Any]:
    """Return the lines of the log of each training, and the share of the layers that is here."""
    made = tiny_answers.model()
    made.network.load_state_dict(safetensors.torch.load_file(weights), strict=False)
    made.network.requires_grad_(False)
    made = replace(made, device=device)
    if shard:
        sharding.share_out(made.network, device)
    else:
        made.network.to(device)
    layers = list(made.network.model.layers.parameters())
    here = sum(getattr(p, "_local_tensor", p).numel() for p in layers)
    found: dict[str, Any] = {"share": here / sum(p.numel() for p in layers)}
    kinds = {"supervised": SUPERVISED, "rewarded": REWARDED, "recomputed": RECOMPUTED}
    for name, settings in kinds.items():
        found[name] = _history(made, replace(settings, shard=shard), rewarded=name == "rewarded")
    return found


def _history(model: LanguageModel, settings: Settings, *, rewarded: bool) -> list[dict[str, Any]]:
    torch.manual_seed(0)
    network = tuning.adapted(model.network, language_adapter.library(), 4, 8, 0.0)
    if settings.recompute:
        tuning.recompute(model.network)
    inner = replace(model, network=network.get_base_model())
    objective, evaluate, count = (_rewarded if rewarded else _supervised)(inner, settings)
    run = loop.Run(network, count, settings, Place(model.device), None)
    lines: list[dict[str, Any]] = []
    loop.fit(run, objective, evaluate, lines.append)
    network.unload()
    kept = ("train_loss", "dev_loss", "gradient_norm", "reward", "skipped", "tokens")
    return [{name: line[name] for name in kept if name in line} for line in lines]


def _supervised(model: LanguageModel, settings: Settings) -> tuple[Objective, Evaluate, int]:
    asked = tiny_answers.asked(model, 15)
    examples = [
        Example(q.prompt, tiny_answers.answer(model, tiny_answers.THOUGHTS[i % 2], q.gold))
        for i, q in enumerate(asked.questions)
    ]

    def evaluate() -> dict[str, float]:
        return {"dev_loss": sft.loss(model, examples[:3], 2)}

    return sft.Supervised(model, examples, [1.0] * 15, settings), evaluate, 15


def _rewarded(model: LanguageModel, settings: Settings) -> tuple[Objective, Evaluate, int]:
    asked = tiny_answers.asked(model, 12)

    def evaluate() -> dict[str, float]:
        return rewarded.evaluated(model, asked, settings)

    return GroupRelative(model, asked, settings), evaluate, 12


if __name__ == "__main__":
    distributed.start("cpu")
    made = histories(Path(sys.argv[1]), "cpu", shard=distributed.world()[1] > 1)
    if not distributed.world()[0]:
        print(json.dumps(made))
    distributed.finish()
