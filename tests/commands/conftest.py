"""Fixtures of films: faces that are drawn in one colour, and what finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli.modalities import video_faces
from tests.encoders import tiny_faces
from tests.signals import films

Box = tuple[int, int, int, int]  # x, y, width, height
WIDTH, HEIGHT, RATE_HZ = 160, 120, 4
SKINS = {"red": (250, 0, 0), "green": (0, 250, 0)}


def found(image: np.ndarray) -> np.ndarray:
    """Return boxes around what is red and what is green."""
    boxes = []
    for skin in SKINS.values():
        y, x = np.nonzero(np.abs(image.astype(int) - skin).max(-1) < 60)
        if len(x):
            boxes.append((x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1, 0.9))
    return np.array(boxes, np.float32).reshape(-1, 5)


@pytest.fixture
def detecting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replace the detector; return how many frames it was given each time."""
    asked: list[int] = []

    def detect(images: Sequence[np.ndarray]) -> list[np.ndarray]:
        asked.append(len(images))
        return [found(image) for image in images]

    monkeypatch.setattr(video_faces, "detector", lambda *_: (detect, "drawn"))
    return asked


@pytest.fixture
def expression(tmp_path: Path) -> str:
    """Return the folder of an expression net with random weights."""
    tiny_faces.expression(tmp_path / "net")
    return str(tmp_path / "net")


Film = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Write a film: film({"red": [box, None, ...]}, name="a.mkv", sound=samples)."""

    def write(
        faces: dict[str, Sequence[Box | None]], name: str = "a.mkv", sound: Any = None
    ) -> Path:
        count = max(map(len, faces.values()))
        frames = np.full((count, HEIGHT, WIDTH, 3), 90, np.uint8)
        for skin, boxes in faces.items():
            for frame, box in zip(frames, boxes, strict=False):
                if box:
                    x, y, w, h = box
                    frame[y : y + h, x : x + w] = SKINS[skin]
        return films.of_pictures(tmp_path / name, frames, RATE_HZ, sound=sound)

    return write
