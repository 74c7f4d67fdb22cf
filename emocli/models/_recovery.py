"""The modules of STARS: parts of streams, translators between them, gates and the pyramid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from emocli.models._sequences import AllGather, masked_mean

Pair = tuple[int, int]  # places of streams, from and to


@dataclass
class Parts:
    """Shared and specific parts (streams, batch, segments, hidden), zero where masked."""

    shared: Tensor
    specific: Tensor
    mask: Tensor  # (streams, batch, segments), True where present

    def only(self, kept: Tensor) -> Parts:
        """Return the parts with only the streams kept (streams, batch) of each record."""
        some = kept[..., None, None]
        return Parts(self.shared * some, self.specific * some, self.mask & kept[..., None])

    def subset(self, chance: float) -> Parts:
        """Return the parts with a random subset of each record's streams, at least one of them."""
        present = self.mask.any(dim=2)
        drawn = functional.dropout(self.shared.new_ones(present.T.shape), 1 - chance)
        kept = present & (drawn > 0).T
        return self.only(torch.where(kept.any(dim=0), kept, present))

    def through(self, all_gather: AllGather) -> Parts:
        """Return the parts of the whole batch."""
        values = (self.shared, self.specific, self.mask)
        return Parts(*(all_gather(part.transpose(0, 1)).transpose(0, 1) for part in values))


def mlp(dim: int) -> nn.Sequential:
    """Return linear -> GELU -> linear -> layer norm, all of one width."""
    norm = nn.LayerNorm(dim, elementwise_affine=False)
    return nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim), norm)


class Translator(nn.Module):
    """From [s; p] of one stream to p of another: two convolutions along time with a residual."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(2 * dim, 2 * dim, kernel_size=3, padding=1)
        self.second = nn.Conv1d(2 * dim, 2 * dim, kernel_size=3, padding=1)
        norm = nn.LayerNorm(dim, elementwise_affine=False)
        self.output = nn.Sequential(nn.Linear(2 * dim, dim), norm)

    def forward(self, shared: Tensor, specific: Tensor, mask: Tensor) -> Tensor:
        """Return p of the other stream (batch, time, dim)."""
        weights = mask[:, None].to(shared)
        values = torch.cat([shared, specific], dim=2).transpose(1, 2) * weights
        residual = self.second(functional.gelu(self.first(values)) * weights)
        return self.output((values + residual).transpose(1, 2))


class Gates(nn.Module):
    """Concurrent channel and time gates, added: SCSE in one dimension.

    Roy, A. G. et al. (2018). Concurrent spatial and channel squeeze and excitation.
    https://arxiv.org/abs/1803.02579
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.channel = nn.Sequential(
            nn.Linear(dim, dim // 2), nn.ReLU(), nn.Linear(dim // 2, dim), nn.Sigmoid()
        )
        self.moment = nn.Linear(dim, 1)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return gated values (batch, time, dim), zero where masked."""
        weights = mask[..., None]
        values = values * weights
        mean = values.sum(dim=1) / weights.sum(dim=1).clamp_min(1)
        return values * (self.channel(mean)[:, None] + torch.sigmoid(self.moment(values)))


class Pyramid(nn.Module):
    """A feature pyramid along time: strides 1, 2 and 4, upsampled to full length and added."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(dim, hidden, kernel_size=3, padding=1)
        self.down = nn.ModuleList(
            [nn.Conv1d(hidden, hidden, kernel_size=3, padding=1, stride=2) for _ in range(2)]
        )
        self.lateral = nn.ModuleList([nn.Conv1d(hidden, hidden, kernel_size=1) for _ in range(3)])

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, time, hidden) from values (batch, time, dim), zero where masked."""
        weights = mask[:, None].to(values)
        level = functional.gelu(self.first(values.transpose(1, 2)))
        levels = [level * weights]
        for layer in self.down:
            levels.append(functional.gelu(layer(levels[-1])))
        total = self.lateral[-1](levels[-1])
        for lateral, level in zip(reversed(self.lateral[:-1]), reversed(levels[:-1]), strict=True):
            total = lateral(level) + functional.interpolate(total, size=level.shape[2])
        return functional.gelu(total).transpose(1, 2)


class Recovery(nn.Module):
    """Replace missing streams by what the others predict, and fuse."""

    def __init__(self, names: list[str], dim: int) -> None:
        super().__init__()
        chosen = names if len(names) > 2 else []  # with two streams there is no choice
        self.score = nn.ModuleDict({name: nn.Linear(dim, 1, bias=False) for name in chosen})
        self.merge = nn.ModuleDict({name: nn.Linear(2 * dim, dim) for name in names})
        self.kind = nn.Parameter(0.02 * torch.randn(len(names), 2, dim))  # present, recovered
        self.gates = nn.ModuleDict({name: Gates(dim) for name in names})
        self.pyramid = Pyramid(len(names) * dim, dim)

    def missing(
        self, parts: Parts, translations: dict[Pair, Tensor], j: int, name: str
    ) -> tuple[Tensor, Tensor]:
        """Return s_hat and p_hat_j (batch, segments, hidden) from the streams that are present."""
        others = [i for i in range(len(parts.mask)) if i != j]
        if not others:
            return torch.zeros_like(parts.shared[j]), torch.zeros_like(parts.specific[j])
        mask = parts.mask[others]
        guesses = torch.stack([translations[i, j] for i in others])
        scored = name in self.score
        scores = self.score[name](guesses)[..., 0] if scored else torch.zeros_like(guesses[..., 0])
        lowest = torch.finfo(scores.dtype).min
        weights = scores.masked_fill(~mask, lowest).softmax(dim=0) * mask
        count = mask.sum(dim=0).clamp_min(1)[..., None]
        shared = (parts.shared[others] * mask[..., None]).sum(dim=0) / count
        return shared, (weights[..., None] * guesses).sum(dim=0)

    def forward(self, parts: Parts, translations: dict[Pair, Tensor]) -> Tensor:
        """Return the fused vector (batch, hidden)."""
        some = parts.mask.any(dim=0)
        features = []
        for j, name in enumerate(self.merge):
            shared, specific = self.missing(parts, translations, j, name)
            mask = parts.mask[j][..., None]
            shared = torch.where(mask, parts.shared[j], shared)
            specific = torch.where(mask, parts.specific[j], specific)
            kind = torch.where(mask, self.kind[j, 0], self.kind[j, 1])
            merged = self.merge[name](torch.cat([shared, specific], dim=2)) + kind
            features.append(self.gates[name](merged, some))
        return masked_mean(self.pyramid(torch.cat(features, dim=2), some), some)
