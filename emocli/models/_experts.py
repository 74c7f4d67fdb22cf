"""The experts of expert gating: each returns a vector per stream, and maybe a global one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emocli.models._sequences import Attention, Layer, Sequence, joined, masked_mean, positions

KERNELS = (1, 3, 5)  # frames
LAYERS = 2  # of the global expert

Opinion = tuple[list[Tensor], Tensor | float]  # (batch, hidden) per stream; a term to add


@dataclass(frozen=True)
class Shape:
    """The sizes of the experts."""

    names: tuple[str, ...]  # the streams
    anchor: str  # the one whose frames are the queries
    hidden: int
    heads: int
    dropout: float


class Local(nn.Module):
    """Short patterns within each stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dim = shape.hidden
        self.convolve = nn.ModuleList(
            [nn.Conv1d(dim, dim, k, padding=k // 2, groups=dim) for k in KERNELS]
        )
        self.split = nn.ModuleList([nn.Linear(dim, 2 * dim) for _ in KERNELS])
        self.weight = nn.Linear(dim, 1, bias=False)

    def forward(self, streams: dict[str, Sequence]) -> Opinion:
        """Return e_m of each stream (batch, hidden), and nothing to add."""
        return [self._pooled(*pair) for pair in streams.values()], 0.0

    def _pooled(self, values: Tensor, mask: Tensor) -> Tensor:
        channels = values.transpose(1, 2)
        pairs = zip(self.convolve, self.split, strict=True)
        patterns = [split(convolve(channels).transpose(1, 2)) for convolve, split in pairs]
        local = torch.stack([nn.functional.glu(pattern) for pattern in patterns]).sum(dim=0)
        weights = gate(self.weight(local)[..., 0], mask)
        return (weights[..., None] * local).sum(dim=1)


class Semantic(nn.Module):
    """Attention of the anchor to each stream, plus the product of their projected means."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dim = shape.hidden
        self.anchor = shape.anchor
        self.attention = Attention(dim, shape.heads)
        self.question = nn.Linear(dim, dim, bias=False)
        self.answers = nn.ModuleDict(
            {name: nn.Linear(dim, dim, bias=False) for name in shape.names if name != shape.anchor}
        )

    def forward(self, streams: dict[str, Sequence]) -> Opinion:
        """Return e_m of each stream (batch, hidden), and nothing to add."""
        queries, anchor_mask = streams[self.anchor]
        has_anchor = anchor_mask.any(dim=1, keepdim=True)
        question = self.question(masked_mean(queries, anchor_mask))
        vectors = []
        for name, (values, mask) in streams.items():
            mean = masked_mean(values, mask)
            if name != self.anchor:
                attended = masked_mean(self.attention(queries, values, mask), anchor_mask)
                mean = torch.where(has_anchor, attended, mean) + question * self.answers[name](mean)
            vectors.append(mean)
        return vectors, 0.0


class Global(nn.Module):
    """A transformer over all streams side by side."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.first = nn.Parameter(0.02 * torch.randn(shape.hidden))
        self.kind = nn.Parameter(0.02 * torch.randn(len(shape.names), shape.hidden))
        self.layers = nn.ModuleList(
            [Layer(shape.hidden, shape.heads, shape.dropout) for _ in range(LAYERS)]
        )

    def forward(self, streams: dict[str, Sequence]) -> Opinion:
        """Return e_m of each stream (batch, hidden), and the CLS token."""
        blocks = [
            (values + kind + positions(values.shape[1], values.shape[2], values), mask)
            for (values, mask), kind in zip(streams.values(), self.kind, strict=True)
        ]
        rows = len(blocks[0][1])
        start = (self.first.expand(rows, 1, -1), blocks[0][1].new_ones(rows, 1))
        values, mask = joined([start, *blocks])
        for layer in self.layers:
            values = layer(values, mask)
        sizes = [1, *(mask.shape[1] for _, mask in blocks)]
        first, *after = torch.split(values, sizes, dim=1)
        means = [masked_mean(part, m) for part, (_, m) in zip(after, blocks, strict=True)]
        return means, first[:, 0]


KINDS: dict[str, Callable[[Shape], nn.Module]] = {
    "local": Local,
    "semantic": Semantic,
    "global": Global,
}


def gate(scores: Tensor, mask: Tensor) -> Tensor:
    """Return the softmax of scores (batch, n) over the mask; zeros where it is empty."""
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~mask, lowest).softmax(dim=1) * mask
