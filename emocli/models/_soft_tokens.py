"""From features to soft tokens: vectors at the width and the norm of a language model's embeddings.

Each placeholder of a prompt gets `tokens` vectors, of one stream or of several that a model of this
room fuses first:

    linear     frames are averaged in K bins over their own length (`merge` neighbours are put side
               by side instead), and one linear layer per placeholder follows: Emotion-LLaMA
    mlp        the same with a hidden layer, linear -> GELU -> linear: E2-LLM, our design
    low-rank   a vector x becomes K tokens: reshape(W_2 GELU(W_1 x), K x r) W_3, r = 64: EGMF, our
               design. In the closest published code (MSE-Adapter) all K tokens are one vector times
               K numbers plus K numbers, so they span two dimensions; these span as many as there
               are.

Our choices: layer norm without weights, so that the parameters are those that are published, then
the mean norm of the embeddings; a bin of frames that are all masked makes no token, and the token
of a masked stream is masked.

References
----------
Emotion-LLaMAv2 and MMEVerse (2026). https://arxiv.org/abs/2601.16449
Qiao, J. et al. (2026). EGMF. https://arxiv.org/abs/2601.07565
E2-LLM (2026). https://arxiv.org/abs/2601.07877
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from emocli import models
from emocli.models._sequences import Inputs, Sequence, masked_mean, segments

Gates = dict[str, tuple[list[str], Tensor]]
Kind = Literal["linear", "mlp", "low-rank"]
RANK = 64  # r: numbers of a low-rank token
HIDDEN = 256  # of a low-rank projector


@dataclass(frozen=True)
class Slot:
    """What a placeholder stands for."""

    tokens: int
    streams: tuple[str, ...]
    projector: Kind = "linear"
    merge: int = 1  # neighbouring frames that make one token
    fusion: str = ""  # the model that fuses the streams
    settings: Mapping[str, Any] = field(default_factory=dict)  # of that model
    frozen: bool = False  # the model is not trained
    like: str = ""  # the slot whose fusion and projector it has too: another segment of its kind
    auxiliary: float = 0.0  # weight of the loss of a linear head on what is fused, in training


@dataclass(frozen=True)
class SoftTokensConfig:
    """The slots in their order, the sizes of the streams, and those of the embeddings."""

    slots: Mapping[str, Slot]
    dims: Mapping[str, int]  # stream -> numbers per vector or frame
    width: int
    norm: float  # mean norm of the embeddings

    @property
    def layout(self) -> dict[str, range]:
        """The places of the tokens of each slot among those of a record."""
        ends, start = {}, 0
        for name, slot in self.slots.items():
            ends[name] = range(start, start + slot.tokens)
            start += slot.tokens
        return ends


class SoftTokens(nn.Module):
    """The projectors of all slots, and the fusions before some of them."""

    def __init__(self, config: SoftTokensConfig) -> None:
        super().__init__()
        self.config = config
        self.inputs = Inputs(dict(config.dims))
        self.fusions = nn.ModuleDict()
        self.projectors = nn.ModuleDict()
        for name, slot in config.slots.items():
            if slot.like:
                continue
            size = config.dims[slot.streams[0]]
            if slot.fusion:
                self.fusions[name], size = fusion(slot, config.dims)
            self.projectors[name] = _projector(slot, size, config.width)

    def train(self, mode: bool = True) -> SoftTokens:
        """Set the mode of what is trained; a frozen fusion stays as it is used."""
        super().train(mode)
        for name, model in self.fusions.items():
            if self.config.slots[name].frozen:
                model.eval()
        return self

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Sequence:
        """Return the soft tokens (batch, places, width) and which of them are there."""
        made = [self.slot(name, streams, masks) for name in self.config.slots]
        values = torch.cat([v for v, _ in made], dim=1)
        values = functional.layer_norm(values.float(), (self.config.width,))
        norm = self.config.norm / self.config.width**0.5
        return values * norm, torch.cat([m for _, m in made], dim=1)

    def slot(self, name: str, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Sequence:
        """Return the tokens (batch, tokens, width) of one slot, and which of them are there."""
        slot = self.config.slots[name]
        if slot.like:
            name = slot.like
            first = self.config.slots[name]
            streams = {n: streams[o] for n, o in zip(first.streams, slot.streams, strict=True)}
            masks = {n: masks[o] for n, o in zip(first.streams, slot.streams, strict=True)}
            slot = first
        values, mask = self._source(name, slot, streams, masks)
        if slot.projector == "low-rank":
            present = mask.any(dim=1)
            made = self.projectors[name](masked_mean(values, mask))
            return made, present[:, None].expand(-1, slot.tokens)
        values, mask = segments(values, mask, slot.tokens * slot.merge)
        if slot.merge > 1:
            values = values.reshape(len(values), slot.tokens, -1)
            mask = mask.reshape(len(mask), slot.tokens, slot.merge).any(dim=2)
        return self.projectors[name](values), mask

    def _source(
        self, name: str, slot: Slot, streams: dict[str, Tensor], masks: dict[str, Tensor]
    ) -> Sequence:
        """Return what is projected: a stream (batch, time, dim), or what fusion makes of some."""
        if not slot.fusion:
            return self.inputs.one(slot.streams[0], streams, masks)
        model: Any = self.fusions[name]
        own = {n: streams[n] for n in slot.streams}
        if hasattr(model, "tokens"):
            return model.tokens(own, masks)
        present = torch.stack([_present(masks[n]) for n in slot.streams]).any(dim=0)
        return model.fuse(own, masks)[:, None], present[:, None]

    def gates(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Gates:
        """Return what the first fusion that has gates weighs, and the weights (batch, parts)."""
        modules: dict[str, Any] = dict(self.fusions)
        for name, model in modules.items():
            if hasattr(model, "gates"):
                parts = {"modalities": self.config.slots[name].streams}
                parts["experts"] = getattr(model.config, "experts", ())
                own = {n: streams[n] for n in parts["modalities"]}
                found = model.gates(own, masks)
                return {gate: (list(parts[gate]), found[gate]) for gate in parts if gate in found}
        return {}


def _present(mask: Tensor) -> Tensor:
    return mask if mask.ndim == 1 else mask.any(dim=1)


def fusion(slot: Slot, dims: Mapping[str, int]) -> tuple[Any, int]:
    """Return the model that fuses the streams of a slot, and the size of what it makes."""
    own = {name: dims[name] for name in slot.streams}
    moments = {"moments": slot.tokens} if "moments" in models.fields(slot.fusion) else {}
    model = models.build(slot.fusion, {"dims": own, "classes": 2, **moments, **slot.settings})
    size = int(model.output.in_features)
    if not slot.auxiliary:
        model.output = nn.Identity()  # nothing is classified here
    model.requires_grad_(not slot.frozen)
    return model, size


def _projector(slot: Slot, size: int, width: int) -> nn.Module:
    if slot.projector == "linear":
        return nn.Linear(slot.merge * size, width)
    if slot.projector == "mlp":
        first, last = nn.Linear(slot.merge * size, width), nn.Linear(width, width)
        return nn.Sequential(first, nn.GELU(), last)
    return nn.Sequential(
        *(nn.Linear(size, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, slot.tokens * RANK)),
        *(nn.Unflatten(1, (slot.tokens, RANK)), nn.Linear(RANK, width)),
    )
