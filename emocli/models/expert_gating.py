"""Expert gating: three ways to fuse, and gates that choose among streams, experts and features.

EGMF has a local, a semantic and a global expert and hierarchical dynamic gates. Its abstract says
no more and there is no code: what follows is our design of it. With H_m the projected streams, h_m
their means over time, and t the anchor stream (text):

    local:    e_m = attention-pool(sum over k in 1, 3, 5 of GLU(depthwise-conv_k(H_m)))
    semantic: e_m = mean(attention(Q = H_t, K = V = H_m)) + U h_t * V_m h_m,    e_t = mean(H_t)
    global:   Z = transformer([CLS; all H_m]),    e_m = mean of Z over block m
    level 1, over streams, in each expert:  a = softmax_m(w . tanh(W [e_m; h_t])),  x = sum_m a e_m
              (global: x = Z_CLS + sum_m a e_m)
    level 2, over experts:   g = softmax(G [x_1; x_2; x_3; h_t] / T)
    level 3, over features:  fused = LN(sum_e g_e sigmoid(U_e [x_e; h_t]) * x_e)
    loss = task + 0.01 sum_e mean(g_e) log(3 mean(g_e))

Our choices beyond that:

1. For an absent stream m, h_m and its gates of level 1 are zero. Without the anchor h_t is zero
   and the semantic expert returns the mean of H_m.
2. The balance term is over the batch: the gates should use all experts, not all for each record.
3. One task, so no task embedding in level 2 (the layer's bias is one). The pseudo tokens that
   carry `fused` to a language model are not part of this file.
4. `experts` leaves some out; `uniform` makes the gates of level 2 equal (ablations).

References
----------
Qiao, J. et al. (2026). EGMF: expert-guided multimodal fusion with a large language model.
https://arxiv.org/abs/2601.07565
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from emocli.models._experts import KINDS, Shape, gate
from emocli.models._sequences import AllGather, Inputs, Task, identity, masked_mean

Expert = Literal["local", "semantic", "global"]
EXPERTS: tuple[Expert, ...] = ("local", "semantic", "global")
LEAST = 1e-12  # of a mean gate times their number: log 0 has no gradient


@dataclass(frozen=True)
class ExpertGatingConfig:
    """Our defaults; the paper's are not public."""

    dims: dict[str, int]  # stream -> numbers per vector or frame
    classes: int  # of regression: how many numbers
    hidden: int = 128
    heads: int = 4
    anchor: str = "text"  # the stream that queries; the first if none has this name
    experts: tuple[Expert, ...] = EXPERTS
    temperature: float = 1.0  # T
    uniform: bool = False
    balance: float = 0.01
    dropout: float = 0.1
    task: Task = "classification"


class ExpertGating(nn.Module):
    """Three experts and three levels of gates."""

    takes_time = True

    def __init__(self, config: ExpertGatingConfig) -> None:
        super().__init__()
        self.config = config
        dim, names = config.hidden, config.experts
        self.anchor = config.anchor if config.anchor in config.dims else next(iter(config.dims))
        shape = Shape(tuple(config.dims), self.anchor, dim, config.heads, config.dropout)
        self.inputs = Inputs(config.dims)
        self.project = nn.ModuleDict({n: nn.Linear(size, dim) for n, size in config.dims.items()})
        self.experts = nn.ModuleDict({n: KINDS[n](shape) for n in names})
        self.mix = nn.ModuleDict({n: nn.Linear(2 * dim, dim) for n in names})  # W
        self.choose = nn.ModuleDict({n: nn.Linear(dim, 1, bias=False) for n in names})  # w
        self.weigh = None if config.uniform else nn.Linear((len(names) + 1) * dim, len(names))  # G
        self.open = nn.ModuleDict({n: nn.Linear(2 * dim, dim) for n in names})  # U_e
        self.norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(dim, config.classes)

    def _levels(
        self, streams: dict[str, Tensor], masks: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the fused vector and all gates, {expert: (batch, streams), "experts": ...}."""
        encoded = {
            name: (self.project[name](values) * mask[..., None], mask)
            for name, (values, mask) in self.inputs(streams, masks).items()
        }
        present = torch.stack([mask.any(dim=1) for _, mask in encoded.values()], dim=1)
        anchor = masked_mean(*encoded[self.anchor])  # h_t
        opinions, gates = [], {}
        for name, expert in self.experts.items():
            parts, extra = expert(encoded)
            stacked = torch.stack(parts, dim=1)  # (batch, streams, hidden)
            beside = anchor[:, None].expand_as(stacked)
            scores = self.choose[name](torch.tanh(self.mix[name](torch.cat([stacked, beside], 2))))
            gates[name] = gate(scores[..., 0], present)
            opinions.append(extra + (gates[name][..., None] * stacked).sum(dim=1))
        gates["experts"] = self._weights(opinions, anchor)
        pairs = zip(self.open.values(), opinions, gates["experts"].T, strict=True)
        opened = [
            weight[:, None] * torch.sigmoid(layer(torch.cat([x, anchor], dim=1))) * x
            for layer, x, weight in pairs
        ]
        return self.norm(torch.stack(opened).sum(dim=0)), gates

    def _weights(self, opinions: list[Tensor], anchor: Tensor) -> Tensor:
        """Return the gates of level 2, (batch, experts)."""
        if self.weigh is None:
            return torch.full_like(anchor[:, : len(opinions)], 1 / len(opinions))
        scores = self.weigh(torch.cat([*opinions, anchor], dim=1))
        return (scores / self.config.temperature).softmax(dim=1)

    def gates(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `experts` (batch, experts), `modalities` and each expert's (batch, streams)."""
        gates = self._levels(streams, masks)[1]
        shares = [gates["experts"][:, [i]] * gates[n] for i, n in enumerate(self.experts)]
        return {"modalities": torch.stack(shares).sum(dim=0), **gates}

    def objective(
        self,
        streams: dict[str, Tensor],
        masks: dict[str, Tensor],
        targets: Tensor,
        task_loss: Callable[[Tensor, Tensor], Tensor],
        all_gather: AllGather = identity,
    ) -> dict[str, Tensor]:
        """Return the terms of the loss, weighted: `task` and `balance`."""
        fused, gates = self._levels(streams, masks)
        usage = all_gather(gates["experts"]).mean(dim=0)
        divergence = (usage * (len(usage) * usage).clamp_min(LEAST).log()).sum()
        logits = all_gather(self.classify(self.dropout(fused)))
        return {"task": task_loss(logits, targets), "balance": self.config.balance * divergence}

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the fused vector (batch, hidden)."""
        return self._levels(streams, masks)[0]

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(fused)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))
