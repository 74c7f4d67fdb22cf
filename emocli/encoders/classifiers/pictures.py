"""Classify faces with any ...ForImageClassification of transformers.

Published classifiers of expressions are trained on faces that are cut out, so of a film or a
picture the crops of the face that is judged are classified (`--face`), 2 in a second, and not
whole frames; the answer is the mean of their probabilities. Both are our choices. Pictures are
brought to size as the checkpoint says (`vision_pixels`: within 1 of 255 of Pillow's).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from emocli.encoders import Encoded, Encoder, Settings, classifiers, pictures
from emocli.encoders import vision_pixels as pixels
from emocli.encoders.classifiers import loading

FACES = True
TOGETHER = 16  # faces in a forward pass


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the classifier of faces: of each input its `images`, pictures (height, width, 3)."""
    found = classifiers.about(folder)
    how = pixels.read(folder, pixels.OF_IMAGES)
    model = loading.network(found, "AutoModelForImageClassification", settings)

    @torch.inference_mode()
    def run(inputs: Sequence[Any]) -> list[Encoded]:
        images = pictures.of_all(inputs, "no face")
        flat = [image for several in images for image in several]
        answers = [
            loading.answers(
                model(pixel_values=batch.to(model.device, model.dtype)).logits, found.problem
            )
            for batch in pixels.batches(flat, how, TOGETHER)
        ]
        parts = torch.split(torch.cat(answers), [len(several) for several in images])
        return [loading.together(part, found.problem) for part in parts]

    return run
