"""A backbone that is shared out: each process keeps a part of every layer, and gathers the rest.

FSDP2 (torch's `fully_shard`; Zhao et al. 2023, https://arxiv.org/abs/2304.11277). The weights are
frozen, so they are gathered and let go, layer by layer, and nothing else is sent. What is trained
is put into the backbone afterwards: adapters are whole in every process, in a dtype of their own,
and their gradients are added as those of a backbone that is not shared out. The table of embeddings
is whole as well, since it is read outside of the network (see `llm.tuning`).

All processes must call the network equally often, with a gradient or without. Objectives see to it
in training (`llm.tuning.nothing`), `together` elsewhere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from emocli.training import distributed


def share_out(network: Any, device: str) -> None:
    """Keep this process's part of a frozen network (of transformers) on a device.

    The network may be on the CPU; a layer at a time is on the device as a whole.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    kind = torch.device(device).type
    mesh = init_device_mesh(kind, (torch.distributed.get_world_size(),))
    table = network.get_input_embeddings().to(device)
    whole = set(table.parameters())
    names = set(network._no_split_modules or ())
    for layer in [m for m in network.modules() if type(m).__name__ in names]:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
    fully_shard(network, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
    _called(network, device)  # memory of weights made in inference mode is of no use in training


@contextlib.contextmanager
def together(network: Any) -> Iterator[None]:
    """Let processes call a network without gradients, each as often as it needs to.

    A process that is done calls a shared-out network along with the others until all are done.
    """
    found = _shared_out(network)
    if found is None:
        yield
        return
    told = found.register_forward_pre_hook(_say_called, prepend=True)
    try:
        yield
    finally:
        told.remove()
    device = str(found.get_input_embeddings().weight.device)
    while distributed.all_reduce_max([0]) == [1]:
        _called(found, device)


def _say_called(*_: Any) -> None:
    distributed.all_reduce_max([1])


def _shared_out(network: Any) -> Any:
    """Return the network that is shared out, which may be in another one; None if none is."""
    if distributed.world()[1] == 1:
        return None
    from torch.distributed.fsdp import FSDPModule

    return next((m for m in network.modules() if isinstance(m, FSDPModule)), None)


def _called(network: Any, device: str) -> None:
    with torch.no_grad():
        network(input_ids=torch.zeros(1, 1, dtype=torch.long, device=device), use_cache=False)
