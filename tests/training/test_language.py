"""`train --model language`: an adapter is learned, kept, resumed; it predicts as it was trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from emocli.bundles import bundle
from emocli.llm import tuning
from emocli.training.language import loop
from emocli.training.language.settings import Settings
from emocli.training.state import Place
from tests.conftest import Emocli
from tests.llm import tiny_language

LABELS = ["joy", "anger"]
CONFIG = """[training]
epochs = 6
learning_rate = 0.01
batch_size = 4
dropout = 0.0
rank = 8
dev_records = 16
"""


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny", limit=2048))


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "settings.toml"
    path.write_text(CONFIG)
    return str(path)


def records(count: int = 48) -> list[dict[str, Any]]:
    """Return sentences of six speakers that name their label."""
    return [
        {
            "id": f"r{i}",
            "text": LABELS[i % 2],
            "speaker": f"s{i // 2 % 6}",
            "label": {"emotion": LABELS[i % 2]},
        }
        for i in range(count)
    ]


def hits(found: list[dict[str, Any]]) -> float:
    return sum(r["prediction"]["emotion"] == r["label"]["emotion"] for r in found) / len(found)


def test_a_label_that_the_text_names_is_learned_and_predicted(
    emocli: Emocli, backbone: str, config: str, tmp_path: Path
) -> None:
    flags = ("--model", "language", "--backbone", backbone, "--config", config)
    log = tmp_path / "log.jsonl"
    made = emocli("train", *flags, "--log", str(log), "-o", str(tmp_path / "m"), stdin=records())
    assert made.status == 0, made.stderr
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["train_loss"] > 3 * lines[-1]["train_loss"]
    assert lines[-1]["learning_rate"] < 0.1 * max(line["learning_rate"] for line in lines)
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert sum("dev_uar" in line for line in lines) == 4
    found = emocli("predict", "-m", str(tmp_path / "m"), stdin=records(8))
    assert hits(found.records) == 1.0
    assert found.records[0]["prediction"]["calibrated"]
    contents = bundle.read(tmp_path / "m").contents
    assert contents["labels"] == LABELS
    assert contents["metrics"]["dev_uar"] == 1.0
    assert contents["prior"] == "none"
    plain = emocli("predict", "--llm", backbone, "--labels", "joy,anger", stdin=records(8))
    assert hits(plain.records) < 1.0  # what was not trained does not know


def test_a_bundle_of_a_backbone_in_a_folder_predicts_from_any_folder(
    emocli: Emocli, backbone: str, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(backbone).parent)
    flags = ("--model", "language", "--backbone", Path(backbone).name, "--config", config)
    spaced = ("--labels", "joy, anger", "--epochs", "1")
    made = emocli("train", *flags, *spaced, "-o", str(tmp_path / "m"), stdin=records(12))
    assert made.status == 0, made.stderr
    monkeypatch.chdir(tmp_path)
    found = emocli("predict", "-m", "m", stdin=records(2))
    assert found.status == 0, found.stderr
    assert list(found.records[0]["prediction"]["probabilities"]) == LABELS


def test_an_adapter_says_whose_it_is_and_holds_no_weights_of_the_backbone(
    emocli: Emocli, backbone: str, config: str, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    flags = ("--model", "language", "--backbone", backbone, "--config", config, "--epochs", "1")
    assert emocli("train", *flags, "-o", str(folder), stdin=records(24)).status == 0
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == backbone
    contents = json.loads((folder / "config.json").read_text())
    assert contents["backbone"]["name"] == backbone
    assert contents["backbone"]["revision"].startswith("local:")
    sizes = {p.name: p.stat().st_size for p in folder.iterdir()}
    assert sizes["adapter_model.safetensors"] < 100_000
    card = (folder / "card.md").read_text()
    assert "24 records" in card


def test_folds_predict_every_record_by_a_model_without_its_speaker(
    emocli: Emocli, backbone: str, config: str
) -> None:
    flags = ("--model", "language", "--backbone", backbone, "--config", config)
    made = emocli("train", *flags, "--cv", "speaker", "--folds", "3", stdin=records())
    assert made.status == 0, made.stderr
    assert [r["id"] for r in made.records] == [r["id"] for r in records()]
    folds = {r["speaker"]: r["fold"] for r in made.records}
    assert all(folds[r["speaker"]] == r["fold"] for r in made.records)
    assert len(set(folds.values())) == 3
    assert hits(made.records) > 0.9


def test_a_number_is_learned_as_digits(
    emocli: Emocli, backbone: str, config: str, tmp_path: Path
) -> None:
    numbered = [
        {**r, "label": {"valence": 4.5 if r["label"]["emotion"] == "joy" else 1.5}}
        for r in records()
    ]
    flags = ("--model", "language", "--backbone", backbone, "--config", config)
    flags = (*flags, "--template", "valence", "-o", str(tmp_path / "m"))
    made = emocli("train", *flags, stdin=numbered)
    assert made.status == 0, made.stderr
    found = emocli("predict", "-m", str(tmp_path / "m"), stdin=numbered[:4]).records
    values = [r["prediction"]["valence"] for r in found]
    assert min(values[0], values[2]) > max(values[1], values[3]) + 1


class Quadratic:
    """A loss whose least is at ones; it may be stopped at a step."""

    def __init__(self, weight: torch.nn.Parameter, stop: int = 0) -> None:
        self.weight, self.stop, self.calls = weight, stop, 0

    def __call__(self, indices: torch.Tensor) -> Any:
        self.calls += 1
        if self.calls == self.stop:
            raise KeyboardInterrupt
        noise = torch.randn(())  # of the random state that a checkpoint keeps
        for part in indices.split(2):  # type: ignore[no-untyped-call]
            wish = 1.0 + 0.01 * part.float().mean() + 0.01 * noise
            yield {"loss": ((self.weight - wish) ** 2).mean() * len(part) / len(indices)}

    def told(self) -> dict[str, float]:
        return {}


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))


def run(
    place: Place, stop: int = 0, budget: float | None = None, **more: Any
) -> tuple[torch.Tensor, list[dict[str, Any]]]:
    network, lines = Network(), []
    settings = Settings(epochs=3, batch_size=4, learning_rate=0.1, **more)
    objective = Quadratic(network.weight, stop)

    def evaluate() -> dict[str, float]:
        return {"dev_loss": float((network.weight.detach() - 1).pow(2).mean())}

    state = loop.Run(network, 21, settings, place, budget)
    loop.fit(state, objective, evaluate, lines.append)
    return network.weight.detach(), lines


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole, lines = run(Place())
    assert len(lines) == 15  # three epochs of five steps; the last record of each waits
    file = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(Place(checkpoint=file, run="a"), stop=11)
    again, more = run(Place(checkpoint=file, run="a", resume=True))
    torch.testing.assert_close(again, whole, atol=0, rtol=0)
    kept = [{k: v for k, v in line.items() if k != "seconds"} for line in more]
    assert kept == [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.safetensors"
    run(Place(checkpoint=file, run="a"))
    with pytest.raises(Exception, match="of other records"):
        run(Place(checkpoint=file, run="b", resume=True))


def test_training_ends_with_its_budget_and_an_evaluation() -> None:
    network = Network()
    settings = Settings(epochs=10**6, batch_size=4, learning_rate=0.1, patience=10**4)
    lines: list[dict[str, Any]] = []
    state = loop.Run(network, 21, settings, Place(), 0.5)
    loop.fit(state, Quadratic(network.weight), lambda: {"dev_loss": 1.0}, lines.append)
    assert 0.4 < lines[-1]["seconds"] < 1.5
    assert sum("dev_loss" in line for line in lines) == settings.evaluations
    assert "dev_loss" in lines[-1]
    assert lines[-1]["learning_rate"] < 0.05 * settings.learning_rate


def test_the_best_weights_are_kept_and_patience_ends_a_run() -> None:
    losses = iter([3.0, 1.0, 2.0, 2.5, 0.1])
    network, lines = Network(), list[dict[str, Any]]()
    settings = Settings(epochs=3, batch_size=4, learning_rate=0.1, evaluations=15, patience=2)
    state = loop.Run(network, 21, settings, Place(), None)
    weights = []

    def evaluate() -> dict[str, float]:
        weights.append(network.weight.detach().clone())
        return {"dev_loss": next(losses)}

    best = loop.fit(state, Quadratic(network.weight), evaluate, lines.append)
    assert best == {"step": 2, "dev_loss": 1.0}
    assert len(lines) == 4
    torch.testing.assert_close(network.weight.detach(), weights[1])


REFUSED: list[tuple[Callable[[str], list[str]], str]] = [
    (lambda b: [], "needs --backbone"),
    (lambda b: ["--backbone", b, "--objective", "dpo"], "not one of sft, grpo"),
    (lambda b: ["--backbone", b, "--objective", "grpo"], "needs --start"),
    (lambda b: ["--backbone", b, "--loss", "kl"], "--loss is not for --model language"),
    (lambda b: ["--backbone", b, "--modality-dropout", "0.1"], "--modality-dropout is not for"),
    (lambda b: ["--backbone", b, "--prosody", "loud"], "--prosody loud"),
    (lambda b: ["--backbone", b, "--labels", "joy"], "lacks anger"),
    (lambda b: ["--backbone", b, "--labels", "joy,joy"], "joy is there twice"),
    (lambda b: ["--backbone", b, "--budget", "0"], "--budget 0"),
    (lambda b: ["--backbone", b, "--rationale", "template"], "cites the voice"),
    (lambda b: ["--backbone", b, "--template", "novel"], "unknown template"),
    (lambda b: ["--backbone", "nowhere/nothing", "--offline"], "nowhere/nothing"),
    (lambda b: ["--start", str(bundle.DEFAULT)], "not a language model with an adapter"),
]


@pytest.mark.parametrize(("flags", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_cannot_be_trained_is_refused_in_one_line(
    emocli: Emocli, backbone: str, tmp_path: Path, flags: Any, reason: str
) -> None:
    folder = tmp_path / "m"
    given = ("--model", "language", "-o", str(folder), *flags(backbone))
    made = emocli("train", *given, stdin=records(12))
    assert made.status in (2, 3, 4)
    assert reason in made.stderr
    assert "Traceback" not in made.stderr
    assert not folder.exists()


def test_flags_of_language_models_are_refused_for_others(emocli: Emocli, tmp_path: Path) -> None:
    made = emocli("train", "--backbone", "x", "-o", str(tmp_path / "m"), stdin=records(12))
    assert made.status == 2
    assert "--backbone is for --model language" in made.stderr


def test_records_that_cannot_be_asked_are_counted(
    emocli: Emocli, backbone: str, config: str, tmp_path: Path
) -> None:
    odd = [
        *records(24),
        {"id": "dumb", "text": "", "label": {"emotion": "joy"}, "speaker": "s1"},
        {"id": "none", "text": "hm", "speaker": "s1"},
        {
            "id": "voiceless",
            "text": "hm",
            "label": {"emotion": "joy"},
            "instruction": {"messages": 1},
        },
        {"id": "lost", "error": {"code": "x", "message": "y"}, "speaker": "s1"},
    ]
    flags = ("--model", "language", "--backbone", backbone, "--config", config, "--epochs", "1")
    made = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=odd)
    assert made.status == 0, made.stderr
    assert "no label.emotion" in made.stderr
    assert "records: 1 left out: the text is empty" in made.stderr, made.stderr
    assert "1 left out: no messages: 1 (each has a role" in made.stderr


def test_out_of_memory_is_one_line_with_what_to_try(
    emocli: Emocli, backbone: str, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has")

    monkeypatch.setattr(tuning, "log_probabilities", short)
    flags = ("--model", "language", "--backbone", backbone, "--config", config)
    made = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=records(12))
    assert made.status == 7
    (line,) = [line for line in made.stderr.splitlines() if "memory" in line]
    assert "out of memory: CUDA out of memory. Tried to allocate 2.00 GiB." in line
    assert "part_size" in line
    assert "recompute = true" in line
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(backbone: str, config: str, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(r) + "\n" for r in records()))
    losses = []
    for name, launch in (
        ("one", [sys.executable]),
        ("two", [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]),
    ):
        log = tmp_path / f"{name}.jsonl"
        flags = ["--model", "language", "--backbone", backbone, "--config", config, "--epochs", "2"]
        work = ["-m", "emocli"] if name == "one" else ["-m", "--", "emocli"]
        command = [*launch, *work, "train", str(data), *flags, "--log", str(log)]
        subprocess.run(
            [*command, "-o", str(tmp_path / name)],
            check=True,
            capture_output=True,
            timeout=240,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        losses.append([json.loads(line)["train_loss"] for line in log.read_text().splitlines()])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
