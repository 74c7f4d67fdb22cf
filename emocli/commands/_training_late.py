"""Late fusion as `emocli train` fits it: heads one by one, then the rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from emocli import late_training, losses
from emocli.commands import _training_figures as figures
from emocli.errors import UsageError

if TYPE_CHECKING:
    from emocli.commands._training import Plan
    from emocli.training_data import Filed

Record = dict[str, Any]


def fitted(
    plan: Plan, fitting: Filed, dev: Filed, report: Callable[[Record], None]
) -> tuple[Any, Record]:
    """Return the model and what is said of it: epochs of each head, each rule's weighted F1."""
    if len(plan.heads) > 1 or not plan.heads[0].labels:
        targets = ", ".join(head.target for head in plan.heads)
        hint = "one of emotion, distribution, blend"
        raise UsageError(f"--model late-fusion answers one --target, not {targets}", hint=hint)
    torch.manual_seed(plan.settings.seed)

    def measure(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        return {f"dev_{n}": v for n, v in figures.of(plan.heads, logits, targets).items()}

    loss = losses.of(plan.heads, fitting.targets, plan.settings)
    more = {"loss": loss, "measure": measure, "place": plan.place}
    return late_training.fit(plan.config, fitting, dev, plan.settings, report, **more)
