"""encode --modality audio on 300 clips against two transformers loops at batch 1.

One pads every clip to Whisper's 30 s, as transformers does; the other does not, and stops at the
layer that is asked for, so that its features are to be the same as ours.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import soundfile

CLIPS = 300
RUNS = 3  # of the quick ones; the padded loop takes minutes and runs once
PADDED_BAR, BARE_BAR = 5.0, 1.2
TOLERANCE = 1e-4
LAYER = 2
RATE_HZ = 16_000
LEVEL_DBFS = -26.0
LOOP = """
import sys
import numpy as np, soundfile, torch
sys.modules["torchaudio"] = None
from torch.nn.functional import gelu
from transformers import WhisperFeatureExtractor, WhisperModel
folder, how, out = sys.argv[1:4]
layer, level_dbfs = int(sys.argv[4]), float(sys.argv[5])
extract = WhisperFeatureExtractor()
encoder = WhisperModel.from_pretrained(folder).encoder.float().eval()
features = []
for path in sys.stdin.read().splitlines():
    samples, rate = soundfile.read(path, dtype="float32")
    rms = np.sqrt(np.mean(samples.astype("float64") ** 2))
    samples = samples * np.float32(10 ** (level_dbfs / 20) / rms)
    padding = "max_length" if how == "padded" else False
    with torch.inference_mode():
        found = extract(samples, sampling_rate=rate, return_tensors="pt", padding=padding)
        if how == "padded":
            states = encoder(found.input_features, output_hidden_states=True).hidden_states[layer]
        else:
            x = gelu(encoder.conv2(gelu(encoder.conv1(found.input_features)))).permute(0, 2, 1)
            states = x + encoder.embed_positions.weight[: x.shape[1]]
            for block in encoder.layers[:layer]:
                states = block(states, None)
                states = states[0] if isinstance(states, tuple) else states
        mean, std = states.mean(1), states.std(1, correction=0)
        features.append(torch.cat([mean, std], 1).flatten().numpy())
np.save(out, np.stack(features))
"""


def run() -> list[dict[str, Any]]:
    """Return two rows: seconds of whole processes, start-up included."""
    from emocli import hub

    model = str(hub.resolve("whisper-tiny.en"))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        clips, kind = make_clips(folder)
        padded = _loop(model, "padded", clips, folder / "padded.npy")
        pairs = [
            (_emocli(clips, folder), _loop(model, "bare", clips, folder / "bare.npy"))
            for _ in range(RUNS)
        ]
        value, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
        apart = _apart(folder / "ours.jsonl", folder / "bare.npy")
    name = f"encode audio, {CLIPS} {kind}"
    same = f"unpadded transformers loop (features within {apart:.0e})"
    return [
        _row(name, value, "transformers loop padded to 30 s", padded, PADDED_BAR),
        {**(row := _row(name, value, same, bare, BARE_BAR)), "ok": row["ok"] and apart < TOLERANCE},
    ]


def _row(name: str, value: float, peer: str, peer_value: float, bar: float) -> dict[str, Any]:
    ratio = peer_value / value
    return {
        "name": name,
        "value": value,
        "unit": "s",
        "peer": peer,
        "peer_value": peer_value,
        "ratio": ratio,
        "bar": bar,
        "ok": ratio >= bar,
    }


def make_clips(folder: Path) -> tuple[list[Path], str]:
    """Write 16 kHz wav files: RAVDESS where $EMOCLI_DATA has it, else sounds of 2 to 5 s."""
    found = _ravdess()
    if len(found) == CLIPS:
        from emocli.signals import audio

        sounds = (audio.read(path).samples for path in found)
    else:
        random = np.random.default_rng(0)
        sounds = (_voice(random) for _ in range(CLIPS))
    clips = []
    for number, samples in enumerate(sounds):
        clips.append(folder / f"clip{number:03d}.wav")
        soundfile.write(clips[-1], samples, RATE_HZ)
    return clips, "clips of RAVDESS" if len(found) == CLIPS else "synthetic clips"


def _ravdess() -> list[str]:
    """Return the paths of the first clips of RAVDESS, none without EMOCLI_DATA."""
    folder = Path(os.environ.get("EMOCLI_DATA", ""), "ravdess")
    if "EMOCLI_DATA" not in os.environ or not folder.is_dir():
        return []
    from emocli import datasets

    return [record["path"] for record in islice(datasets.load("ravdess").read(folder), CLIPS)]


def _voice(random: np.random.Generator) -> np.ndarray:
    time_s = np.arange(int(random.uniform(2, 5) * RATE_HZ)) / RATE_HZ
    f0_hz = random.uniform(90, 250)
    voice = sum(np.sin(2 * np.pi * f0_hz * k * time_s) / k for k in range(1, 20))
    return (0.1 * voice + random.normal(0, 1e-3, len(time_s))).astype(np.float32)


def _loop(model: str, how: str, clips: list[Path], out: Path) -> float:
    command = [sys.executable, "-W", "ignore", "-c", LOOP, model, how, str(out), str(LAYER)]
    start = time.perf_counter()
    paths = "\n".join(map(str, clips))
    subprocess.run(
        [*command, str(LEVEL_DBFS)], input=paths, text=True, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def _emocli(clips: list[Path], folder: Path) -> float:
    command = [sys.executable, "-m", "emocli", "encode", "--modality", "audio", "--quiet"]
    command += ["--encoder", "whisper-tiny.en", "--layer", str(LAYER), "--pooling", "mean+std"]
    command += ["--store", str(folder / "store"), *map(str, clips)]
    start = time.perf_counter()
    with (folder / "ours.jsonl").open("wb") as out:
        subprocess.run(command, check=True, stdout=out)
    return time.perf_counter() - start


def _apart(ours: Path, theirs: Path) -> float:
    """Return the largest difference between any two features."""
    records = [orjson.loads(line) for line in ours.read_bytes().splitlines()]
    vectors = np.array([record["features"]["audio"]["vector"] for record in records])
    return float(np.abs(vectors - np.load(theirs)).max())
