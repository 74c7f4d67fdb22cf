"""Several processes that train one model: torchrun starts them, each sees its part of a batch.

What a model makes of its records it makes of its part; `all_gather` then brings the parts together,
and every process finds the same loss of the whole batch, whatever compares its records. The order
of records and the masks are drawn for the whole batch, and so is dropout (`Dropout`). Gradients are
added up by hand rather than by a wrapper around the model: an objective is more than a forward
pass. Every process ends a step with the same weights, those of a single process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode


def world() -> tuple[int, int]:
    """Return this process's rank and how many there are, from torchrun's variables."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def start(device: str) -> None:
    """Join the other processes, if there are any: nccl between GPUs, gloo between CPUs.

    With GPUs both are there: numbers are compared on the CPU, which nccl does not do.
    """
    if world()[1] > 1 and not torch.distributed.is_initialized():
        gpu = device.startswith("cuda")
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")


def local(device: str) -> str:
    """Return this process's own GPU where there are several processes, else the device itself."""
    several_gpus = device.startswith("cuda") and world()[1] > 1
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if several_gpus else device


def shard(index: Tensor) -> Tensor:
    """Return this process's part of the records of a batch.

    All parts are of one size; where the records do not go round, the last one is there again.
    """
    rank, count = world()
    if count == 1:
        return index
    places = torch.arange(rank, rank + len(index), count)
    return index[places.clamp_max(len(index) - 1)]


class _AllGather(torch.autograd.Function):
    """All processes' rows in the order of `shard`; each gets the gradient of its own rows.

    Every process finds the same loss and takes its n-th part, so a row's gradient is n times that.
    """

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        count = world()[1]
        sent = values.detach().contiguous()
        parts = [torch.empty_like(sent) for _ in range(count)]
        # As bytes: not every kind of number can be sent.
        torch.distributed.all_gather([_bytes(part) for part in parts], _bytes(sent))
        return torch.stack(parts, dim=1).flatten(0, 1)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        rank, count = world()
        return gradient[rank::count] * count


def _bytes(values: Tensor) -> Tensor:
    return values.flatten().view(torch.uint8)


def all_gather(values: Tensor, size: int) -> Tensor:
    """Return the rows (size, ...) of a whole batch from this process's part of them."""
    rows: Tensor = _AllGather.apply(values)  # type: ignore[no-untyped-call]
    return rows[:size]


def all_reduce_max(numbers: list[int]) -> list[int]:
    """Return the largest of all processes' numbers, one by one, when all have come here."""
    if world()[1] == 1:
        return numbers
    reduced = torch.tensor(numbers)
    torch.distributed.all_reduce(reduced, torch.distributed.ReduceOp.MAX)
    return reduced.tolist()


class Dropout(TorchFunctionMode):
    """Inside, dropout is drawn for a whole batch, and a process's rows get their part of it.

    On a CPU that is what a single process draws, if all have the same random state.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.shard = shard(torch.arange(size))
        self.size = size

    def __torch_function__(
        self, call: Callable[..., Any], _: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Answer a call of torch: dropout of a shard as said, all else as ever."""
        if call is not functional.dropout or len(args[0]) == self.size:
            return call(*args, **(kwargs or {}))
        return self._dropout(*args, **(kwargs or {}))

    def _dropout(
        self, values: Tensor, p: float = 0.5, training: bool = True, **_: Any
    ) -> Tensor:  # the names are torch's
        if not training or p == 0:
            return values
        kept = values.new_empty(self.size, *values.shape[1:]).bernoulli_(1 - p)
        return values * (kept[self.shard.to(kept.device)] / (1 - p))


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Add the gradients of all processes up; one that a process has not is zero.

    What has none in any process has none afterwards, so that the optimiser passes it over as it
    does in a single process.
    """
    if world()[1] == 1:
        return
    every = [p for p in parameters if p.requires_grad]
    parts = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in every]
    counts = parts[0].new_tensor([float(p.grad is not None) for p in every])
    flat = torch.cat([*parts, counts])
    torch.distributed.all_reduce(flat)
    *parts, counts = torch.split(flat, [*(p.numel() for p in every), len(every)])
    for parameter, part, count in zip(every, parts, counts.tolist(), strict=True):
        parameter.grad = part.reshape(parameter.shape) if count else None


def broadcast(number: float) -> float:
    """Return the first process's number: theirs may differ in the last bit, and all must stop."""
    if world()[1] == 1:
        return number
    first = torch.tensor(number, dtype=torch.float64)
    torch.distributed.broadcast(first, 0)
    return first.item()


def finish() -> None:
    """Leave the other processes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
