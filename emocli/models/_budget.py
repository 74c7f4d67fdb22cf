"""A limit on the numbers that building a model allocates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from emocli.errors import ConfigError

MAKERS = (torch.empty, torch.zeros, torch.ones, torch.full, torch.randn, torch.rand)


class Budget(TorchFunctionMode):
    """Within it, ConfigError is raised before tensors of more than `limit` numbers are made."""

    def __init__(self, limit: int, hint: str) -> None:
        super().__init__()
        self.limit, self.hint, self.made = limit, hint, 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Count what a function makes, then call it."""
        if func in MAKERS:
            self.made += _numbers(args, kwargs or {})
            if self.made > self.limit:
                message = f"the model needs more than {self.limit} numbers"
                raise ConfigError(message, hint=self.hint)
        return func(*args, **(kwargs or {}))


def _numbers(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """Return how many numbers a tensor of this size has."""
    size = kwargs.get("size", args)
    if size and isinstance(size[0], Iterable):
        size = size[0]
    return math.prod(int(n) for n in size)
