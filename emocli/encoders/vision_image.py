"""Encode frames with any CLIP, SigLIP, DINOv2, DINOv3 or ViT of transformers.

Radford et al. 2021, CLIP, https://arxiv.org/abs/2103.00020; Zhai et al. 2023, SigLIP,
https://arxiv.org/abs/2303.15343; Oquab et al. 2023, DINOv2, https://arxiv.org/abs/2304.07193;
Dosovitskiy et al. 2020, ViT, https://arxiv.org/abs/2010.11929.

A frame is one vector: of the last layer what the network itself makes of a picture (CLIP's class
token behind its last normalisation, SigLIP's attention pooling, the class token of the others), of
the layers before the class token, or the mean of the patches where there is none. Layer 0 is the
mean of the patches' embeddings: a class token has seen nothing there. Pooling `multiview` keeps
patches instead: see `vision_multiview`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emocli.encoders import Encoded, Encoder, Settings, pictures, pooling, pretrained, weight_files
from emocli.encoders import vision_multiview as multiview
from emocli.encoders import vision_pixels as pixels
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

MODALITY = "video"
POOLINGS = (*pooling.POOLINGS, multiview.NAME)
# What loads each kind of checkpoint, and further settings of it.
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "clip": ("CLIPVisionModel", {}),
    "clip_vision_model": ("CLIPVisionModel", {}),
    "siglip": ("SiglipVisionModel", {}),
    "siglip_vision_model": ("SiglipVisionModel", {}),
    "dinov2": ("Dinov2Model", {}),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", {}),
    "dinov3_vit": ("DINOv3ViTModel", {}),
    "vit": ("ViTModel", {"add_pooling_layer": False}),
}
SUMMARISED = ("clip", "siglip")  # their `pooler_output` is the picture
AT_ANY_SIZE = ("dinov2", "dinov3")  # positions follow the picture without being asked
WHAT = "an encoder of pictures"
TOGETHER = 8  # frames in a forward pass


def sampled(_folder: Path, name: str) -> dict[str, Any]:
    """Return which frames are taken by default: 2 a second, or as many as the views have."""
    views = multiview.parsed(name)
    return {"count": views.frames} if views else {"rate_hz": 2.0}


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a network of pictures."""
    return config.get("model_type") in KINDS


@dataclass(frozen=True)
class Network:
    """A frozen network with what its frames are brought to; layers are numbers from 0."""

    model: Any
    kind: str
    how: pixels.Pixels
    patch: int  # pixels of a side
    layers: list[int]
    last: int

    def patches(self, how: pixels.Pixels) -> tuple[int, int]:
        """Return rows and columns of patches."""
        return how.shape[0] // self.patch, how.shape[1] // self.patch


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of films: of each its `images` (frames, height, width, 3)."""
    network = _loaded(folder, settings)
    views = multiview.parsed(settings.pooling)
    if views is None and not pooling.is_known(settings.pooling):
        hint = f"choose from {', '.join(POOLINGS)}, frames/N, {multiview.NAME}/KEY=VALUE"
        raise ConfigError(f"unknown pooling '{settings.pooling}'", hint=hint)
    if views and views.view != multiview.TEMPORAL:
        multiview.require_whole(network.patches(network.how.of(views.global_)), views)

    @torch.inference_mode()
    def run(inputs: Sequence[Any]) -> list[Encoded]:
        images = pictures.of_all(inputs, "no frame")
        if views:
            return [_viewed(network, several, views) for several in images]
        flat = [image for several in images for image in several]
        batches = pixels.batches(flat, network.how, TOGETHER)
        vectors = torch.cat([_vectors(network, batch) for batch in batches])
        parts = torch.split(vectors, [len(several) for several in images])
        return [Encoded(pooling.pooled(part, settings.pooling)) for part in parts]

    return run


def _loaded(folder: Path, settings: Settings) -> Network:
    """Return the network in a folder; ConfigError for weights that are not whole."""
    config = weight_files.json_object(folder / "config.json")
    kind, inner = config["model_type"], config.get("vision_config", config)
    name, options = KINDS[kind]
    if not isinstance(inner, dict):
        raise ConfigError(f"{folder} is not {WHAT}: vision_config is not an object")
    pretrained.require_sizes(folder, inner, ("hidden_size", "patch_size"), WHAT)
    how = pixels.read(folder, pixels.OF_IMAGES)
    load = getattr(imported(), name).from_pretrained
    model = pretrained.network(load, folder, WHAT, **options)
    patch, last = model.config.patch_size, int(model.config.num_hidden_layers)
    if not isinstance(patch, int) or min(how.shape) < patch:
        raise ConfigError(f"{folder} is not {WHAT}: patch_size {patch!r:.60}")
    model = model.to(settings.device, getattr(torch, settings.dtype)).eval()
    return Network(model, kind, how, patch, pooling.layers_of(settings.layer, last), last)


def _states(network: Network, batch: Tensor) -> tuple[list[Tensor], Tensor | None]:
    """Return the states (batch, tokens, dim) of the layers, and what the network sums up itself."""
    model = network.model
    options = {} if network.kind.startswith(AT_ANY_SIZE) else {"interpolate_pos_encoding": True}
    size = getattr(model.config, "image_size", None)
    if batch.shape[2:] == torch.Size((size, size) if isinstance(size, int) else size or ()):
        options = {}
    batch = batch.to(model.device, model.dtype)
    output = model(pixel_values=batch, output_hidden_states=True, **options)
    states = [*output.hidden_states[: network.last], output.last_hidden_state]
    own = output.pooler_output if network.kind.startswith(SUMMARISED) else None
    return [states[layer].float().cpu() for layer in network.layers], own


def _vectors(network: Network, batch: Tensor) -> Tensor:
    """Return the vectors (batch, layers x dim) of frames."""
    states, own = _states(network, batch)
    count = (batch.shape[2] // network.patch) * (batch.shape[3] // network.patch)
    found = []
    for layer, state in zip(network.layers, states, strict=True):
        if own is not None and layer == network.last:
            found.append(own.float().cpu())
        elif layer and state.shape[1] > count:
            found.append(state[:, 0])
        else:
            found.append(state[:, -count:].mean(1))
    return torch.cat(found, dim=1)


def _patches(network: Network, images: Sequence[Any], how: pixels.Pixels) -> Tensor:
    """Return the patches (frames, patches, layers x dim) of frames, in reading order."""
    rows, columns = network.patches(how)
    batches = [_states(network, batch)[0] for batch in pixels.batches(images, how, TOGETHER)]
    return torch.cat([torch.cat(states, dim=2)[:, -rows * columns :] for states in batches])


def _viewed(network: Network, images: Sequence[Any], views: multiview.Views) -> Encoded:
    """Return the tokens of one film, and how many frames are in them twice."""
    detail = coarse = None
    warning = ""
    if views.view != multiview.TEMPORAL:
        how = network.how.of(views.global_)
        key = images[len(images) // 2]
        detail = multiview.merged(_patches(network, [key], how)[0], views.merge)
    if views.view != multiview.GLOBAL:
        chosen = multiview.spread(len(images), views.frames)
        patches = _patches(network, [images[n] for n in chosen], network.how)
        rows = network.patches(network.how)[0]
        coarse = multiview.averaged(patches, rows, views.grid)
        warning = pooling.repeated(len(images), views.frames)
    return Encoded(multiview.together(detail, coarse), warning)
