"""train --objective grpo: from a bundle with thoughts to one whose thoughts are better."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import orjson
import pytest
import torch
from safetensors.torch import load_file

from emocli.bundles import bundle, language
from emocli.encoders import causal_language_model
from emocli.llm import tuning
from emocli.llm.language_model import LanguageModel
from emocli.training.language.corpus import Asking
from tests.conftest import Emocli
from tests.training import tiny_answers

LENGTH = 32  # tokens of an answer
TEMPLATE = """
name = "emotion"
labels = ["joy", "anger"]
system = "One of $labels."
[format]
plain = "Say."
thought = "Think."
[answer]
plain = "$answer"
"""
TRAINING = """
[training]
epochs = {epochs}
learning_rate = 1e-2
batch_size = 6
part_size = 16
evaluations = 1
warm_up = 0.0
length = {length}
kl = 0.01
"""


def records() -> list[dict[str, Any]]:
    """Return utterances of four speakers, whose voices are all the same."""
    prosody = {
        "summary": "Pitch is high with low variation, tempo is slow.",
        "levels": {"pitch": "high", "pitch_variation": "low", "tempo": "low"},
        "pause_count": 1,
    }
    told = itertools.product("abcd", ["joy", "anger"], range(2))
    return [
        {
            "id": f"{speaker}-{label}-{n}",
            "speaker": speaker,
            "text": label,
            "label": {"emotion": label},
            "prosody": prosody,
        }
        for speaker, label, n in told
    ]


def write(folder: Path, model: LanguageModel) -> Path:
    model.network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


def config(folder: Path, epochs: float) -> str:
    file = folder / f"{epochs}.toml"
    file.write_text(TRAINING.format(epochs=epochs, length=LENGTH))
    return str(file)


def taught(folder: Path, start: Path) -> None:
    """Teach a backbone, which answers at random, the form, and thoughts that are half true."""
    model = LanguageModel(*causal_language_model.load(folder))
    asking = Asking(model, language.spec(bundle.read(start)), "template")
    good = [asking.example(record) for record in records()[::2]]
    assert max(len(row.completion) for row in good) < LENGTH
    for record in (other := records()[::2]):
        record["prosody"]["levels"] = {"pitch": "low", "tempo": "high", "loudness": "low"}
        record["label"] = {"emotion": "anger" if record["text"] == "joy" else "joy"}
    rows = [
        good[i]._replace(completion=asking.example(record).completion)
        for i, record in enumerate(other)
    ]
    optimiser = torch.optim.AdamW(model.network.parameters(), lr=1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        (-tuning.log_probabilities(model, tuning.batch(model, good + rows)).mean()).backward()
        optimiser.step()
    write(folder, model)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grpo")
    (folder / "template.toml").write_text(TEMPLATE)
    write(folder / "backbone", tiny_answers.model())
    lines = b"\n".join(map(orjson.dumps, records()))
    (folder / "records.jsonl").write_bytes(lines)
    return folder


def start(emocli: Emocli, world: Path, name: str, *flags: str) -> Path:
    """Return a bundle after a step of supervised training."""
    outcome = emocli(
        "train",
        *("--model", "language", "--backbone", str(world / "backbone")),
        *("--template", str(world / "template.toml"), "--prosody", "summary", *flags),
        *("--config", config(world, 1e-3), "-o", str(world / name), str(world / "records.jsonl")),
    )
    assert outcome.status == 0, outcome.stderr
    return world / name


def reinforced(emocli: Emocli, world: Path, begun: Path, name: str, epochs: float) -> Any:
    return emocli(
        "train",
        *("--model", "language", "--objective", "grpo", "--start", str(begun)),
        *("--config", config(world, epochs), "--log", str(world / f"{name}.log")),
        *("-o", str(world / name), str(world / "records.jsonl")),
    )


def lines(world: Path, name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (world / f"{name}.log").read_bytes().splitlines()]


def weights(folder: Path) -> dict[str, Any]:
    return load_file(folder / "adapter_model.safetensors")


def test_each_step_is_told_and_the_bundle_has_one_adapter(emocli: Emocli, world: Path) -> None:
    untaught = start(emocli, world, "untaught", "--rationale", "template")
    taught(world / "backbone", untaught)
    begun = start(emocli, world, "begun", "--rationale", "template")
    outcome = reinforced(emocli, world, begun, "better", 4)
    assert outcome.status == 0, outcome.stderr
    told = lines(world, "better")
    for key in ("reward", "reward_accuracy", "reward_format", "reward_truth", "skipped", "length"):
        assert all(key in line for line in told), key
    for key in ("train_policy", "train_kl", "kl", "ratio", "clipped", "entropy"):
        assert key in told[0], key
    assert told[0]["kl"] == pytest.approx(0, abs=1e-6)
    assert told[0]["skipped"] < 1
    assert told[-1]["kl"] > 1e-5
    assert told[-1]["dev_loss"] == -sum(
        told[-1][f"dev_{n}"] for n in ("accuracy", "format", "truth")
    )

    better = world / "better"
    assert sorted(path.name for path in better.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "card.md",
        "config.json",
    ]
    old, new = weights(begun), weights(better)
    assert set(old) == set(new)
    assert any(not torch.equal(old[name], new[name]) for name in old)
    found = emocli("predict", "-m", str(better), str(world / "records.jsonl"))
    assert found.status == 0, found.stderr
    assert all(r["prediction"]["explanation"] for r in found.records)


def test_the_same_seed_gives_the_same_weights(emocli: Emocli, world: Path) -> None:
    for name in ("once", "twice"):
        assert reinforced(emocli, world, world / "begun", name, 1).status == 0
    once, twice = (weights(world / name) for name in ("once", "twice"))
    assert all(torch.equal(once[name], twice[name]) for name in once)


def test_a_bundle_that_never_thinks_is_refused(emocli: Emocli, world: Path) -> None:
    plain = start(emocli, world, "plain")
    outcome = reinforced(emocli, world, plain, "none", 1)
    assert outcome.status == 2
    assert "gives no thoughts to reward" in outcome.stderr
    assert "--rationale template" in outcome.stderr
    assert not (world / "none").exists()


def test_without_a_start_it_is_refused(emocli: Emocli, world: Path) -> None:
    flags = ("--backbone", str(world / "backbone"), "-o", str(world / "none"))
    outcome = emocli(
        "train", "--model", "language", "--objective", "grpo", *flags, str(world / "records.jsonl")
    )
    assert outcome.status == 2
    assert "--start BUNDLE" in outcome.stderr
