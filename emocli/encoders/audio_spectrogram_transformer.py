"""Turn sound into features with an audio spectrogram transformer (AST).

Gong et al. 2021, AST, https://arxiv.org/abs/2104.01778. It looks at patches of a mel spectrogram of
one length, mostly 10.24 s; what is shorter is padded, as in transformers, and what is longer is cut
into windows. A frame is a step in time: the mean of the patches above each other, as long as there
is sound; the two class tokens are left out. Pooling `cls` is the mean of these two instead, which
the network's own heads read, averaged over windows. All of this is our choice. Layer 0 is the
embeddings; the last one is behind the last norm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emocli.encoders import (
    Encoded,
    Encoder,
    Settings,
    pooling,
    pretrained,
    speech_preprocessor,
    weight_files,
)
from emocli.encoders.levels import SAMPLE_RATE, require_usable
from emocli.encoders.speech_windows import Samples, equal_windows
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

MODALITY = "audio"
CLS = "cls"
POOLINGS = (*pooling.POOLINGS, CLS)
WHAT = "an audio spectrogram transformer"
FRAME, HOP = 400, 160  # samples of a column of the spectrogram, and from one to the next
SIZES: tuple[str, ...] = ("max_length", "num_mel_bins")  # of a spectrogram
TOKENS = 2  # class tokens, before the patches
TOGETHER = 4  # windows in a forward pass: their length is one, so that more is no faster


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of an audio spectrogram transformer."""
    return config.get("model_type") == "audio-spectrogram-transformer"


@dataclass(frozen=True)
class Network:
    """A frozen network, what makes its spectrograms, and the layers that are wanted."""

    model: Any
    extractor: Any
    layers: list[int]
    last: int

    @property
    def longest(self) -> int:
        """Return the samples that fill a spectrogram."""
        return int((self.extractor.max_length - 1) * HOP + FRAME)


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of waveforms (time,), 16 kHz, in one batch."""
    network, wanted = _loaded(folder, settings), settings.pooling
    if wanted != CLS and not pooling.is_known(wanted):
        hint = f"choose from {', '.join(POOLINGS)}, frames/N"
        raise ConfigError(f"unknown pooling '{wanted}'", hint=hint)

    @torch.inference_mode()
    def run(waveforms: Sequence[Samples]) -> list[Encoded]:
        pieces = [pooling.pieces("mean" if wanted == CLS else wanted) for _ in waveforms]
        parts = []
        for row, samples in enumerate(waveforms):
            require_usable(samples)
            parts += [(row, window) for window in equal_windows(samples, network.longest)]
        for first in range(0, len(parts), TOGETHER):
            batch = parts[first : first + TOGETHER]
            states = _states(network, [window for _, window in batch])
            for place, (row, window) in enumerate(batch):
                tokens = states[:, place]
                pieces[row].add(
                    _summary(tokens) if wanted == CLS else _steps(network, tokens, window)
                )
        return [Encoded(piece.result("mean" if wanted == CLS else wanted)) for piece in pieces]

    return run


def _loaded(folder: Path, settings: Settings) -> Network:
    """Return the network in a folder; ConfigError for weights or settings that are not whole."""
    config = weight_files.json_object(folder / "config.json")
    pretrained.require_sizes(folder, config, ("hidden_size", "patch_size"), WHAT)
    asked = {key: config[key] for key in SIZES if key in config}
    given: dict[str, Any] = {**asked, **speech_preprocessor.settings(folder)}
    if any(given[key] != value for key, value in asked.items()):
        raise ConfigError(f"{folder}: its spectrograms are not those of config.json: {asked}")
    hugging = imported()
    extractor = pretrained.called(
        lambda _, **of: hugging.ASTFeatureExtractor(**of), folder, WHAT, **given
    )
    model = pretrained.network(hugging.ASTModel.from_pretrained, folder, WHAT)
    model = model.to(settings.device, getattr(torch, settings.dtype)).eval()
    last = int(model.config.num_hidden_layers)
    return Network(model, extractor, pooling.layers_of(settings.layer, last), last)


def _states(network: Network, windows: Sequence[Samples]) -> Tensor:
    """Return hidden states (layers, batch, tokens, dim) of windows."""
    made = network.extractor([np.array(w) for w in windows], sampling_rate=SAMPLE_RATE)
    spectrograms = torch.from_numpy(np.stack(made["input_values"]))
    model = network.model
    output = model(spectrograms.to(model.device, model.dtype), output_hidden_states=True)
    states = [*output.hidden_states[: network.last], output.last_hidden_state]
    return torch.stack([states[layer] for layer in network.layers]).float()


def _summary(tokens: Tensor) -> Tensor:
    """Return the mean of the class tokens (layers, 1, dim) of tokens (layers, tokens, dim)."""
    return tokens[:, :TOKENS].mean(1, keepdim=True)


def _steps(network: Network, tokens: Tensor, window: Samples) -> Tensor:
    """Return the steps in time (layers, time, dim) of tokens (layers, tokens, dim).

    Patches come row by row, each row of one height. What begins behind the sound is left out.
    """
    of = network.model.config
    rows = (of.num_mel_bins - of.patch_size) // of.frequency_stride + 1
    patches = tokens[:, TOKENS:]
    steps = patches.reshape(len(patches), rows, -1, patches.shape[2]).mean(1)
    columns = max(1, 1 + (len(window) - FRAME) // HOP)
    return steps[:, : -(-columns // of.time_stride)]
