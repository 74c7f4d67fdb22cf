"""Convert MediaPipe's face landmarker from TensorFlow Lite to safetensors.

Google 2023, MediaPipe Face Landmarker, Apache-2.0, https://ai.google.dev/edge/mediapipe: a zip of
three networks. That of 478 points (Y. Kartynnik et al. 2019, https://arxiv.org/abs/1907.06724; A.
Grishchenko et al. 2020, https://arxiv.org/abs/2006.10962) and that of 52 blendshapes (a mixer, I.
Tolstikhin et al. 2021, https://arxiv.org/abs/2105.01601; A. Grishchenko et al. 2022,
https://arxiv.org/abs/2309.05782) are converted; faces are found otherwise. Weights come as float16,
(out, height, width, in), in the order in which the networks use them, and are turned round for
torch. Single numbers (a scale, an epsilon) are constants of `face_mixer`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emocli.encoders import tflite_constants, weight_files
from emocli.errors import ModelError

TASK = "face_landmarker.task"
MESH, MIXER = "face_landmarks_detector.tflite", "face_blendshapes.tflite"  # its members
KIND = "mediapipe-face"
LARGEST = 2**25  # bytes of a member: thirteen times the larger one

Shape = tuple[int, ...]

POINTS, GIVEN, SHAPES = 478, 146, 52  # of the face; of these to the mixer; blendshapes
CHANNELS = (16, 32, 64, 128, 128, 128, 128)  # of the mesh; each but the first halves the picture
BLOCKS = 4  # of the first; the others have one more, which halves
TOKENS, WIDTH = 96, 64  # of the mixer
ACROSS, WITHIN = 384, 256  # hidden numbers of its two perceptrons
MIXING = 4  # blocks of the mixer
UNREAD = "mesh.other."  # an output that MediaPipe does not read either


def convert(source: Path, target: Path) -> None:
    """Write the networks of `face_landmarker.task` in `source` as safetensors in `target`.

    Raises ModelError if it is damaged or holds other networks.
    """
    try:
        with zipfile.ZipFile(source / TASK) as task:
            tensors = dict(_named(_member(task, MESH), mesh()))
            tensors |= dict(_named(_member(task, MIXER), mixer()))
    except (OSError, zipfile.BadZipFile, NotImplementedError, *weight_files.UNUSABLE) as problem:
        raise ModelError(f"not MediaPipe's face landmarker: {problem}") from problem
    weight_files.write(target, {"model_type": KIND}, tensors)


def _member(task: zipfile.ZipFile, name: str) -> bytes:
    if (size := task.getinfo(name).file_size) > LARGEST:
        raise ValueError(f"{name} has {size} bytes")
    return task.read(name)


def _named(data: bytes, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    found = [values for values in tflite_constants.constants(data) if values.ndim]
    if len(found) != len(shapes):
        raise ValueError(f"{len(found)} tensors instead of {len(shapes)}")
    for (name, shape), values in zip(shapes.items(), found, strict=True):
        if len(shape) == 4:
            values = values.transpose((3, 0, 1, 2) if ".depth." in name else (0, 3, 1, 2))
        if [n for n in values.shape if n > 1] != [n for n in shape if n > 1]:
            raise ValueError(f"{name} has the shape {values.shape}, not {shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} is not finite")
        if not name.startswith(UNREAD):
            yield name, np.ascontiguousarray(values.reshape(shape))


def blocks() -> list[tuple[str, int, int, bool]]:
    """Return name, channels in and out of each block of the mesh, and whether it halves."""
    found, channels = [], CHANNELS[0]
    for stage, out in enumerate(CHANNELS):
        for number in range(BLOCKS + (stage > 0)):
            found.append((f"mesh.{stage}.{number}", channels, out, stage > 0 and number == 0))
            channels = out
    return found


def mesh() -> dict[str, Shape]:
    """Return the shapes of the tensors of the network of points, in the order of its file."""
    first, last = CHANNELS[0], CHANNELS[-1]
    found = _weight("mesh.first", (first, 3, 3, 3)) | {"mesh.first.slope": (first,)}
    for name, channels, out, halves in blocks():
        narrow, size = out // 2, 2 if halves else 1
        found |= _weight(f"{name}.narrow", (narrow, channels, size, size))
        found |= {f"{name}.narrow.slope": (narrow,)}
        found |= _weight(f"{name}.depth", (narrow, 1, 3, 3))
        found |= _weight(f"{name}.widen", (out, narrow, 1, 1)) | {f"{name}.slope": (out,)}
    for name, count in (("other", 1), ("presence", 1), ("points", 3 * POINTS)):
        found |= _weight(f"mesh.{name}", (count, last, 2, 2))
    return found


def mixer() -> dict[str, Shape]:
    """Return the shapes of the tensors of the network of blendshapes, in the order of its file."""
    found = _weight("mixer.points", (TOKENS, GIVEN)) | _weight("mixer.numbers", (WIDTH, 2))
    found |= {"mixer.token": (WIDTH,)}
    for block in range(MIXING):
        for part, size, hidden in (("across", TOKENS + 1, ACROSS), ("within", WIDTH, WITHIN)):
            name = f"mixer.{block}.{part}"
            found |= {f"{name}.norm": (WIDTH,)} | _weight(f"{name}.up", (hidden, size))
            found |= _weight(f"{name}.down", (size, hidden))
    return found | _weight("mixer.shapes", (SHAPES, WIDTH))


def _weight(name: str, shape: Shape) -> dict[str, Shape]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def shapes() -> dict[str, Shape]:
    """Return the shapes of the converted tensors by name."""
    return {n: s for n, s in (mesh() | mixer()).items() if not n.startswith(UNREAD)}
