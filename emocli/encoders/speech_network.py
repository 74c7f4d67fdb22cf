"""The network of wav2vec 2.0 and its relatives: convolutions over samples, then a transformer.

Baevski et al. 2020, wav2vec 2.0, https://arxiv.org/abs/2006.11477; names of parameters, and of the
settings in config.json with their defaults, as in transformers. The families differ in norms,
positions and attention: `wavlm` and `data2vec_audio` have parts of their own.

Our choice: there is no padding anywhere. The convolutions, which see neighbours in time, run on one
window at a time; the linear maps of the blocks on the frames of several windows, one after the
other; attention on each window. So nothing depends on what else is in a batch, whatever the norm:
group norm is over time, and would count padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocli.encoders.speech_convolutions import ACTIVATIONS, Convolutions, Projection

# Settings of config.json, where it lacks them.
DEFAULTS: dict[str, Any] = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "feat_extract_norm": "group",
    "feat_extract_activation": "gelu",
    "feat_proj_layer_norm": True,
    "conv_dim": [512] * 7,
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "conv_bias": False,
    "conv_pos_batch_norm": False,
    "num_conv_pos_embeddings": 128,
    "num_conv_pos_embedding_groups": 16,
    "do_stable_layer_norm": False,
    "adapter_attn_dim": None,
}

Part = Callable[[Mapping[str, Any]], nn.Module]  # what makes a part from the settings


class Attention(nn.Module):
    """Attend over the frames of each window."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        dim, self.heads = of["hidden_size"], of["num_attention_heads"]
        self.q_proj, self.k_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.v_proj, self.out_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def bias(self, _longest: int) -> Tensor | None:
        """Return what the first block computes for all: nothing here."""
        return None

    def forward(self, x: Tensor, lengths: Sequence[int], _bias: Tensor | None) -> Tensor:
        """Map `x` (frames, dim), windows of `lengths` frames one after the other."""
        return attended(self, x, lengths, [None] * len(lengths))


def attended(of: Any, x: Tensor, lengths: Sequence[int], added: Iterable[Tensor | None]) -> Tensor:
    """Map `x` (frames, dim) by the four linear maps and the heads of an attention.

    `added` has, for each window, what is added to its scores (heads, time, time), or None.
    """
    windows = [
        project(x).unflatten(-1, (of.heads, -1)).transpose(0, 1)[None].split(list(lengths), 2)
        for project in (of.q_proj, of.k_proj, of.v_proj)
    ]  # each (1, heads, time, dim of a head)
    mixed = [
        F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        for q, k, v, bias in zip(*windows, added, strict=True)
    ]
    return of.out_proj(torch.cat(mixed, 2)[0].transpose(0, 1).flatten(1))


class FeedForward(nn.Module):
    """Two linear maps of each frame."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        dim, inner = of["hidden_size"], of["intermediate_size"]
        self.intermediate_dense, self.output_dense = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.activation = ACTIVATIONS[of["hidden_act"]]

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (..., dim)."""
        return self.output_dense(self.activation(self.intermediate_dense(x)))


class Adapter(nn.Module):
    """What the models of many languages add to each block."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        dim, inner = of["hidden_size"], of["adapter_attn_dim"]
        self.norm = nn.LayerNorm(dim)
        self.linear_1, self.linear_2 = nn.Linear(dim, inner), nn.Linear(inner, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (..., dim)."""
        return self.linear_2(F.relu(self.linear_1(self.norm(x))))


class Block(nn.Module):
    """One transformer block; norms come before its parts if it is stable, else after them."""

    def __init__(self, of: Mapping[str, Any], attention: nn.Module) -> None:
        super().__init__()
        dim, eps = of["hidden_size"], of["layer_norm_eps"]
        self.attention, self.feed_forward = attention, FeedForward(of)
        self.layer_norm, self.final_layer_norm = nn.LayerNorm(dim, eps), nn.LayerNorm(dim, eps)
        self.is_stable, self.adapts = of["do_stable_layer_norm"], False
        if self.is_stable and of["adapter_attn_dim"] is not None:
            self.adapter_layer, self.adapts = Adapter(of), True

    def forward(self, x: Tensor, lengths: Sequence[int], bias: Tensor | None) -> Tensor:
        """Map `x` (frames, dim), windows of `lengths` frames one after the other."""
        if not self.is_stable:
            x = self.layer_norm(x + self.attention(x, lengths, bias))
            return self.final_layer_norm(x + self.feed_forward(x))
        x = x + self.attention(self.layer_norm(x), lengths, bias)
        x = x + self.feed_forward(self.final_layer_norm(x))
        return x + self.adapter_layer(x) if self.adapts else x


class Transformer(nn.Module):
    """Positions and blocks."""

    def __init__(self, of: Mapping[str, Any], positions: Part, attention: Part) -> None:
        super().__init__()
        self.pos_conv_embed = positions(of)
        self.layer_norm = nn.LayerNorm(of["hidden_size"], of["layer_norm_eps"])
        numbered = ({**of, "number": number} for number in range(of["num_hidden_layers"]))
        self.layers = nn.ModuleList(Block(of, attention(one)) for one in numbered)
        self.is_stable = of["do_stable_layer_norm"]


class SpeechNetwork(nn.Module):
    """The network: `start` runs on one window, `blocks` on several."""

    def __init__(self, config: Mapping[str, Any], positions: Part, attention: Part) -> None:
        super().__init__()
        of = {**DEFAULTS, **config}
        if of["hidden_size"] % of["num_attention_heads"]:
            raise ValueError("num_attention_heads does not divide hidden_size")
        self.feature_extractor, self.feature_projection = Convolutions(of), Projection(of)
        self.encoder = Transformer(of, positions, attention)

    def start(self, wave: Tensor) -> Tensor:
        """Return the input of the first block (time, dim) of a window (samples,)."""
        x = self.feature_projection(self.feature_extractor(wave))
        x = x + self.encoder.pos_conv_embed(x)
        return x if self.encoder.is_stable else self.encoder.layer_norm(x)

    def blocks(self, x: Tensor, lengths: Sequence[int], layers: Sequence[int]) -> Tensor:
        """Return hidden states (layers, frames, dim) of inputs of the first block.

        `x` (frames, dim) has windows of `lengths` frames one after the other. Layer 0 is `x`, layer
        n the output of block n; the last one, where the blocks are stable, after the layer norm
        that follows them. Blocks after the last layer asked for do not run.
        """
        encoder = self.encoder
        first: Any = encoder.layers[0].attention
        bias = first.bias(max(lengths)) if max(layers) else None
        states = {0: x}
        for number, block in enumerate(encoder.layers[: max(layers)], start=1):
            x = block(x, lengths, bias)
            if number in layers:
                states[number] = x
        if encoder.is_stable and max(layers) == len(encoder.layers):
            states[max(layers)] = encoder.layer_norm(x)
        return torch.stack([states[layer] for layer in layers])
