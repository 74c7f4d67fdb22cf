"""encode --modality audio with a wav2vec2 of base size, against a plain loop of transformers.

Random weights: layer norms as in XLS-R, and the group norm of wav2vec2-base. The loop takes one
clip at a time, without padding, as transformers' documentation does; both give the mean over time
of the last layer, and are whole processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import soundfile

CLIPS = int(os.environ.get("EMOCLI_BENCH_CLIPS", "300"))
SHORTEST_S, LONGEST_S = 1.0, 6.0
RATE_HZ = 16_000
TOLERANCE = 1e-4
# Settings of the config, and the bar: how many times as fast as the loop.
NETWORKS: dict[str, tuple[dict[str, Any], float]] = {
    "layer norm": (
        {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
        1.2,
    ),
    "group norm": ({"feat_extract_norm": "group"}, 1.0),
}
LOOP = """
import sys
import numpy as np, soundfile, torch
sys.modules["torchaudio"] = None
from transformers import AutoModel, Wav2Vec2FeatureExtractor
folder, out = sys.argv[1:]
extract = Wav2Vec2FeatureExtractor.from_pretrained(folder)
model = AutoModel.from_pretrained(folder).eval()
features = []
for path in sys.stdin.read().splitlines():
    samples, rate = soundfile.read(path, dtype="float32")
    values = extract(samples, sampling_rate=rate, return_tensors="pt").input_values
    with torch.inference_mode():
        features.append(model(values).last_hidden_state[0].mean(0).numpy())
np.save(out, np.stack(features))
"""


def run() -> list[dict[str, Any]]:
    """Return a row for each kind of norm: seconds of whole processes, start-up included."""
    return [_row(name, config, bar) for name, (config, bar) in NETWORKS.items()]


def _row(name: str, config: dict[str, Any], bar: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_network(folder / "model", config)
        clips = make_clips(folder)
        ours = _emocli(folder, clips)
        theirs = _loop(folder, clips)
        apart = _apart(folder)
    return {
        "name": f"encode audio, {CLIPS} clips, wav2vec2 of base size, {name}",
        "value": ours,
        "unit": "s",
        "peer": f"unpadded transformers loop (features within {apart:.0e})",
        "peer_value": theirs,
        "ratio": theirs / ours,
        "bar": bar,
        "ok": theirs / ours >= bar and apart < TOLERANCE,
    }


def write_network(folder: Path, config: dict[str, Any]) -> None:
    """Write a wav2vec2 of base size with random weights."""
    import torch

    from emocli.encoders.transformers_import import imported

    hugging = imported()
    torch.manual_seed(0)
    hugging.Wav2Vec2Model(hugging.Wav2Vec2Config(**config)).save_pretrained(folder)
    hugging.Wav2Vec2FeatureExtractor().save_pretrained(folder)


def make_clips(folder: Path) -> list[Path]:
    """Write clips of 1 to 6 s: noise whose loudness changes."""
    random, clips = np.random.default_rng(0), []
    for number in range(CLIPS):
        count = int(random.uniform(SHORTEST_S, LONGEST_S) * RATE_HZ)
        loudness = np.interp(np.arange(count), np.linspace(0, count, 20), random.uniform(0, 1, 20))
        samples = 0.1 * random.standard_normal(count) * loudness
        clips.append(folder / f"clip{number:03d}.wav")
        soundfile.write(clips[-1], samples.astype(np.float32), RATE_HZ)
    return clips


def _loop(folder: Path, clips: list[Path]) -> float:
    command = [sys.executable, "-W", "ignore", "-c", LOOP]
    command += [str(folder / "model"), str(folder / "theirs.npy")]
    start = time.perf_counter()
    paths = "\n".join(map(str, clips))
    subprocess.run(command, input=paths, text=True, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _emocli(folder: Path, clips: list[Path]) -> float:
    command = [sys.executable, "-m", "emocli", "encode", "--modality", "audio", "--quiet"]
    command += ["--encoder", str(folder / "model"), "--layer", "-1", "--pooling", "mean"]
    command += ["--level", "none", "--store", str(folder / "store"), *map(str, clips)]
    start = time.perf_counter()
    with (folder / "ours.jsonl").open("wb") as out:
        subprocess.run(command, check=True, stdout=out)
    return time.perf_counter() - start


def _apart(folder: Path) -> float:
    """Return the largest difference between any two features."""
    records = [orjson.loads(line) for line in (folder / "ours.jsonl").read_bytes().splitlines()]
    ours = np.array([record["features"]["audio"]["vector"] for record in records])
    return float(np.abs(ours - np.load(folder / "theirs.npy")).max())
