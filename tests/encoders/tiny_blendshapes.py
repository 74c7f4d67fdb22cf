"""MediaPipe's face landmarker with random weights: converted, and in TensorFlow Lite's format."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli.encoders import face_mesh, mediapipe_face, tflite_constants, weight_files

FACE = 0.23  # half height of the face that the random network tends to see, of the square's
# So that points stay near a face, and that what the mixer is given is seen in what it returns.
GAINS = {"mesh.points": 0.3, "mixer.numbers": 5.0, "mixer.shapes": 5.0}
CONV, DEQUANTIZE = 3, tflite_constants.DEQUANTIZE  # numbers of operators
FLOAT32, FLOAT16, INT32 = 0, 1, 2  # numbers of types

Tensors = dict[str, np.ndarray]


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Let the network of points have fewer channels and take smaller squares, which is quicker."""
    patch.setattr(mediapipe_face, "CHANNELS", (8, 8, 16, 16))
    patch.setattr(mediapipe_face, "BLOCKS", 1)
    patch.setattr(face_mesh, "INPUT_PX", 32)


def tensors(seed: int = 1) -> Tensors:
    """Return random weights in torch's layout by which a picture moves points of a round face."""
    random, found = np.random.default_rng(seed), {}
    for name, shape in (mediapipe_face.mesh() | mediapipe_face.mixer()).items():
        last = name.rpartition(".")[2]
        if last in ("slope", "norm"):
            found[name] = np.full(shape, 0.25 if last == "slope" else 1.0)
        elif last == "bias":
            found[name] = random.normal(0, 0.1, shape)
        else:
            found[name] = random.normal(0, np.prod(shape[1:]) ** -0.5, shape)
    for name, gain in GAINS.items():
        found[f"{name}.weight"] *= gain
    found["mesh.points.bias"] = layout(random).ravel()
    return {name: values.astype(np.float16).astype(np.float32) for name, values in found.items()}


def layout(random: np.random.Generator) -> np.ndarray:
    """Return points (478, 3) all over a round face, its eyes level."""
    middle, half = face_mesh.INPUT_PX / 2, face_mesh.INPUT_PX * FACE
    angle = random.uniform(0, 2 * np.pi, mediapipe_face.POINTS)
    radius = half * np.sqrt(random.uniform(0, 1, mediapipe_face.POINTS))
    found = np.stack([middle + radius * np.cos(angle), middle + radius * np.sin(angle)], 1)
    for corner, side in zip(face_mesh.CORNERS, (-1, 1), strict=True):
        found[corner] = middle + side * half / 2, middle - half / 3
    return np.concatenate([found, random.normal(0, half / 6, (len(found), 1))], 1)


def converted(folder: Path) -> None:
    """Write the networks as `models pull` does."""
    kept = {n: v for n, v in tensors().items() if n in mediapipe_face.shapes()}
    weight_files.write(folder, {"model_type": mediapipe_face.KIND}, kept)


def task(folder: Path, given: Tensors, *, half: bool = True) -> None:
    """Write the networks as MediaPipe keeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / mediapipe_face.TASK, "w") as archive:
        for member, names in (
            (mediapipe_face.MESH, mediapipe_face.mesh()),
            (mediapipe_face.MIXER, mediapipe_face.mixer()),
        ):
            originals = [_turned_round(name, given[name]) for name in names]
            archive.writestr(member, tflite([np.float32(0.5), *originals], half=half))


def _turned_round(name: str, values: np.ndarray) -> np.ndarray:
    if values.ndim == 4:
        return values.transpose((1, 2, 3, 0) if ".depth." in name else (0, 2, 3, 1))
    if values.ndim == 2:  # of the mixer: a convolution of single points
        return values[:, None, None]
    return values.reshape(1, 1, -1) if name.endswith(("slope", "token")) else values


# --- FlatBuffers: of TensorFlow Lite what a reader of constants looks at ----------------------


def tflite(constants: Sequence[np.ndarray], *, half: bool = True) -> bytes:
    """Return a file whose operators take each constant once, `half` of them through DEQUANTIZE."""
    buffers: list[dict[int, Any]] = [{}]
    made: list[dict[int, Any]] = [{0: ("<i4", [1, 2]), 1: FLOAT32}]  # what comes in
    operators: list[dict[int, Any]] = []
    for values in (*constants, np.array([3, 1], np.int32)):
        stored = values.astype(np.float16) if half and values.dtype == np.float32 else values
        kind = {"f": FLOAT16 if half else FLOAT32, "i": INT32}[stored.dtype.kind]
        shape = ("<i4", list(values.shape))
        buffers.append({0: ("u1", list(stored.tobytes()))})
        made.append({0: shape, 1: kind, 2: len(buffers) - 1})
        if kind == FLOAT16:
            made.append({0: shape, 1: FLOAT32})
            numbers = [("<i4", [len(made) - place]) for place in (2, 1)]
            operators.append({0: 0, 1: numbers[0], 2: numbers[1]})
        inputs = [0, len(made) - 1, -1]
        operators.append({0: 1, 1: ("<i4", inputs), 2: ("<i4", [0])})
    graph = {0: made, 3: operators}
    codes = [{0: DEQUANTIZE, 3: DEQUANTIZE}, {0: CONV, 3: CONV}]
    data = bytearray(4) + tflite_constants.MARK
    root = _table(data, {0: 3, 1: codes, 2: [graph], 4: buffers})
    data[:4] = root.to_bytes(4, "little")
    return bytes(data)


def _table(data: bytearray, fields: Mapping[int, Any]) -> int:
    """Append a table, then what it points to; numbers stand in it, lists behind it."""
    count = max(fields, default=-1) + 1
    places = [4 + 4 * field if field in fields else 0 for field in range(count)]
    layout = len(data)
    for number in (4 + 2 * count, 4 + 4 * count, *places):
        data += number.to_bytes(2, "little")
    data += bytes(-len(data) % 4)
    at = len(data)
    data += (at - layout).to_bytes(4, "little") + bytes(4 * count)
    for field, value in fields.items():
        slot = at + places[field]
        if isinstance(value, int):
            data[slot : slot + 4] = value.to_bytes(4, "little")
        else:
            _point(data, slot)
            _vector(data, value)
    return at


def _point(data: bytearray, slot: int) -> None:
    """Let a slot point to what comes next."""
    data += bytes(-len(data) % 4)
    data[slot : slot + 4] = (len(data) - slot).to_bytes(4, "little")


def _vector(data: bytearray, value: Any) -> None:
    if isinstance(value, tuple):
        dtype, numbers = value
        data += len(numbers).to_bytes(4, "little") + np.array(numbers, dtype).tobytes()
        return
    first = len(data) + 4
    data += len(value).to_bytes(4, "little") + bytes(4 * len(value))
    for number, fields in enumerate(value):
        slot = first + 4 * number
        target = _table(data, fields)
        data[slot : slot + 4] = (target - slot).to_bytes(4, "little")
