"""What is looked at in training: the loss and the metrics of held-out records."""

from __future__ import annotations

import torch

from emocli.bundles import scaling
from emocli.llm.scoring import Scorer
from emocli.training import figures
from emocli.training.language import soft
from emocli.training.language.corpus import Asking, Part
from emocli.training.language.loop import Evaluate

SCORED = 16  # prompts of held-out records at a time


def choosing(asking: Asking, dev: Part, device: str) -> Evaluate:
    """Return what gives loss and metrics of the labels that held-out records get."""
    head = dev.corpus.head(asking.spec)
    targets = dev.corpus.examples.targets.tensor([head])[list(dev.numbers)]
    room = len(asking.candidates.stem) + asking.candidates.depth
    prompts = [asking.prompt(dev.corpus.record(n), room) for n in dev.numbers]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    beside = soft.rows(asking.soft, dev, device)

    def evaluate() -> dict[str, float]:
        scorer = Scorer(asking.model, asking.candidates)
        scorer.remember(prompts)
        logs = torch.zeros(len(prompts), len(head.labels), dtype=torch.float64)
        for start in range(0, len(order), SCORED):
            rows = order[start : start + SCORED]
            with torch.inference_mode():
                own = beside(rows) if beside else None
            logs[rows] = torch.from_numpy(scorer([prompts[i] for i in rows], own))
        # What is kept is calibrated afterwards, so that being too sure is no reason to stop.
        temperature = scaling.temperature(logs.numpy(), targets.numpy())
        loss = torch.nn.functional.cross_entropy(logs / temperature, targets)
        found = figures.of([head], logs.float(), targets)
        return {"dev_loss": float(loss), **{f"dev_{n}": v for n, v in found.items()}}

    return evaluate
