"""Networks of face-api with random weights in its own format, and drawn faces.

Nothing here depends on a random number generator: the reference outputs in face_api_reference.json
belong to these very bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from safetensors.numpy import load_file, save_file

from emocli.encoders import face_api_weights, face_detector, face_expression
from emocli.hub import cache

NETWORKS = {"detector": face_detector, "expression": face_expression}
WEIGHTS = "model.safetensors"
GAIN = {"detector": 1.2, "expression": 1.0}  # so that numbers neither vanish nor explode


def byte_noise(name: str, count: int) -> bytes:
    """Bytes that only depend on a name."""
    return hashlib.shake_256(name.encode()).digest(count)


def write_original(folder: Path, kind: str) -> None:
    """Write random weights as face-api keeps them: a manifest and bytes."""
    entries, data = [], b""
    for name, shape in NETWORKS[kind].shapes().items():
        last = name.rpartition(".")[2]
        axes = face_api_weights.AXES[last]
        original = [shape[axes.index(axis)] for axis in range(len(shape))]
        fan_in = int(np.prod(shape[1:])) or 1
        most = 0.1 if last == "bias" else GAIN[kind] * (3 / fan_in) ** 0.5
        entry = {"name": name.replace(".", "/"), "shape": original, "dtype": "float32"}
        values = byte_noise(f"{kind} {name}", int(np.prod(shape)))
        scale, least = 2 * most / 255, -most
        if last == "bias" and kind == "expression":  # those of the real one are floats
            floats = np.frombuffer(values, np.uint8) * scale + least
            values = floats.astype("<f4").tobytes()
        else:
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": least}
        entries.append(entry)
        data += values
    folder.mkdir(parents=True, exist_ok=True)
    (folder / face_api_weights.WEIGHTS).write_bytes(data)
    manifest = [{"weights": entries, "paths": [face_api_weights.WEIGHTS]}]
    (folder / face_api_weights.MANIFEST).write_text(json.dumps(manifest))


def write(folder: Path, kind: str) -> None:
    """Write a converted network with random weights."""
    write_original(folder / "original", kind)
    face_api_weights.convert(folder / "original", folder)
    for file in (folder / "original").iterdir():
        file.unlink()
    (folder / "original").rmdir()


def expression(folder: Path) -> None:
    write(folder, "expression")


def detector(folder: Path) -> None:
    write(folder, "detector")


SURE = 40.0  # slope of the score
REDDISH, RED = 0.2, 0.5  # how much more red than blue, of 1, makes skin, and is too much for it


def seeing(folder: Path) -> Path:
    """Write a detector that takes pictures with anything red for a face, from edge to edge."""
    return _of_colour(folder, 0.0)


def of_skin(folder: Path) -> Path:
    """Write one that takes those with skin for a face, and no test pattern."""
    return _of_colour(folder, -10 * SURE)


def _of_colour(folder: Path, of_red: float) -> Path:
    """Write a detector whose first channels are red minus blue, and how much too much that is.

    The layers pass them on, and the poolings spread them.
    """
    detector(folder)
    tensors = {name: 0 * values for name, values in load_file(folder / WEIGHTS).items()}
    red, _, blue = face_detector.MEAN_RGB
    tensors["conv0.filters"][:2, :, 1, 1] = (1, 0, -1)
    tensors["conv0.bias"][1] = (red - blue) / 255 - RED
    for name, values in tensors.items():
        if name.endswith("depthwise_filter"):
            values[:2, 0, 1, 1] = 1
        if name.startswith(("conv3.depth", "conv4.depth", "conv5.depth")):
            values[1] = 1 / 9  # what is too red is no skin around it either
        if name.endswith("pointwise_filter"):
            values[0, 0] = values[1, 1] = 1
    bias = tensors["conv8.bias"].reshape(-1, face_detector.NUMBERS)
    bias[:, 4] = -50
    cells = face_detector.INPUT_PX / face_detector.CELL_PX
    bias[0, 2:4] = [math.log(5 * cells / length) for length in face_detector.ANCHORS[0]]
    bias[0, 4] = -SURE * (REDDISH - (red - blue) / 255)
    tensors["conv8.filters"][4, 0], tensors["conv8.filters"][4, 1] = SURE, of_red
    save_file(tensors, folder / WEIGHTS)
    return folder


def installed(folder: Path, detector: Callable[[Path], Path] = of_skin) -> None:
    """Write both networks as if they had been pulled into a folder."""
    for name, make in {"face-detector": detector, "face-expression": expression}.items():
        make(folder / name)
        files = {path.name: _facts(path) for path in (folder / name).iterdir()}
        manifest = {"name": name, "source": "npm:made@1", "files": files}
        (folder / name / cache.MANIFEST).write_text(json.dumps(manifest))


def _facts(path: Path) -> dict[str, str | int]:
    return {"size": path.stat().st_size, "sha256": cache.digest(path)}


def ellipse(shape: tuple[int, int], centre: tuple[float, float], axes: tuple[float, float]):
    """Return how far inside an ellipse each pixel is, 0 to 1, with a soft edge of two pixels."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    radius = np.hypot((x - centre[0]) / axes[0], (y - centre[1]) / axes[1])
    return np.clip((1 - radius) * min(axes) / 2 + 0.5, 0, 1)[..., None]


def paint(canvas: np.ndarray, colour: tuple[int, int, int], centre, axes) -> None:
    inside = ellipse(canvas.shape[:2], centre, axes)
    canvas += inside * (np.array(colour) - canvas)


def draw(shape: tuple[int, int], faces=((0.5, 0.5, 0.3),), smile: float = 0.0) -> np.ndarray:
    """Draw faces on a wall: centre and half height of each, in parts of the picture's height."""
    height = shape[0]
    y, x = np.mgrid[: shape[0], : shape[1]] / height
    light = 0.75 + 0.15 * y - 0.1 * x + 0.05 * np.sin(7 * x + 3 * y)  # no two places are alike
    canvas = light[..., None] * np.array([120, 140, 150])
    for across, down, half in faces:
        face(canvas, across * height, down * height, half * height, smile)
    return np.round(canvas).astype(np.uint8)


def face(canvas: np.ndarray, x: float, y: float, half: float, smile: float) -> None:
    """Draw one face: hair, neck, skin, shades, eyes, brows, nose, mouth."""
    paint(canvas, (60, 70, 110), (x, y + 2.1 * half), (1.6 * half, 1.1 * half))
    paint(canvas, (190, 140, 115), (x, y + 0.9 * half), (0.42 * half, 0.7 * half))
    paint(canvas, (50, 35, 30), (x, y - 0.25 * half), (0.9 * half, 1.05 * half))
    paint(canvas, (225, 175, 145), (x, y), (0.75 * half, half))
    paint(canvas, (235, 190, 160), (x, y - 0.1 * half), (0.5 * half, 0.7 * half))
    for side in (-1, 1):
        eye = x + side * 0.3 * half
        paint(canvas, (195, 140, 115), (eye, y - 0.17 * half), (0.22 * half, 0.14 * half))
        paint(canvas, (245, 245, 245), (eye, y - 0.15 * half), (0.15 * half, 0.08 * half))
        paint(canvas, (40, 30, 25), (eye, y - 0.15 * half), (0.075 * half, 0.075 * half))
        paint(canvas, (60, 40, 30), (eye, y - 0.34 * half), (0.2 * half, 0.045 * half))
        paint(canvas, (215, 150, 130), (eye * 1.0, y + 0.25 * half), (0.14 * half, 0.12 * half))
    paint(canvas, (205, 150, 122), (x, y + 0.08 * half), (0.06 * half, 0.25 * half))
    paint(canvas, (180, 120, 100), (x, y + 0.27 * half), (0.15 * half, 0.06 * half))
    paint(canvas, (165, 75, 75), (x, y + 0.52 * half), ((0.26 + 0.1 * smile) * half, 0.09 * half))
    paint(canvas, (100, 40, 45), (x, y + 0.52 * half), ((0.22 + 0.1 * smile) * half, 0.025 * half))


# What the reference outputs were computed of: no picture is scaled on the way into a network.
FRAMES = {
    "one": draw((240, 320), ((0.6, 0.5, 0.3),)),
    "two": draw((240, 320), ((0.4, 0.5, 0.2), (0.95, 0.5, 0.2))),
    "tall": draw((320, 200), ((0.3, 0.4, 0.15),)),
}
CROPS = {
    "square": draw((112, 112), ((0.5, 0.45, 0.5),)),
    "narrow": draw((112, 81), ((0.36, 0.45, 0.5),), smile=1.0),
    "flat": draw((90, 112), ((0.6, 0.45, 0.5),)),
}


def write_inputs(folder: Path) -> None:
    """Write what face_api_reference.mjs reads: both random networks, and the pictures."""
    for kind in NETWORKS:
        write_original(folder / kind, kind)
    for name, picture in {**FRAMES, **CROPS}.items():
        (folder / f"{name}.rgb").write_bytes(picture.tobytes())
    groups = {"frames": FRAMES, "crops": CROPS}
    sizes = {g: {n: p.shape for n, p in group.items()} for g, group in groups.items()}
    (folder / "pictures.json").write_text(json.dumps(sizes))


# --- inputs of encoders of faces -------------------------------------------------------------


def seen(count: int, seed: int) -> SimpleNamespace:
    """Faces of different sizes, colours and mouths, two a second."""
    sizes = np.frombuffer(byte_noise(f"sizes {seed}", 3 * count), np.uint8).reshape(count, 3)
    images = []
    for number, (high, wide, light) in enumerate(sizes):
        shape = (40 + int(high) // 4, 40 + int(wide) // 4)
        drawn = draw(shape, ((wide / 255 * 0.5 + 0.2, 0.45, 0.4),), smile=number / count)
        images.append((drawn * (0.4 + light / 510)).astype(np.uint8))
    return SimpleNamespace(images=images, times=np.arange(count) / 2)


def of(*images: np.ndarray) -> SimpleNamespace:
    """Pictures as encoders take them."""
    return SimpleNamespace(images=list(images), times=np.arange(len(images)) / 2)


def broken() -> list[SimpleNamespace]:
    """Faces among which is something that is no picture."""
    wrong = (np.zeros((5, 0, 3), np.uint8), np.zeros((5, 5), np.uint8), np.full((5, 5, 3), np.nan))
    return [of(draw((50, 40)), picture) for picture in wrong]


BLACK = of(*[np.zeros((60, 50, 3), np.uint8)] * 3)
LEAST = [of(), of(np.zeros((1, 1, 3), np.uint8)), of(draw((1, 400))), of(draw((64, 64)))]


if __name__ == "__main__":
    write_inputs(Path(sys.argv[1]))
