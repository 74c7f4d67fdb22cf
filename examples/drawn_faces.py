"""Drawn faces whose brows, eyes and mouth show an emotion: for films that test the way, not people.

    image = face(person=2, emotion="joy", strength=0.8, talk=0.5)  # (192, 192, 3), uint8 RGB

The face detector of the catalog finds them, and what the expression net says of them differs by
emotion, though it is seldom right: it was never shown a drawing.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

SIZE_PX = 192
SKIN = ((236, 200, 172), (208, 160, 126), (172, 120, 88), (120, 82, 60), (246, 216, 196))
HAIR = ((40, 28, 20), (90, 60, 30), (20, 20, 22), (150, 110, 60), (120, 120, 125))
SHIRTS = ((70, 80, 110), (120, 60, 60), (60, 100, 80))
WALL = (150, 165, 180)
INK, LIP, MOUTH, TEETH, WHITE = (
    (50, 30, 25),
    (170, 80, 80),
    (60, 20, 25),
    (240, 238, 230),
    (245,) * 3,
)

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]


class Look(NamedTuple):
    """The parts of a face that move, 0 or 1 at rest."""

    brow_raise: float = 0.0
    brow_tilt: float = 0.0  # above 0 the inner ends are up, below 0 they are down
    eyes: float = 1.0
    smile: float = 0.0  # below 0 the corners of the mouth are down
    gape: float = 0.0
    mouth: float = 1.0  # width

    def weakened(self, strength: float) -> Look:
        """Return the look between rest (0) and this one (1)."""
        return Look(*(rest + strength * (own - rest) for own, rest in zip(self, REST, strict=True)))


REST = Look()
LOOKS = {
    "neutral": REST,
    "joy": Look(0.2, 0.0, 0.75, 1.0, 0.35, 1.25),
    "sadness": Look(0.1, 0.8, 0.7, -0.9, 0.0, 0.85),
    "anger": Look(-0.6, -1.0, 0.75, -0.5, 0.1, 0.9),
    "fear": Look(0.8, 0.7, 1.35, -0.4, 0.4, 0.9),
    "disgust": Look(-0.4, -0.5, 0.55, -0.7, 0.15, 0.8),
    "surprise": Look(1.2, 0.1, 1.5, 0.0, 1.0, 0.7),
}


class Canvas:
    """A square picture with coordinates from -1 to 1, and how wide the head on it is."""

    def __init__(self, pixels: Array, wide: float) -> None:
        self.pixels, self.wide = pixels, wide
        self.y, self.x = np.mgrid[-1 : 1 : SIZE_PX * 1j, -1 : 1 : SIZE_PX * 1j].astype(np.float32)

    def put(self, covered: Any, colour: Any, opacity: float = 1.0) -> None:
        """Paint where something covers the picture."""
        weight = (covered * opacity)[..., None]
        self.pixels += weight * (np.asarray(colour, np.float32) - self.pixels)

    def oval(self, x: float, y: float, wide: float, high: float, soft: float = 0.02) -> Array:
        """Return what an ellipse covers."""
        distance = np.hypot((self.x - x) / wide, (self.y - y) / high) - 1
        return edge(distance * min(wide, high), soft)

    def bar(self, distance: Any, along: Any, soft: float = 0.02) -> Array:
        """Return what lies within two distances: of a line, and of its ends."""
        return edge(np.maximum(distance, along), soft)


def edge(distance: Any, soft: float) -> Any:
    """Return 1 inside (a distance below 0), 0 outside, and a soft edge between."""
    return np.clip(0.5 - distance / soft, 0, 1)


@functools.lru_cache(maxsize=64)
def _head(person: int) -> tuple[Array, float]:
    """Return the head of a person without what moves, and how wide it is."""
    random = np.random.default_rng(person)
    wide = float(random.uniform(0.92, 1.06))
    skin, hair = np.array(SKIN[person % len(SKIN)]), HAIR[random.integers(len(HAIR))]
    canvas = Canvas(wall(), wide)
    put, oval = canvas.put, canvas.oval
    put(oval(0, 1.15, 0.75, 0.42), SHIRTS[person % len(SHIRTS)])
    put(canvas.bar(abs(canvas.x) - 0.2, abs(canvas.y - 0.65) - 0.25), skin * 0.85)
    put(oval(0, -0.12, 0.60 * wide, 0.72), hair)
    for side in (-1, 1):
        put(oval(side * 0.53 * wide, 0.05, 0.08, 0.14), skin * 0.9)
    shade = 1.03 - 0.22 * np.clip((canvas.x / 0.52) ** 2, 0, 1) - 0.12 * np.clip(canvas.y, 0, 1)
    put(oval(0, 0.03, 0.52 * wide, 0.68), skin * shade[..., None])
    fringe = canvas.y + 0.42 + 0.10 * np.cos(canvas.x * 5 + person)
    put(oval(0, 0.0, 0.55 * wide, 0.71) * edge(fringe, 0.04), hair)
    put(oval(0, 0.18, 0.085, 0.05, 0.08), skin * 0.75, 0.6)  # the nose
    for side in (-1, 1):
        put(oval(side * 0.04, 0.205, 0.02, 0.014), INK, 0.8)
        put(oval(side * 0.22 * wide, -0.10, 0.15, 0.11, 0.10), skin * 0.72, 0.55)
    return canvas.pixels, wide


def wall() -> Array:
    """Return the background, which is all there is of a film whose person has left."""
    fall = np.linspace(1, 0.85, SIZE_PX, dtype=np.float32)[:, None, None]
    return np.broadcast_to(fall * np.array(WALL, np.float32), (SIZE_PX, SIZE_PX, 3)).copy()


def face(person: int, emotion: str, strength: float = 1.0, talk: float = 0.0) -> Image:
    """Return a person that shows an emotion; `talk` opens the mouth, 0 to 1."""
    look = LOOKS[emotion].weakened(strength)
    pixels, wide = _head(person)
    canvas = Canvas(pixels.copy(), wide)
    for side in (-1, 1):
        _eye(canvas, side, look)
        _brow(canvas, side, look)
    _mouth(canvas, look, talk)
    return canvas.pixels.clip(0, 255).astype(np.uint8)


def _eye(canvas: Canvas, side: int, look: Look) -> None:
    x, y, high = side * 0.22 * canvas.wide, -0.10, max(0.062 * look.eyes, 0.008)
    white = canvas.oval(x, y, 0.115, high)
    canvas.put(white, WHITE)
    for size, colour in ((0.052, (70, 50, 35)), (0.026, (10, 10, 10))):
        canvas.put(white * canvas.oval(x, y, size, size), colour)
    arch = np.sqrt(np.clip(1 - ((canvas.x - x) / 0.12) ** 2, 0, 1))
    lid = abs(canvas.y - (y - high * arch)) - 0.010
    canvas.put(canvas.bar(lid, abs(canvas.x - x) - 0.12, 0.012), INK, 0.9)


def _brow(canvas: Canvas, side: int, look: Look) -> None:
    x = side * 0.22 * canvas.wide
    outward = (canvas.x - x) * side
    y = -0.27 - 0.07 * look.brow_raise + 0.28 * look.brow_tilt * outward + 0.7 * outward**2
    canvas.put(canvas.bar(abs(canvas.y - y) - 0.024, abs(canvas.x - x) - 0.14), INK, 0.9)
    if look.brow_tilt < -0.2:  # a frown
        line = canvas.bar(abs(canvas.x - side * 0.035) - 0.006, abs(canvas.y + 0.22) - 0.05)
        canvas.put(line, INK, 0.5)


def _mouth(canvas: Canvas, look: Look, talk: float) -> None:
    wide, opened = 0.20 * look.mouth, 0.13 * look.gape + 0.07 * talk
    across = (canvas.x / wide) ** 2
    middle = 0.40 - 0.10 * look.smile * (across - 0.5)
    round_ = np.sqrt(np.clip(1 - across, 0, 1))
    top, bottom = middle - 0.5 * opened * round_, middle + 0.7 * opened * round_
    ends = abs(canvas.x) - wide
    lips = np.maximum(top - 0.028 * round_ - canvas.y, canvas.y - bottom - 0.036 * round_)
    canvas.put(canvas.bar(lips, ends), LIP)
    inside = canvas.bar(np.maximum(top - canvas.y, canvas.y - bottom), ends)
    if opened > 0.01:
        canvas.put(inside, MOUTH)
    else:
        canvas.put(canvas.bar(abs(canvas.y - middle) - 0.006, ends), MOUTH, 0.7)
    if opened > 0.03:
        canvas.put(inside * edge(canvas.y - top - 0.03, 0.02), TEETH)
