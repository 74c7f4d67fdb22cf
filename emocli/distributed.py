"""Several processes that train one model: torchrun starts them, each sees its part of a batch.

Gradients are added up by hand rather than by a wrapper around the model: a model's objective is
more than its forward pass. Every process ends a step with the same weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def world() -> tuple[int, int]:
    """Return this process's rank and how many there are, from torchrun's variables."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def start(device: str) -> None:
    """Join the other processes, if there are any: nccl between GPUs, gloo between CPUs.

    With GPUs both are there: losses are added up on the CPU, which nccl does not do.
    """
    if world()[1] > 1 and not torch.distributed.is_initialized():
        gpu = device.startswith("cuda")
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")


def local(device: str) -> str:
    """Return this process's own GPU where there are several processes, else the device itself."""
    own = device.startswith("cuda") and world()[1] > 1
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if own else device


def share(index: Tensor) -> Tensor:
    """Return this process's part of the records of a batch."""
    rank, count = world()
    return index[rank::count]


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Add the gradients of all processes up; one that a process has not is zero.

    What has none in any process has none afterwards, so that the optimiser passes it over as it
    does in a single process.
    """
    if world()[1] == 1:
        return
    every = [p for p in parameters if p.requires_grad]
    parts = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in every]
    there = parts[0].new_tensor([float(p.grad is not None) for p in every])
    flat = torch.cat([*parts, there])
    torch.distributed.all_reduce(flat)
    *parts, there = torch.split(flat, [*(p.numel() for p in every), len(every)])
    for parameter, part, some in zip(every, parts, there.tolist(), strict=True):
        parameter.grad = part.reshape(parameter.shape) if some else None


def added(values: Tensor) -> Tensor:
    """Return numbers added up over all processes."""
    if world()[1] > 1:
        torch.distributed.all_reduce(values)
    return values


def agreed(number: float) -> float:
    """Return the first process's number: theirs may differ in the last bit, and all must stop."""
    if world()[1] == 1:
        return number
    shared = torch.tensor(number, dtype=torch.float64)
    torch.distributed.broadcast(shared, 0)
    return shared.item()


def finish() -> None:
    """Leave the other processes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
