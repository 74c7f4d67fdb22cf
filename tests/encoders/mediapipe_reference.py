"""Compute mediapipe_reference.json with TensorFlow Lite itself; needs ai-edge-litert 2.3.

python -m tests.encoders.mediapipe_reference face_landmarker.task
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from emocli.encoders import face_mixer, mediapipe_face
from tests.encoders import tiny_faces

FILE = Path(__file__).with_suffix(".json")
EVERY = 13  # of the points that are kept
# Drawn faces that fill the network's input, so that nothing is scaled on the way.
PICTURES = {
    "neutral": tiny_faces.draw((256, 256), ((0.5, 0.5, 0.33),)),
    "smile": tiny_faces.draw((256, 256), ((0.52, 0.48, 0.35),), smile=1.0),
    "wall": tiny_faces.draw((256, 256), ()),
}


def run(network: Any, values: np.ndarray) -> list[np.ndarray]:
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], values[None])
    network.invoke()
    return [network.get_tensor(out["index"]) for out in network.get_output_details()]


def main(task: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    with zipfile.ZipFile(task) as members:
        names = (mediapipe_face.MESH, mediapipe_face.MIXER)
        mesh, mixer = (Interpreter(model_content=members.read(name)) for name in names)
    found = {}
    for name, picture in PICTURES.items():
        points, presence, _ = run(mesh, picture.astype(np.float32) / 255)
        points = points.reshape(mediapipe_face.POINTS, 3)
        [shapes] = run(mixer, points[list(face_mixer.GIVEN), :2])
        found[name] = {
            "points": points[::EVERY].astype(float).round(4).tolist(),
            "presence": round(float(presence.item()), 4),
            "blendshapes": shapes.astype(float).round(6).tolist(),
        }
    FILE.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
