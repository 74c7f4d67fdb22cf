"""What the shipped predictor answers on the example clips does not drift."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

ROOT = Path(__file__).parent.parent
GOLDEN = orjson.loads((ROOT / "tests" / "golden.json").read_bytes())
TOLERANCE = 1e-4  # between machines; labels are compared exactly


def answer(record: dict[str, Any]) -> dict[str, Any]:
    if "error" in record:
        return {"error": record["error"]["code"], "missing": sorted(record.get("missing", {}))}
    return {key: record["prediction"][key] for key in ("emotion", "probabilities", "modalities")}


@pytest.mark.usefixtures("default_models")
def test_predict_answers_on_the_clips_as_recorded() -> None:
    files = dict.fromkeys(name.split("#L")[0] for name in GOLDEN)
    command = [sys.executable, "-m", "emocli", "predict", "--json", "--quiet", *files]
    # A process of its own: it loads 400 MB of models.
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    records = [orjson.loads(line) for line in done.stdout.splitlines()]
    found = {record["id"]: answer(record) for record in records}
    assert list(found) == list(GOLDEN)
    for name, wanted in GOLDEN.items():
        for key, value in wanted.items():
            near = pytest.approx(value, abs=TOLERANCE) if isinstance(value, dict) else value
            assert found[name][key] == near, name
