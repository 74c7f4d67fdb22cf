"""Turn speech into features with WavLM.

Chen et al. 2021, WavLM, https://arxiv.org/abs/2110.13900. Its attention adds to each score a number
that depends on how far apart two frames are, scaled by a gate of the frame that attends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emocli.encoders import Encoder, Settings, pooling, speech_waveform
from emocli.encoders.speech_network import attended

MODALITY = "audio"
POOLINGS = pooling.POOLINGS
DEFAULTS = {"num_buckets": 320, "max_bucket_distance": 800}  # where config.json lacks them
GATE = 8  # numbers that make the two gates of a head, four each


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a WavLM."""
    return config.get("model_type") == "wavlm"


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of waveforms (time,), 16 kHz, in one batch."""
    return speech_waveform.encoder(folder, settings, attention=GatedAttention)


class GatedAttention(nn.Module):
    """Attention with a gated bias, which the table of the first block gives to all of them."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        of = {**DEFAULTS, **of}
        dim, self.heads = of["hidden_size"], of["num_attention_heads"]
        self.q_proj, self.k_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.v_proj, self.out_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.buckets, self.furthest = of["num_buckets"], of["max_bucket_distance"]
        self.gru_rel_pos_const = nn.Parameter(torch.ones(1, self.heads, 1, 1))
        self.gru_rel_pos_linear = nn.Linear(dim // self.heads, GATE)
        if of["number"] == 0:
            self.rel_attn_embed = nn.Embedding(self.buckets, self.heads)

    def bias(self, time: int) -> Tensor:
        """Return the bias (heads, time, time) of the frame in each column for that in each row."""
        apart = torch.arange(1 - time, time, device=self.rel_attn_embed.weight.device)
        values = self.rel_attn_embed(self._bucket(apart)).T  # (heads, 2 x time - 1)
        return values.unfold(1, time, 1).flip(1)

    def _bucket(self, apart: Tensor) -> Tensor:
        """Return the row of the table for each distance in frames: exact ones, then logarithmic."""
        half = self.buckets // 2
        exact, size = half // 2, apart.abs()
        ratio = torch.log(size.clamp(min=1).float() / exact) / math.log(self.furthest / exact)
        far = (exact + ratio * (half - exact)).long().clamp(max=half - 1)
        return (apart > 0) * half + torch.where(size < exact, size, far)

    def forward(self, x: Tensor, lengths: Sequence[int], bias: Tensor) -> Tensor:
        """Map `x` (frames, dim), windows of `lengths` frames one after the other."""
        split = x.view(len(x), self.heads, -1).transpose(0, 1)  # (heads, frames, dim of a head)
        halves = self.gru_rel_pos_linear(split).view(*split.shape[:2], 2, GATE // 2).sum(-1)
        first, second = torch.sigmoid(halves).chunk(2, dim=-1)
        gates = first * (second * self.gru_rel_pos_const[0] - 1.0) + 2.0  # (heads, frames, 1)
        parts = torch.split(gates, list(lengths), 1)
        added = (gate * bias[:, : gate.shape[1], : gate.shape[1]] for gate in parts)
        return attended(self, x, lengths, added)
