"""Conv-attention: the sum of weights per moment over the streams and of convolutions along time.

The fusion in front of the language model of Emotion-LLaMAv2, from the authors' code. With N moments
in time, D = `hidden`, and M streams:

    H_m   = MLP_m(X_m),    MLP = [linear -> ReLU -> dropout] twice, widths 512 and D
    W     = linear(MLP([H_1; ...; H_M])), N x M, no softmax
    F     = sum_m W[:, m] * H_m
    C_0   = conv(k = 1)([H_1; ...; H_M]),    C_k = C_(k-1) + SiLU(conv(k = 3)(C_(k-1))), k = 1..4
    token = linear(F + C_4), N x 2 D

Differences and our choices:

1. Masks are applied throughout. In the released code a masked stream still passes through the
   biases and is attended to; here its H_m is zero, W counts only the streams present, and a moment
   without a stream is zero before every convolution and makes no token.
2. The source's own streams are Whisper frames, image and video tokens of a fixed number; here a
   stream of any length is averaged in N bins over its own length, and one without a time axis is
   repeated, as the source does with its image. With no time axis at all, N = 1.
3. `softmax` over the streams present is an option. Other re-implementations have it.
4. The source passes the tokens to a language model (`tokens`). `fuse` averages them over time and
   one linear layer classifies.

References
----------
Emotion-LLaMAv2 and MMEVerse (2026). https://arxiv.org/abs/2601.16449
Cheng, Z. et al. (2024). Emotion-LLaMA. https://arxiv.org/abs/2406.11161
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emocli.models._sequences import Inputs, Sequence, Task, masked_mean, segments

LAYERS = 4  # convolutions with a residual
WIDE = 4  # the first layer of an MLP is 512 wide where the second is 128


@dataclass(frozen=True)
class ConvAttentionConfig:
    """The paper's widths are the defaults."""

    dims: dict[str, int]  # stream -> numbers per vector or frame
    classes: int  # of regression: how many numbers
    hidden: int = 128  # D
    moments: int = 64  # N
    softmax: bool = False
    dropout: float = 0.1
    task: Task = "classification"


def _mlp(dim: int, config: ConvAttentionConfig) -> nn.Sequential:
    wide, hidden = WIDE * config.hidden, config.hidden
    return nn.Sequential(
        *(nn.Linear(dim, wide), nn.ReLU(), nn.Dropout(config.dropout)),
        *(nn.Linear(wide, hidden), nn.ReLU(), nn.Dropout(config.dropout)),
    )


class ConvAttention(nn.Module):
    """An attention branch and a convolution branch over the same moments."""

    takes_time = True

    def __init__(self, config: ConvAttentionConfig) -> None:
        super().__init__()
        self.config = config
        streams, hidden = len(config.dims), config.hidden
        self.inputs = Inputs(config.dims)
        self.project = nn.ModuleDict({name: _mlp(dim, config) for name, dim in config.dims.items()})
        self.attend = nn.Sequential(_mlp(streams * hidden, config), nn.Linear(hidden, streams))
        self.first = nn.Conv1d(streams * hidden, hidden, kernel_size=1)
        self.convolve = nn.ModuleList(
            [nn.Conv1d(hidden, hidden, kernel_size=3, padding=1) for _ in range(LAYERS)]
        )
        self.token = nn.Linear(hidden, 2 * hidden)
        self.output = nn.Linear(2 * hidden, config.classes)

    def tokens(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Sequence:
        """Return the fused tokens (batch, moments, 2 hidden) and which of them are present."""
        features, present = self._moments(streams, masks)  # (batch, moments, streams, hidden)
        side_by_side = features.flatten(2)
        weights = self.attend(side_by_side)  # (batch, moments, streams)
        if self.config.softmax:
            weights = weights.masked_fill(~present, torch.finfo(weights.dtype).min).softmax(dim=2)
        attended = (weights[..., None] * features).sum(dim=2)
        mask = present.any(dim=2)
        convolved = self._convolved(side_by_side, mask)
        return self.token(attended + convolved) * mask[..., None], mask

    def _moments(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Sequence:
        """Return H (batch, moments, streams, hidden), zero where its mask is False."""
        count = self.config.moments if any(streams[n].ndim == 3 for n in self.config.dims) else 1
        features, presence = [], []
        for name, (values, mask) in self.inputs(streams, masks).items():
            pooled, present = segments(values, mask, count)
            features.append(self.project[name](pooled) * present[..., None])
            presence.append(present)
        return torch.stack(features, dim=2), torch.stack(presence, dim=2)

    def _convolved(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return the convolution branch (batch, moments, hidden)."""
        weights = mask[:, None].to(values)  # (batch, 1, moments)
        result = self.first(values.transpose(1, 2)) * weights
        for layer in self.convolve:
            result = (result + nn.functional.silu(layer(result))) * weights
        return result.transpose(1, 2)

    def fuse(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return the mean token: (batch, 2 hidden)."""
        return masked_mean(*self.tokens(streams, masks))

    def classify(self, fused: Tensor) -> Tensor:
        """Return logits (batch, classes)."""
        return self.output(fused)

    def forward(self, streams: dict[str, Tensor], masks: dict[str, Tensor]) -> Tensor:
        """Return logits (batch, classes)."""
        return self.classify(self.fuse(streams, masks))
