"""Data-parallel training in several processes, started by torchrun; each gets a shard of a batch.

A process runs the model on its shard; `all_gather` then collects the outputs of all shards, and
every process computes the same loss of the whole batch, even if the loss compares records. The
order of records, the masks and dropout (`Dropout`) are drawn for the whole batch. Gradients are
summed explicitly rather than by a wrapper around the model, because an objective is more than a
forward pass. Every process ends a step with the same weights, equal to those of a single process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from emocli.errors import ConfigError


def world() -> tuple[int, int]:
    """Return the rank of this process and the number of processes, from torchrun's variables."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def start(device: str) -> None:
    """Join the other processes, if there are any: nccl between GPUs, gloo between CPUs.

    With GPUs both are initialised, because some numbers are reduced on the CPU.
    """
    if world()[1] > 1 and not torch.distributed.is_initialized():
        gpu = device.startswith("cuda")
        if gpu:
            torch.cuda.set_device(device)
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")


def local(device: str) -> str:
    """Return the GPU of this process if there are several processes, else the device itself."""
    several_gpus = device.startswith("cuda") and world()[1] > 1
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if several_gpus else device


def shard(index: Tensor) -> Tensor:
    """Return this process's shard of the records of a batch.

    All shards have the same size; if the records do not divide evenly, the last one is repeated.
    """
    rank, count = world()
    if count == 1:
        return index
    places = torch.arange(rank, rank + len(index), count)
    return index[places.clamp_max(len(index) - 1)]


class _AllGather(torch.autograd.Function):
    """The rows of all processes in the order of `shard`; each gets the gradient of its rows.

    Every process computes the same loss and divides it by n. The gradients of all processes are
    added: they are the same where the loss is made from gathered rows alone, and differ where a
    process applies what was gathered to rows of its own, as batch norm does with moments.
    """

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        count = world()[1]
        sent = values.detach().contiguous()
        parts = [torch.empty_like(sent) for _ in range(count)]
        # As bytes: not every dtype can be sent.
        torch.distributed.all_gather([_bytes(part) for part in parts], _bytes(sent))
        return torch.stack(parts, dim=1).flatten(0, 1)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        rank, count = world()
        total = gradient.float().contiguous()  # not every dtype can be added
        torch.distributed.all_reduce(total)
        return total[rank::count].to(gradient.dtype)


def _bytes(values: Tensor) -> Tensor:
    return values.flatten().view(torch.uint8)


def all_gather(values: Tensor, size: int) -> Tensor:
    """Return the rows (size, ...) of a whole batch from this process's shard of them."""
    rows: Tensor = _AllGather.apply(values)  # type: ignore[no-untyped-call]
    return rows[:size]


def all_reduce_max(numbers: list[int]) -> list[int]:
    """Return the element-wise maximum of all processes' numbers; a barrier for all."""
    if world()[1] == 1:
        return numbers
    reduced = torch.tensor(numbers)
    torch.distributed.all_reduce(reduced, torch.distributed.ReduceOp.MAX)
    return reduced.tolist()


class Dropout(TorchFunctionMode):
    """Draw dropout for the whole batch, and apply this process's shard of it.

    On a CPU this equals the dropout of a single process, if all have the same random state.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.shard = shard(torch.arange(size))
        self.size = size

    def __torch_function__(
        self, call: Callable[..., Any], _: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Replace dropout of a shard; pass on all other calls."""
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
    """Sum the gradients over all processes; a missing one counts as zero.

    A parameter without a gradient in any process keeps none, so that the optimiser skips it as it
    does in a single process.
    """
    if world()[1] == 1:
        return
    trainable = [p for p in parameters if p.requires_grad]
    parts = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in trainable]
    counts = parts[0].new_tensor([float(p.grad is not None) for p in trainable])
    flat = torch.cat([*parts, counts])
    torch.distributed.all_reduce(flat)
    *parts, counts = torch.split(flat, [*(p.numel() for p in trainable), len(trainable)])
    for parameter, part, count in zip(trainable, parts, counts.tolist(), strict=True):
        parameter.grad = part.reshape(parameter.shape) if count else None


def require_same(place: int, file: Path) -> None:
    """Raise ConfigError if processes resumed a checkpoint at different places."""
    if all_reduce_max([place]) != [place]:
        hint = "keep it on storage that all processes share"
        raise ConfigError(f"{file} differs from the checkpoint of another process", hint=hint)


def add(number: float) -> float:
    """Return the sum of all processes' numbers."""
    if world()[1] == 1:
        return number
    total = torch.tensor(number, dtype=torch.float64)
    torch.distributed.all_reduce(total)
    return total.item()


def broadcast(number: float) -> float:
    """Return the first process's number: others may differ in the last bit, but all must agree."""
    if world()[1] == 1:
        return number
    first = torch.tensor(number, dtype=torch.float64)
    torch.distributed.broadcast(first, 0)
    return first.item()


def finish() -> None:
    """Leave the other processes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
