"""The state of a training run after an epoch, from which it can be resumed exactly.

One safetensors file: weights, the best weights so far, AdamW's moments, the states of the random
generators; as JSON in the header, the epochs reported so far and the digest of the run. It is
written under a temporary name and renamed, so that it is always complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from emocli.errors import ConfigError, EmocliError

KEY = "emocli"  # of the JSON in the header


def save(file: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write a checkpoint completely or not at all."""
    part = file.with_name(f"{file.name}.part")
    kept = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(kept, part, metadata={KEY: orjson.dumps(facts).decode()})
        part.replace(file)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise EmocliError(f"{file}: cannot write the checkpoint: {error}") from None


def load(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the facts of a checkpoint."""
    try:
        with safe_open(file, framework="pt") as opened:
            facts = orjson.loads(opened.metadata()[KEY])
            return {name: opened.get_tensor(name) for name in opened.keys()}, facts  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise damaged(file, error) from None


def damaged(file: Path, error: Exception) -> ConfigError:
    """Return the error of a file that is no checkpoint, or not that of this model."""
    reason = " ".join(str(error).split())[:200]
    hint = "delete it, or train without --resume"
    return ConfigError(f"{file}: not a checkpoint: {reason}", hint=hint)


def moments(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return AdamW's state as tensors, "optimiser.0.exp_avg" and so on."""
    state = optimiser.state_dict()["state"]
    return {f"optimiser.{i}.{key}": t for i, kept in state.items() for key, t in kept.items()}


def restore(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restore AdamW's state."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        if first == "optimiser":
            number, _, key = rest.partition(".")
            state.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def weights(model: nn.Module, prefix: str) -> dict[str, Tensor]:
    """Return a model's state under a prefix."""
    return prefixed(model.state_dict(), prefix)


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return tensors under names with a prefix."""
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}


def under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors of a prefix, without it."""
    start = f"{prefix}."
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
