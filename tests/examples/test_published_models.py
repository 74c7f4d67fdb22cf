"""The example of published classifiers makes two of them, and one predictor of both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_published_classifiers_become_one_that_is_better_than_either(tmp_path: Path) -> None:
    bin_, here = str(Path(sys.executable).parent), os.environ["PATH"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EMOCLI_")}
    world = {
        **kept,
        "PATH": os.pathsep.join([bin_, here]),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "EMOCLI_STORE": str(tmp_path / "store"),
        "EMOCLI_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [str(ROOT / "examples" / "published_models.sh"), str(tmp_path / "out")]
    done = subprocess.run(command, env=world, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "superb/hubert-large-superb-er" in done.stdout
    scores = {
        name: json.loads((tmp_path / "out" / f"{name}.json").read_text())
        for name in ("words", "voice", "calibrated", "fused")
    }
    f1 = {name: score["macro_f1"] for name, score in scores.items()}
    assert f1["fused"] > max(f1["words"], f1["voice"]) + 0.05
    loss = json.loads((tmp_path / "out" / "calibrate.json").read_text())["log_loss"]
    assert loss["after"] <= loss["before"]
    kept_files = {path.name for path in (tmp_path / "out" / "calibrated").iterdir()}
    assert kept_files == {"config.json", "card.md"}
