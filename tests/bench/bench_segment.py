"""segment and predict a one-hour recording, against a plain loop over the same segments.

The loop decodes the whole recording, and for each segment of its first ten minutes calls
faster-whisper, the encoders and the head. Both are whole processes. EMOCLI_BENCH_SECONDS makes the
recording shorter.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SECONDS = 3600.0
LOOP_S = 600.0  # the loop takes several times as long: it has no more of the recording
BAR = 1.0  # of the time of the loop
MEMORY_BAR = 1.2  # of its peak, which grows with the recording, and ours does not
RATE_HZ = 16_000
PAUSES_S = (0.8, 2.5)
HISS = 1e-4  # of full scale: a room is never silent
EXAMPLES = Path(__file__).parents[2] / "examples" / "clips"
LOOP = """
import json, sys
from faster_whisper import WhisperModel
from emocli import hub
from emocli.bundles import bundle
from emocli.modalities.audio import SOUND
from emocli.pipeline.context import Context
from emocli.signals import audio
from emocli.signals.ffmpeg import Decoded
from emocli.stages import predict, transcribe
path, spans = sys.argv[1], json.load(open(sys.argv[2]))
whole = audio.read(path)
model = WhisperModel(str(hub.resolve(transcribe.DEFAULT)), device="cpu")
work = predict.stage(Context(batch_size=1), bundle.read("default"))
for start, end in spans:
    piece = whole.samples[round(start * 16000) : round(end * 16000)]
    heard, _ = model.transcribe(piece, beam_size=5, word_timestamps=True)
    heard = list(heard)
    words = [{"text": w.word.strip(), "start": w.start, "end": w.end, "probability": w.probability}
             for s in heard for w in s.words]
    probabilities = [w["probability"] for w in words]
    mean = sum(probabilities) / len(words) if words else None
    sound = Decoded(audio.quantise(piece), 1, "", None)
    record = {"id": str(start), "path": path, "start": start, "end": end, SOUND: sound,
              "text": "".join(s.text for s in heard).strip(), "words": words, "language": "en",
              "transcript": {"mean_word_probability": mean}}
    print(json.dumps(next(iter(work(iter([record]))))["prediction"]["emotion"]))
"""


class Process(NamedTuple):
    """What a process took."""

    seconds: float
    peak_mib: float


def run() -> list[dict[str, Any]]:
    """Return the rows: time as a share of the recording's, and peak memory."""
    import orjson

    seconds = float(os.environ.get("EMOCLI_BENCH_SECONDS", SECONDS))
    with tempfile.TemporaryDirectory() as folder:
        sound, out, spans = (Path(folder, name) for name in ("long.flac", "out", "spans"))
        length_s = record_of(sound, seconds)
        os.environ["EMOCLI_STORE"] = str(Path(folder, "store"))
        command = [sys.executable, "-m", "emocli", "predict", "-q", "-o", str(out), str(sound)]
        ours = process(command)
        records = [orjson.loads(line) for line in out.read_bytes().splitlines()]
        looped_s = min(LOOP_S, length_s)
        times = [(r["start"], r["end"]) for r in records if r["end"] <= looped_s]
        spans.write_bytes(orjson.dumps(times))
        peer = process([sys.executable, "-c", LOOP, str(sound), str(spans)])
    name = f"predict, {length_s / 60:.0f} min cut into {len(records)}"
    return [
        row(f"{name}: time / length", "", ours.seconds / length_s, peer.seconds / looped_s, BAR),
        row(f"{name}: peak memory", "MiB", ours.peak_mib, peer.peak_mib, MEMORY_BAR),
    ]


def row(name: str, unit: str, value: float, peer_value: float, bar: float) -> dict[str, Any]:
    """Return a row of the table."""
    ratio = value / peer_value
    about = {"name": name, "unit": unit, "value": value, "peer": "plain loop"}
    return about | {"peer_value": peer_value, "ratio": ratio, "bar": bar, "ok": ratio <= bar}


def record_of(path: Path, seconds: float) -> float:
    """Write clips with pauses between them; return the length."""
    import soundfile

    from emocli.signals import audio

    data = Path(os.environ.get("EMOCLI_DATA", "/nowhere"), "ravdess")
    clips = sorted(data.rglob("*.flac")) or [EXAMPLES / "joy.wav", EXAMPLES / "neutral.wav"]
    chance, noise, length = random.Random(0), np.random.default_rng(0), 0
    with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
        while length < seconds * RATE_HZ:
            pause = noise.normal(0, HISS, int(chance.uniform(*PAUSES_S) * RATE_HZ))
            for block in (pause, audio.read(chance.choice(clips)).samples):
                file.write(block)
                length += len(block)
    return length / RATE_HZ


def process(command: list[str]) -> Process:
    """Run a process; return its time and its peak memory."""
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    start = time.perf_counter()
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise RuntimeError(f"{command[0]} ... ended with {running.returncode}")
    return Process(time.perf_counter() - start, usage.ru_maxrss / 1024)
