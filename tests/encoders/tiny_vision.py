"""Tiny networks of pictures and of clips with random weights, as transformers saves them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emocli.encoders import mobilenet_v2, weight_files
from emocli.encoders.torchvision_mobilenet_v2 import KIND
from emocli.encoders.transformers_import import imported

PX, PATCH, FRAMES = 16, 4, 4
SIZE = {
    "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 40,
    "image_size": PX, "patch_size": PATCH, "initializer_range": 0.2, "initializer_factor": 5.0,
}  # fmt: skip
HALVES = {"image_mean": [0.5, 0.4, 0.5], "image_std": [0.5, 0.5, 0.3], "rescale_factor": 1 / 255}
SHORTEST = {
    "do_resize": True, "size": {"shortest_edge": 20}, "resample": 3, "do_center_crop": True,
    "crop_size": {"height": PX, "width": PX}, "do_rescale": True, "do_normalize": True, **HALVES,
}  # fmt: skip
SQUARE = {
    "do_resize": True, "size": {"height": PX, "width": PX}, "resample": 2, "do_rescale": True,
    "do_normalize": True, **HALVES,
}  # fmt: skip


def write(folder: Path, name: str, config: Any, how: dict[str, Any], file: str = "") -> Any:
    """Save a network of a class of transformers, with numbers that differ everywhere."""
    model = getattr(imported(), name)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # positions and class tokens start at zero
            parameter += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    (folder / (file or "preprocessor_config.json")).write_text(json.dumps(how))
    return model


def clip(folder: Path) -> Any:
    hugging = imported()
    text = {**SIZE, "vocab_size": 30, "max_position_embeddings": 9, "projection_dim": 8}
    config = hugging.CLIPConfig(text_config=text, vision_config=SIZE, projection_dim=8)
    return write(folder, "CLIPModel", config, SHORTEST)


def clip_alone(folder: Path) -> Any:
    return write(folder, "CLIPVisionModel", imported().CLIPVisionConfig(**SIZE), SHORTEST)


def siglip(folder: Path) -> Any:
    hugging = imported()
    text = {**SIZE, "vocab_size": 30, "max_position_embeddings": 9}
    config = hugging.SiglipConfig(text_config=text, vision_config=SIZE)
    return write(folder, "SiglipModel", config, SQUARE)


def siglip_alone(folder: Path) -> Any:
    return write(folder, "SiglipVisionModel", imported().SiglipVisionConfig(**SIZE), SQUARE)


def dinov2(folder: Path) -> Any:
    return write(folder, "Dinov2Model", imported().Dinov2Config(**SIZE), SHORTEST)


def dinov2_with_registers(folder: Path) -> Any:
    config = imported().Dinov2WithRegistersConfig(**SIZE, num_register_tokens=2)
    return write(folder, "Dinov2WithRegistersModel", config, SHORTEST)


def dinov3(folder: Path) -> Any:
    config = imported().DINOv3ViTConfig(**SIZE, num_register_tokens=2)
    return write(folder, "DINOv3ViTModel", config, SQUARE)


def vit(folder: Path) -> Any:
    """One that names emotions, as fine-tuned ones are."""
    return write(folder, "ViTForImageClassification", imported().ViTConfig(**SIZE), SQUARE)


def videomae(folder: Path) -> Any:
    config = imported().VideoMAEConfig(**SIZE, num_frames=FRAMES, num_labels=3)
    return write(folder, "VideoMAEForVideoClassification", config, SHORTEST)


def timesformer(folder: Path) -> Any:
    config = imported().TimesformerConfig(**SIZE, num_frames=FRAMES)
    return write(folder, "TimesformerModel", config, SHORTEST)


def vjepa(folder: Path) -> Any:
    config = imported().VJEPA2Config(
        **{**SIZE, "num_attention_heads": 2}, crop_size=PX, frames_per_clip=FRAMES,
        pred_hidden_size=12, pred_num_attention_heads=1, pred_num_hidden_layers=1,
    )  # fmt: skip
    return write(folder, "VJEPA2Model", config, SHORTEST, "video_preprocessor_config.json")


def mobilenet(folder: Path) -> None:
    """Random filters that neither vanish nor explode."""
    values = {}
    for name, shape in mobilenet_v2.shapes().items():
        drawn = torch.rand(shape)
        if len(shape) == 4:
            drawn = (drawn - 0.5) * (12 / float(np.prod(shape[1:]))) ** 0.5
        elif name.endswith(("bias", "mean")):
            drawn = drawn - 0.5
        else:
            drawn = 0.5 + drawn
        values[name] = drawn.numpy()
    weight_files.write(folder, {"model_type": KIND}, values)


Builder = Callable[[Path], Any]
OF_IMAGES: dict[str, Builder] = {
    "clip": clip,
    "clip-alone": clip_alone,
    "siglip": siglip,
    "siglip-alone": siglip_alone,
    "dinov2": dinov2,
    "registers": dinov2_with_registers,
    "dinov3": dinov3,
    "vit": vit,
}
OF_CLIPS: dict[str, Builder] = {"videomae": videomae, "timesformer": timesformer, "vjepa2": vjepa}
