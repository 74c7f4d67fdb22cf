"""MIAR: four global tokens, aligned by contrast and by their moments, then weighted.

The abstract: the interaction of the modalities yields tokens, each the global representation of
what one modality extracts from the others, four in all; contrastive learning and normalisation
align them; unequal contributions are handled. There are no formulas and no code: what follows is
our design of it. With H_m the encoded streams, m in language, vision, audio:

    [g_m; .] = two blocks (self-attention, cross-attention to all other H_n, feed-forward) of
               [q_m; H_m],  q_m learned;   g_f likewise of q_f, looking at all H only
    z = LN(g),  u = z / |z|
    contrast: mean over pairs of tokens of the symmetric InfoNCE(u_m, u_n), temperature 0.07
    moments:  mean over pairs of streams of |mean_m - mean_n|^2 + |sd_m - sd_n|^2 of z in the batch
    alone:    mean over m of the loss of a head on z_m
    w = softmax(MLP([z_l; z_v; z_a; z_f])),   answer = MLP([sum_m w_m z_m; z_f])
    loss = task + 0.1 contrast + 0.05 moments + 0.2 alone

Our choices beyond that:

1. The abstract does not name the fourth token of three modalities: here a joint one
   (`fourth_token: joint`), or the text queries each other stream separately (`text2`). Any number
   of streams; with `joint`, M + 1 tokens. With `text2` the last stream's token stands for z_f.
2. Regression has a soft contrast: record j is a match of i in proportion to
   exp(-|y_i - y_j| / 0.5).
3. An absent stream has no keys; its token then comes from the other streams only, and has no
   weight in the prediction and no part in contrast, moments and loss.

References
----------
Zhu, J., Yu, J. (2026). MIAR: modality interaction and alignment representation fusion for
multimodal emotion. https://arxiv.org/abs/2601.02414
van den Oord, A. et al. (2018). Representation learning with contrastive predictive coding.
https://arxiv.org/abs/1807.03748
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from emocli.models._sequences import (
    AllGather,
    Inputs,
    Layer,
    Sequence,
    Task,
    identity,
    joined,
    positions,
)

BLOCKS = 2
JOINT = "joint"
CONTRAST_TEMPERATURE = 0.07
SOFTNESS = 0.5  # of a match in regression, in units of the target


@dataclass(frozen=True)
class MiarConfig:
    """Our defaults; the paper's are not public."""

    dims: dict[str, int]  # stream -> numbers per vector or frame
    classes: int  # of regression: how many numbers
    hidden: int = 128
    heads: int = 4
    fourth_token: Literal["joint", "text2"] = "joint"
    text: str = "text"  # the stream that `text2` is about
    contrast: float = 0.1
    moments: float = 0.05
    alone: float = 0.2
    dropout: float = 0.1
    task: Task = "classification"


def _tokens(config: MiarConfig) -> list[tuple[str, str | None, list[str]]]:
    """Return each token's name, its own stream, and the streams it attends to."""
    names = list(config.dims)
    tokens: list[tuple[str, str | None, list[str]]] = []
    for name in names:
        others = [other for other in names if other != name]
        if config.fourth_token == "text2" and name == config.text:
            tokens += [(f"{name}-{other}", name, [other]) for other in others]
        else:
            tokens.append((name, name, others))
    return tokens if config.fourth_token == "text2" else [*tokens, (JOINT, None, names)]


class Miar(nn.Module):
    """Encoders, tokens that attend to the other streams, and their weighted sum."""

    takes_time = True

    def __init__(self, config: MiarConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = _tokens(config)
        dim, count = config.hidden, len(self.tokens)

        def layers(looks: str) -> nn.ModuleList:
            shape = (dim, config.heads, config.dropout, looks)
            return nn.ModuleList([Layer(*shape) for _ in range(BLOCKS)])

        self.inputs = Inputs(config.dims)
        self.project = nn.ModuleDict({n: nn.Linear(size, dim) for n, size in config.dims.items()})
        self.encode = nn.ModuleDict({name: layers("own") for name in config.dims})
        self.queries = nn.Parameter(0.02 * torch.randn(count, dim))
        self.blocks = nn.ModuleDict(
            {name: layers("both" if own else "others") for name, own, _ in self.tokens}
        )
        self.norm = nn.LayerNorm(dim)
        self.weigh = nn.Sequential(nn.Linear(count * dim, dim), nn.GELU(), nn.Linear(dim, count))
        self.heads = nn.ModuleDict(
            {name: nn.Linear(dim, config.classes) for name, own, _ in self.tokens if own}
        )
        self.output = nn.Sequential(
            *(nn.Dropout(config.dropout), nn.Linear(2 * dim, dim), nn.GELU()),
            nn.Linear(dim, config.classes),
        )

    def _encoded(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Sequence]:
        """Return H of each stream and its mask."""
        encoded = {}
        for name, (values, mask) in self.inputs(streams, masks).items():
            frames = self.project[name](values)
            frames = frames + positions(frames.shape[1], frames.shape[2], frames)
            for layer in cast(nn.ModuleList, self.encode[name]):
                frames = layer(frames, mask)
            encoded[name] = (frames, mask)
        return encoded

    def _globals(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Sequence:
        """Return the tokens z (batch, tokens, hidden) and which have their stream."""
        encoded = self._encoded(streams, masks)
        tokens, present = [], []
        for (name, own, others), query in zip(self.tokens, self.queries, strict=True):
            context = joined([encoded[other] for other in others]) if others else None
            rows = len(next(iter(encoded.values()))[1])
            start = (query.expand(rows, 1, -1), torch.ones_like(query[:1]).bool().expand(rows, 1))
            values, mask = joined([start, encoded[own]]) if own else start
            *before, last = cast(nn.ModuleList, self.blocks[name])
            for layer in before:
                values = layer(values, mask, context)
            tokens.append(last(values, mask, context, first=True)[:, 0])
            stream_mask = (
                encoded[own][1] if own else torch.cat([m for _, m in encoded.values()], dim=1)
            )
            present.append(stream_mask.any(dim=1))
        return self.norm(torch.stack(tokens, dim=1)), torch.stack(present, dim=1)

    def _weights(self, tokens: Tensor, present: Tensor) -> Tensor:
        """Return w (batch, tokens), over the tokens whose stream is present."""
        scores = self.weigh((tokens * present[..., None]).flatten(1))
        lowest = torch.finfo(scores.dtype).min
        return scores.masked_fill(~present, lowest).softmax(dim=1) * present

    def _fused(self, tokens: Tensor, present: Tensor) -> Tensor:
        weighted = (self._weights(tokens, present)[..., None] * tokens).sum(dim=1)
        return torch.cat([weighted, tokens[:, -1] * present[:, -1:]], dim=1)

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum of the tokens, and the last one: (batch, 2 hidden)."""
        return self._fused(*self._globals(streams, masks))

    def gates(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return `tokens` (batch, tokens): the weight of each, adding to one."""
        return {"tokens": self._weights(*self._globals(streams, masks))}

    def objective(
        self,
        streams: dict[str, Tensor],
        masks: dict[str, Tensor],
        targets: Tensor,
        task_loss: Callable[[Tensor, Tensor], Tensor],
        all_gather: AllGather = identity,
    ) -> dict[str, Tensor]:
        """Return the terms of the loss, weighted: `task`, `contrast`, `moments`, `alone`."""
        tokens, present = map(all_gather, self._globals(streams, masks))
        soft = targets.nan_to_num() if self.config.task == "regression" else None
        losses = [
            task_loss(self.heads[name](tokens[present[:, i], i]), targets[present[:, i]])
            for i, (name, with_stream, _) in enumerate(self.tokens)
            if with_stream and present[:, i].any()
        ]
        with_stream = [i for i, (_, stream, _) in enumerate(self.tokens) if stream]
        zero = tokens.new_zeros(())
        return {
            "task": task_loss(self.classify(self._fused(tokens, present)), targets),
            "contrast": self.config.contrast * _contrast(tokens, present, soft),
            "moments": self.config.moments
            * _moments(tokens[:, with_stream], present[:, with_stream]),
            "alone": self.config.alone * (torch.stack(losses).mean() if losses else zero),
        }

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(fused)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))


def _contrast(tokens: Tensor, present: Tensor, targets: Tensor | None) -> Tensor:
    """Return the mean over pairs of tokens of their symmetric InfoNCE, soft with `targets`."""
    units = nn.functional.normalize(tokens, dim=2)
    losses = []
    for first, second in itertools.combinations(range(tokens.shape[1]), 2):
        both = present[:, first] & present[:, second]
        if both.sum() < 2:
            continue
        scores = units[both, first] @ units[both, second].T / CONTRAST_TEMPERATURE
        match = torch.eye(len(scores), device=scores.device)
        if targets is not None:
            values = targets[both].reshape(len(scores), -1)
            distance = (values[:, None] - values[None]).abs().mean(dim=2)
            match = (-distance / SOFTNESS).softmax(dim=1)
        for matrix in (scores, scores.T):
            losses.append(nn.functional.cross_entropy(matrix, match))
    return torch.stack(losses).mean() if losses else tokens.new_zeros(())


def _moments(tokens: Tensor, present: Tensor) -> Tensor:
    """Return the mean over pairs of squared distances of their means and of their SDs."""
    weights = (present / present.sum(dim=0).clamp_min(1)).to(tokens)[
        ..., None
    ]  # (batch, tokens, 1)
    means = (weights * tokens).sum(dim=0)
    squares = (weights * (tokens - means) ** 2).sum(dim=0)
    spreads = (squares + 1e-6).sqrt()  # the root of zero has no gradient
    losses = [
        ((means[i] - means[j]) ** 2).sum() + ((spreads[i] - spreads[j]) ** 2).sum()
        for i, j in itertools.combinations(range(tokens.shape[1]), 2)
        if present[:, i].sum() > 1 and present[:, j].sum() > 1
    ]
    return torch.stack(losses).mean() if losses else tokens.new_zeros(())
