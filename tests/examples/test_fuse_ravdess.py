"""The example that fuses two streams of real speech runs, on a corpus of RAVDESS's names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest
import soundfile

ROOT = Path(__file__).parents[2]
EMOTIONS = ("01", "03", "04")  # neutral, happy, sad
ACTORS = 4


def corpus(folder: Path, tone: Callable[..., np.ndarray]) -> None:
    """Write two takes of every emotion by every actor: each emotion has a pitch."""
    folder.mkdir(parents=True)
    for actor in range(1, ACTORS + 1):
        for place, emotion in enumerate(EMOTIONS):
            for take in ("01", "02"):
                name = f"03-01-{emotion}-01-01-{take}-{actor:02}.wav"
                f0_hz = 120.0 * 1.4**place + actor
                soundfile.write(folder / name, tone(seconds=0.3, f0_hz=f0_hz), 16_000)


@pytest.mark.slow  # 12 s
def test_the_table_has_every_stream_and_the_paired_differences(
    default_models: Path, tone: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    corpus(tmp_path / "data" / "ravdess", tone)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EMOCLI_")}
    world = {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "EMOCLI_CACHE_DIR": str(default_models),
        "EMOCLI_OFFLINE": "1",
        "EMOCLI_DATA": str(tmp_path / "data"),
        **{"MODELS": "concat", "FOLDS": "2", "SEEDS": "1", "JOBS": "1", "LEVEL": "none"},
        "NORMALIZE": "prosody",
        "PYTHON": sys.executable,
    }
    command = ["bash", "examples/fuse_ravdess.sh", str(tmp_path / "out")]
    done = subprocess.run(command, env=world, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, _, row, _, count, audio, prosody = done.stdout.splitlines()
    assert head.startswith("| UAR in % | audio | prosody | both |")
    assert row.startswith("| concat | ")
    assert row.count("], p ") == 2
    assert "24 predictions" in count
    assert "speaker" in count
    assert audio == "audio: whisper-tiny.en, frames/10, brought to -26 dBFS."
    assert prosody == "prosody: prosody, functionals, as loud as recorded, by actor."
    lines = (tmp_path / "out" / "concat.audio,prosody.jsonl").read_bytes().splitlines()
    folds = {(r["speaker"], r["fold"]) for r in map(orjson.loads, lines)}
    assert len(folds) == ACTORS  # nobody is in two folds
