"""predict one.wav, cold, against importing what it needs; and no network call with a warm cache."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import bench_faces
from tests.bench.bench_startup import seconds

RUNS = 5
BAR = 1.5
FACE_BAR = 2.0
FILM_S = 10
CLIP = Path(__file__).parents[2] / "examples" / "clips" / "joy.wav"
COMMAND = [sys.executable, "-m", "emocli", "predict", "--json", "--quiet", str(CLIP)]
# Reading (soundfile), the speech encoder (torch, safetensors), hearing words (faster_whisper, with
# its voice activity detector's onnxruntime), the text encoder (tokenizers), the command line.
NEEDED = "numpy, onnxruntime, orjson, safetensors.torch, soundfile, tokenizers, torch, typer"
IMPORTS = [sys.executable, "-c", f"import {NEEDED}, faster_whisper"]
LISTEN = """
import sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open({log!r}, "a") as log:
            log.write(f"{{event}} {{arguments}}\\n")
sys.addaudithook(note)
"""


def run() -> list[dict[str, Any]]:
    """Return a row for the time (medians of alternating runs) and one for the network."""
    seconds(COMMAND)
    seconds(IMPORTS)
    pairs = [(seconds(COMMAND), seconds(IMPORTS)) for _ in range(RUNS)]
    value, peer_value = (statistics.median(column) for column in zip(*pairs, strict=True))
    calls = network_calls()
    return [
        {
            "name": "predict one.wav, cold",
            "value": value,
            "unit": "s",
            "peer": "importing what it needs",
            "peer_value": peer_value,
            "ratio": value / peer_value,
            "bar": BAR,
            "ok": value / peer_value <= BAR,
        },
        {
            "name": "predict one.wav, network calls",
            "value": calls,
            "unit": "",
            "peer": None,
            "peer_value": None,
            "ratio": None,
            "bar": None,
            "ok": calls == 0,
        },
        *with_face(),
    ]


def with_face() -> list[dict[str, Any]]:
    """Return a row for predict clip.mp4 with its face against without (medians, in turns)."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, "talk.mp4")
        write(film)
        whole = [*COMMAND[:-1], str(film)]
        heard = [*whole, "--modality", "audio,text"]
        [found] = [json.loads(subprocess.run(whole, check=True, stdout=subprocess.PIPE).stdout)]
        assert set(found["prediction"]["modalities"]) >= {"audio", "video"}, found
        seconds(heard)
        pairs = [(seconds(whole), seconds(heard)) for _ in range(RUNS)]
    value, without = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    return [
        {
            "name": f"predict clip.mp4 ({FILM_S} s, 720p) with its face, cold",
            "value": value,
            "unit": "s",
            "peer": "the same, --modality audio,text",
            "peer_value": without,
            "ratio": ratio,
            "bar": FACE_BAR,
            "ok": ratio <= FACE_BAR,
        }
    ]


def write(path: Path) -> None:
    """Write a film of drawn faces with the speech of a clip, over and over."""
    import av
    import soundfile

    silent = path.with_name("silent.mp4")
    bench_faces.write(silent, FILM_S)
    samples, rate_hz = soundfile.read(CLIP, dtype="float32")
    sound = np.resize(samples, (1, FILM_S * rate_hz))
    with av.open(str(silent)) as source, av.open(str(path), "w") as target:
        picture = target.add_stream_from_template(source.streams.video[0])
        voice = target.add_stream("aac", rate=rate_hz, layout="mono")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                target.mux(packet)
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        target.mux(voice.encode(frame))
        target.mux(voice.encode())


def network_calls() -> int:
    """Return how often a run asks for an address or connects: an audit hook counts."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "calls")
        Path(folder, "sitecustomize.py").write_text(LISTEN.format(log=str(log)))
        paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        subprocess.run(COMMAND, env=environment, check=True, stdout=subprocess.DEVNULL)
        return len(log.read_text().splitlines()) if log.exists() else 0
