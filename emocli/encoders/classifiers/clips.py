"""Classify clips with any ...ForVideoClassification of transformers.

A clip has as many whole frames as its network was trained with, spread over the film; see
`vision_clip`, whose networks and whose repeated frames these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from emocli.encoders import (
    Encoded,
    Encoder,
    Settings,
    classifiers,
    pictures,
    pooling,
    vision_clip,
    weight_files,
)
from emocli.encoders import vision_pixels as pixels
from emocli.encoders.classifiers import loading
from emocli.encoders.vision_multiview import spread
from emocli.errors import ConfigError


def sampled(folder: Path, name: str) -> dict[str, Any]:
    """Return which frames are taken by default: as many as a clip has, over the whole film."""
    _require_known(folder)
    return vision_clip.sampled(folder, name)


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the classifier of films: of each its `images` (frames, height, width, 3)."""
    _require_known(folder)
    found = classifiers.about(folder)
    how = pixels.read(folder, pixels.OF_CLIPS)
    length = int(sampled(folder, settings.pooling)["count"])
    model = loading.network(found, "AutoModelForVideoClassification", settings)
    takes = vision_clip.KINDS[model.config.model_type].takes

    def answer(images: Sequence[Any]) -> torch.Tensor:
        clip = pixels.of([images[n] for n in spread(len(images), length)], how)[None]
        logits = model(**{takes: clip.to(model.device, model.dtype)}).logits
        return loading.answers(logits, found.problem)

    @torch.inference_mode()
    def run(inputs: Sequence[Any]) -> list[Encoded]:
        done = []
        for images in pictures.of_all(inputs, "no frame"):
            starts = range(0, len(images), length)
            parts = torch.cat([answer(images[start : start + length]) for start in starts])
            warning = pooling.repeated(len(images[starts[-1] :]), length)
            done.append(Encoded(loading.together(parts, found.problem).values, warning))
        return done

    return run


def _require_known(folder: Path) -> None:
    """Raise ConfigError for a network of clips that takes them in another way."""
    config = weight_files.json_object(folder / "config.json")
    if not vision_clip.reads(config):
        known = ", ".join(vision_clip.KINDS)
        message = f"{folder}: clips of model_type {config.get('model_type')!r:.60} are not read"
        raise ConfigError(message, hint=f"known are {known}")
