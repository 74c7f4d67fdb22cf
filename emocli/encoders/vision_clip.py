"""Encode clips with any VideoMAE, TimeSformer or V-JEPA 2 of transformers.

Tong et al. 2022, VideoMAE, https://arxiv.org/abs/2203.12602; Bertasius et al. 2021, TimeSformer,
https://arxiv.org/abs/2102.05095; Assran et al. 2025, V-JEPA 2, https://arxiv.org/abs/2506.09985.

A clip has as many frames as its network was trained with. A film of more is several clips, one
after another; where the last one lacks frames, those that are there are repeated, and a warning
says so. A clip is a few steps in time (a frame of TimeSformer, two frames of the others): each is
the mean of its patches, so class tokens are left out. Our choice. Layer 0 is the embeddings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emocli.encoders import Encoded, Encoder, Settings, pictures, pooling, pretrained, weight_files
from emocli.encoders import vision_pixels as pixels
from emocli.encoders.transformers_import import imported
from emocli.encoders.vision_multiview import spread
from emocli.errors import ConfigError

MODALITY = "video"
POOLINGS = pooling.POOLINGS
WHAT = "an encoder of clips"


@dataclass(frozen=True)
class Kind:
    """A kind of network: the class that loads it, and the names of what differs."""

    loads: str
    frames: int  # of a clip, where config.json does not say it
    length: str = "num_frames"  # in config.json: frames of a clip
    takes: str = "pixel_values"
    options: tuple[tuple[str, Any], ...] = ()  # of its forward
    side: str = "image_size"  # in config.json, of a frame in pixels
    pixels: int = 224  # where config.json does not say it


KINDS = {
    "videomae": Kind("VideoMAEModel", 16),
    "timesformer": Kind("TimesformerModel", 8),
    "vjepa2": Kind(
        "VJEPA2Model",
        64,
        length="frames_per_clip",
        takes="pixel_values_videos",
        options=(("skip_predictor", True),),
        side="crop_size",
        pixels=256,
    ),
}
LONGEST = 1024  # frames of a clip


def sampled(folder: Path, _pooling: str) -> dict[str, Any]:
    """Return which frames are taken by default: as many as a clip has, over the whole film."""
    return {"count": _length(folder, weight_files.json_object(folder / "config.json"))}


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a network of clips."""
    return config.get("model_type") in KINDS


@dataclass(frozen=True)
class Network:
    """A frozen network, with the frames of its clips and what they are brought to."""

    model: Any
    kind: Kind
    how: pixels.Pixels
    length: int  # frames of a clip
    layers: list[int]
    last: int


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of films: of each its `images` (frames, height, width, 3)."""
    network = _loaded(folder, settings)
    pooling.pieces(settings.pooling)  # raises for an unknown one

    @torch.inference_mode()
    def run(inputs: Sequence[Any]) -> list[Encoded]:
        images = pictures.of_all(inputs, "no frame")
        return [_encoded(network, several, settings.pooling) for several in images]

    return run


def _loaded(folder: Path, settings: Settings) -> Network:
    """Return the network in a folder; ConfigError for weights that are not whole."""
    config = weight_files.json_object(folder / "config.json")
    kind, length = KINDS[config["model_type"]], _length(folder, config)
    how = pixels.read(folder, pixels.OF_CLIPS)
    pretrained.require_sizes(folder, config, ("hidden_size", "patch_size", "tubelet_size"), WHAT)
    side = config.get(kind.side, kind.pixels)
    if list(how.shape) != ([side, side] if isinstance(side, int) else side):
        raise ConfigError(f"{folder} is not {WHAT}: its frames are {how.shape}, not {side!r:.60}")
    model = pretrained.network(getattr(imported(), kind.loads).from_pretrained, folder, WHAT)
    if getattr(model.config, "attention_type", "") == "space_only":
        raise ConfigError(f"{folder} is not {WHAT}: its attention is space_only")
    last = int(model.config.num_hidden_layers)
    model = model.to(settings.device, getattr(torch, settings.dtype)).eval()
    return Network(model, kind, how, length, pooling.layers_of(settings.layer, last), last)


def _length(folder: Path, config: Mapping[str, Any]) -> int:
    """Return the frames of a clip; ConfigError for a config.json that does not say it."""
    kind = KINDS[config["model_type"]]
    length, step = config.get(kind.length, kind.frames), config.get("tubelet_size", 2)
    for key, value in ((kind.length, length), ("tubelet_size", step)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST:
            raise ConfigError(f"{folder} is not {WHAT}: {key} = {value!r:.60}")
    return max(length, step)


def _encoded(network: Network, images: Sequence[Any], name: str) -> Encoded:
    """Return the features of one film, clip by clip."""
    steps = []
    for start in range(0, len(images), network.length):
        there = images[start : start + network.length]
        clip = [there[n] for n in spread(len(there), network.length)]
        steps.append(_steps(network, pixels.of(clip, network.how)))
    warning = pooling.repeated(len(there), network.length)
    return Encoded(pooling.pooled(torch.cat(steps), name), warning)


def _steps(network: Network, clip: Tensor) -> Tensor:
    """Return the steps in time (time, layers x dim) of a clip (frames, 3, height, width)."""
    model, kind = network.model, network.kind
    given = {kind.takes: clip[None].to(model.device, model.dtype), **dict(kind.options)}
    output = model(**given, output_hidden_states=True)
    states = [*output.hidden_states[: network.last], output.last_hidden_state]
    return torch.cat([_means(network, states[layer][0]) for layer in network.layers], dim=1)


def _means(network: Network, state: Tensor) -> Tensor:
    """Return the mean over the patches of each step (time, dim) of a state (tokens, dim)."""
    state, frames = state.float().cpu(), network.length
    if network.kind.loads == "TimesformerModel":  # a class token, then place by place
        return state[1:].reshape(-1, frames, state.shape[1]).mean(0)
    steps = frames // network.model.config.tubelet_size
    return state.reshape(steps, -1, state.shape[1]).mean(1)
