"""Turn speech into features with data2vec.

Baevski et al. 2022, data2vec, https://arxiv.org/abs/2202.03555. Its positions are several narrow
convolutions, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from emocli.encoders import Encoder, Settings, pooling, speech_waveform
from emocli.encoders.speech_convolutions import ACTIVATIONS, LAYER

MODALITY = "audio"
POOLINGS = pooling.POOLINGS
# Settings of config.json, where it lacks them, and what the network always has.
DEFAULTS = {"num_conv_pos_embeddings": 5, "conv_pos_kernel_size": 19}
ALWAYS = {"feat_extract_norm": LAYER, "do_stable_layer_norm": False}


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a data2vec model of speech."""
    return config.get("model_type") == "data2vec-audio"


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of waveforms (time,), 16 kHz, in one batch."""
    return speech_waveform.encoder(folder, settings, positions=DeepPositions, always=ALWAYS)


class DeepPositions(nn.Module):
    """Convolutions over the frames, each with a norm and an activation."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        of = {**DEFAULTS, **of}
        self.layers = nn.ModuleList(Narrow(of) for _ in range(of["num_conv_pos_embeddings"]))

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (time, dim) to what is added to it."""
        for layer in self.layers:
            x = layer(x)
        return x


class Narrow(nn.Module):
    """One of these convolutions; its norm learns nothing."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        super().__init__()
        dim, width = of["hidden_size"], of["conv_pos_kernel_size"]
        groups = of["num_conv_pos_embedding_groups"]
        self.conv = nn.Conv1d(dim, dim, width, padding=width // 2, groups=groups)
        self.activation = ACTIVATIONS[of["feat_extract_activation"]]

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (time, dim)."""
        found = self.conv(x.T[None])[0, :, : len(x)].T
        return self.activation(F.layer_norm(found, found.shape[-1:]))
