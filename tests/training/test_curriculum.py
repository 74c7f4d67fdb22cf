"""Two stages by curricula: labels and single streams, then reasons; answers are scored."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Emocli
from tests.llm import tiny_language

Record = dict[str, Any]

LABELS = ["joy", "anger"]
SOFT = """prompt = "<image><audio>"
words = false
[slots.image]
tokens = 2
streams = ["image"]
projector = "low-rank"
[slots.audio]
tokens = 2
streams = ["audio"]
projector = "low-rank"
"""
TEMPLATE = """name = "emotion"
labels = ["joy", "anger"]
system = "?"
[format]
plain = ""
thought = ""
[answer]
plain = "$answer"
"""
CONFIG = """[training]
epochs = {epochs}
learning_rate = 0.005
batch_size = 16
dropout = 0.0
rank = 8
dev_records = 24
evaluations = 1
"""


def clips(count: int, seed: int) -> list[Record]:
    """Return records whose label is told by both streams, and by descriptions of them."""
    draws, made = random.Random(seed), []
    for number in range(count):
        label = draws.choice(LABELS)
        sign = 1 if label == "joy" else -1
        vectors = {
            n: [sign * k + draws.gauss(0, 0.2) for k in (1, -1, 2)] for n in ("audio", "image")
        }
        features = {
            name: {"modality": name if name == "audio" else "video", "dim": 3, "vector": vector}
            for name, vector in vectors.items()
        }
        words = {
            "audio": f"{label}ful" if label == "joy" else "anger",
            "image": label,
            "emotion": label,
        }
        described = {k: {"text": w, "by": "test", "synthetic": True} for k, w in words.items()}
        about = {"id": f"{seed}-{number}", "dataset": "made", "speaker": f"s{number % 6}"}
        made.append(
            {**about, "label": {"emotion": label}, "features": features, "descriptions": described}
        )
    return made


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny", limit=2048))


def test_stage_two_goes_on_from_stage_one_and_its_answers_are_scored(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    for name, text in (("soft.toml", SOFT), ("template.toml", TEMPLATE)):
        (tmp_path / name).write_text(text)
    (tmp_path / "one.toml").write_text(CONFIG.format(epochs=6))
    (tmp_path / "two.toml").write_text(CONFIG.format(epochs=3))
    clip, log = clips(64, 0), tmp_path / "log"
    asked = {}
    for stage in ("perception", "cognition"):
        drawn = emocli("instruct", "--curriculum", stage, "--draw", "32", stdin=clip)
        assert drawn.status == 0, drawn.stderr
        asked[stage] = drawn.records
    one = ["--backbone", backbone, "--soft", str(tmp_path / "soft.toml")]
    one += ["--template", str(tmp_path / "template.toml"), "--config", str(tmp_path / "one.toml")]
    two = ["--start", str(tmp_path / "one"), "--config", str(tmp_path / "two.toml")]
    for name, stage, flags in (("one", "perception", one), ("two", "cognition", two)):
        given = [*clip, *asked[stage]]
        flags += ["--log", str(log), "-o", str(tmp_path / name)]
        made = emocli("train", "--model", "language", *flags, stdin=given)
        assert made.status == 0, made.stderr
        assert "32 records learned as `instruction` has them" in made.stderr
    bundle, fresh = str(tmp_path / "two"), clips(40, 1)
    plain = emocli("predict", "-m", bundle, stdin=fresh).records
    assert sum(r["prediction"]["emotion"] == r["label"]["emotion"] for r in plain) > 34

    for task in ("emotion", "think"):
        flags = ["--task", task, "--labels", ",".join(LABELS), "--streams", "audio,image"]
        questions = emocli("instruct", *flags, stdin=fresh[:8]).records
        found = emocli("predict", "-m", bundle, "--instructed", stdin=questions)
        assert found.status == 0, found.stderr
        for record in found.records:
            said = record["prediction"]
            assert said["emotion"] == said["answer"] in LABELS
            assert ("explanation" in said) == (task == "think")
        scored = emocli("score", "--bootstrap", "0", stdin=found.records)
        assert scored.status == 0, scored.stderr
        (figures,) = map(json.loads, scored.stdout.splitlines())
        assert figures["scored"] == 8
        right = sum(r["prediction"]["answer"] == r["label"]["emotion"] for r in found.records)
        assert figures["accuracy"] == pytest.approx(right / 8)
