"""Faces in a film of 720p: frames that are sampled of it, per CPU second of one thread.

Decoding, detection, expression and tracks apart. The film is drawn: two people for twenty seconds
at 25 frames a second, sampled twice a second. Needs `emocli models pull face-detector
face-expression`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from emocli import hub
from emocli.signals import face_tracks, faces

SECONDS, RATE_HZ, SAMPLED_HZ = 20, 25, 2
SHAPE = (720, 1280)
ROUNDS = 3
BAR = 20.0  # sampled frames per second and core, detected and judged


def run() -> list[dict]:
    """Return a row for each step, and one for detection and expression together."""
    import torch

    from emocli.encoders import Settings, face_detector, face_expression

    torch.set_num_threads(1)
    detect = face_detector.load(hub.resolve("face-detector"))
    express = face_expression.encoder(hub.resolve("face-expression"), Settings(None, "frames"))
    times = np.arange(SECONDS * SAMPLED_HZ) / SAMPLED_HZ
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, "two.mp4")
        write(film)
        decoding, images = best(lambda: sampled(film))
    detecting, boxes = best(lambda: detect(images))
    tracking, found = best(lambda: face_tracks.tracks(boxes, times))
    [track] = [found[one.track] for one in face_tracks.judged(found)]
    places = list(zip(track.frames, track.boxes, strict=True))
    crops = [faces.crop(images[frame], box) for frame, box in places]
    seen = SimpleNamespace(images=crops, times=track.times)
    expressing, _ = best(lambda: express([seen]))
    assert len(found) == 2
    assert len(track.frames) == len(images) == len(times)
    rows = {
        "decoded (every frame between is decoded too)": decoding,
        "detected": detecting,
        "tracked": tracking,
        "judged": expressing,
    }
    apart = [row(name, len(times) / seconds) for name, seconds in rows.items()]
    return [*apart, row("detected and judged", len(times) / (detecting + expressing), BAR)]


def row(what: str, value: float, bar: float | None = None) -> dict:
    """Return a row of frames per CPU second."""
    about = {"name": f"faces: frames of 720p {what}", "value": value, "unit": "/ cpu s"}
    about |= {"peer": None, "peer_value": None, "ratio": None}
    return about | {"bar": bar, "ok": bar is None or value >= bar}


def best(step: Callable[[], Any]) -> tuple[float, Any]:
    """Return the least CPU seconds of some rounds, and what came out."""
    seconds = []
    for _ in range(ROUNDS):
        before = time.process_time()
        made = step()
        seconds.append(time.process_time() - before)
    return min(seconds), made


def write(path: Path, seconds: int = SECONDS) -> None:
    """Write a film of two drawn people who move a little."""
    import av

    from tests.encoders import tiny_faces

    small = [
        tiny_faces.draw((360, 640), ((0.5 + 0.01 * n, 0.5, 0.25), (1.3, 0.5, 0.2)), n / 8)
        for n in range(8)
    ]
    with av.open(os.fspath(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.height, stream.width = SHAPE
        stream.pix_fmt = "yuv420p"
        for n in range(seconds * RATE_HZ):
            picture = small[abs(n // 3 % 14 - 7)].repeat(2, axis=0).repeat(2, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def sampled(path: Path) -> list[np.ndarray]:
    """Return the frames at the sampled times, RGB, by decoding all of them on one thread."""
    import av

    step = RATE_HZ / SAMPLED_HZ
    with av.open(os.fspath(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        wanted = {int(n * step) for n in range(SECONDS * SAMPLED_HZ)}
        frames = enumerate(container.decode(stream))
        return [frame.to_ndarray(format="rgb24") for n, frame in frames if n in wanted]


if __name__ == "__main__":
    for line in run():
        print(line)
