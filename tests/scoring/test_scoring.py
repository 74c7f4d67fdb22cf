"""What the room of scoring promises to those who call it from Python, without a command line."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sklearn import metrics as sk

import emocli.scoring
from emocli.commands import score
from emocli.errors import EmptyInputError, UsageError
from emocli.records.labels import EMOTIONS
from emocli.scoring import limits, tasks
from emocli.scoring.options import ScoreOptions
from emocli.scoring.run import Work

Record = dict[str, Any]
FILES = sorted(Path(emocli.scoring.__file__).parent.glob("*.py"))
OUTPUT = {"alignment", "form", "json", "table", "latex"}  # flags that decide no metric


def rows(
    records: Sequence[Record], *, said: list[str] | None = None, **options: Any
) -> list[Record]:
    """Score records as a notebook would; what people are told is added to `said`."""
    messages: list[str] = [] if said is None else said
    work = Work(ScoreOptions(**{"bootstrap": 0, **options}), messages.append, io.BytesIO())
    return work.rows(work.read(records))


def record(number: int, label: Record, prediction: Record, **fields: Any) -> Record:
    return {"id": f"u{number}", "label": label, "prediction": prediction, **fields}


def random_records(count: int = 80, seed: int = 0) -> tuple[list[Record], Any, Any]:
    """Return records of one emotion each, and the same as indices of truth and prediction."""
    random = np.random.default_rng(seed)
    truth = random.integers(len(EMOTIONS), size=count)
    guess = np.where(random.random(count) < 0.6, truth, random.integers(len(EMOTIONS), size=count))
    records = [
        record(i, {"emotion": EMOTIONS[t]}, {"emotion": EMOTIONS[g]}, speaker=f"s{i % 15}")
        for i, (t, g) in enumerate(zip(truth, guess, strict=True))
    ]
    return records, truth, guess


def flags_and_defaults() -> dict[str, Any]:
    parameters = inspect.signature(inspect.unwrap(score.command)).parameters
    return {p.name: p.default for p in parameters.values() if p.name != "run"}


def test_options_have_the_flags_of_the_command_and_their_defaults() -> None:
    flags = flags_and_defaults()
    fields = {f.name: f.default for f in dataclasses.fields(ScoreOptions)}
    assert fields.keys() == flags.keys() - OUTPUT
    for name, default in fields.items():
        assert default == flags[name], name


def test_options_cannot_be_changed_and_values_that_make_no_sense_are_refused() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ScoreOptions().seed = 1  # type: ignore[misc]
    with pytest.raises(UsageError, match="--labels some"):
        ScoreOptions(labels="some")
    with pytest.raises(UsageError, match="--restrict all"):
        ScoreOptions(restrict="all")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_scoring_knows_no_command_line(path: Path) -> None:
    modules = {
        module
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for module in imported(node)
    }
    assert not {m for m in modules if m.startswith(("emocli.cli", "emocli.commands", "typer"))}


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def test_classification_is_scored_as_scikit_learn_does() -> None:
    records, truth, guess = random_records()
    (row,) = rows(records)
    assert row["accuracy"] == pytest.approx(sk.accuracy_score(truth, guess))
    assert row["uar"] == pytest.approx(sk.balanced_accuracy_score(truth, guess))
    assert row["macro_f1"] == pytest.approx(sk.f1_score(truth, guess, average="macro"))
    assert row["weighted_f1"] == pytest.approx(sk.f1_score(truth, guess, average="weighted"))
    assert row["confusion"]["matrix"] == sk.confusion_matrix(truth, guess).tolist()
    assert (row["task"], row["records"], row["scored"]) == ("classification", 80, 80)


TINY: dict[str, tuple[Record, Record]] = {
    "classification": ({"emotion": "joy"}, {"emotion": "joy"}),
    "distribution": (
        {"distribution": {"joy": 0.5, "fear": 0.5}},
        {"probabilities": {"joy": 0.6, "fear": 0.4}},
    ),
    "blend": ({"blend": {"joy": 70, "fear": 30}}, {"blend": {"joy": 70, "fear": 30}}),
    "regression": ({"valence": 0.5, "arousal": 0.1}, {"valence": 0.4, "arousal": 0.2}),
    "multilabel": ({"multi": ["joy", "fear"]}, {"multi": ["joy"]}),
    "mosi": ({"sentiment": 1.5}, {"sentiment": 1.0}),
    "sims": ({"sentiment": 0.5}, {"sentiment": 0.4}),
    "ecf": (
        {"emotion": "joy", "causes": [{"turn": 1}]},
        {"emotion": "joy", "causes": [{"turn": 1}]},
    ),
    "explanation": ({"emotion": "joy"}, {"explanation": "Pitch is high, with joy."}),
    "mmeverse": ({"emotion": "joy"}, {"emotion": "joy"}),
}


def tiny(task: str) -> list[Record]:
    label, prediction = TINY[task]
    place = {"dataset": task, "corpus": "mafw", "dialogue": "d"}
    return [record(i, label, prediction, turn=i, text="Oh no", **place) for i in range(3)]


@pytest.mark.parametrize("task", tasks.TASKS)
def test_every_task_gives_a_row_that_can_be_written(task: str) -> None:
    (row,) = rows(tiny(task), task=task, bootstrap=10)
    assert (row["task"], row["records"], row["scored"], row["failed"]) == (task, 3, 3, 0)
    assert {name.partition(".")[0] for name in tasks.TASKS[task].names} & row.keys()
    assert orjson.loads(orjson.dumps(row)) == row


@pytest.mark.parametrize("task", tasks.TASKS)
def test_labels_and_predictions_tell_the_task(task: str) -> None:
    said: list[str] = []
    (row,) = rows(tiny(task), said=said)
    assert row["task"] == task
    assert (f"task {task}, detected" in " ".join(said)) == (task != "classification")


def test_no_record_gives_no_row_and_nothing_to_score_is_an_error() -> None:
    assert rows([]) == []
    with pytest.raises(EmptyInputError, match="nothing to score in 1 records: 1 no_label"):
        rows([record(0, {}, {"emotion": "joy"})])


def test_a_record_that_cannot_be_scored_is_said_and_the_work_has_failed() -> None:
    said: list[str] = []
    records, _, _ = random_records()
    for wrong in (False, True):
        work = Work(ScoreOptions(bootstrap=0), said.append, io.BytesIO())
        unknown = [record(99, {"emotion": "boredom"}, {"emotion": "joy"})]
        (row,) = work.rows(work.read([*records, *(unknown if wrong else [])]))
        assert (row["scored"], row["failed"], work.failed) == (80, int(wrong), wrong)
    assert any(text.startswith("u99: unknown emotion 'boredom'") for text in said)


def test_groups_have_a_row_each_and_only_intervals_depend_on_the_seed() -> None:
    records, _, _ = random_records()
    groups = rows(records, by="speaker")
    assert [row["by"]["speaker"] for row in groups] == [f"s{i}" for i in range(15)]
    assert sum(row["scored"] for row in groups) == len(records)
    (first,), (again,), (other,) = (rows(records, bootstrap=50, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first["intervals"] != other["intervals"]
    assert {k: v for k, v in first.items() if k not in ("intervals", "seed")} == {
        k: v for k, v in other.items() if k not in ("intervals", "seed")
    }


def test_ambiguity_is_absent_only_if_no_record_has_votes() -> None:
    said: list[str] = []
    joy = {"emotion": "joy"}
    votes = ({"joy": 3}, {"joy": 2, "fear": 1}, {"joy": 1, "fear": 1})
    rated = [record(i, {**joy, "votes": v}, joy) for i, v in enumerate(votes)]
    unrated = [record(9, joy, joy)]
    groups = rows([*rated, *unrated], said=said, task="classification", by="ambiguity")
    assert [(row["by"]["ambiguity"], row["scored"]) for row in groups] == [
        ("low", 1),
        ("middle", 1),
        ("high", 1),
        (None, 1),
    ]
    assert not any("no record has it" in text for text in said)
    rows(unrated, said=said, task="classification", by="ambiguity")
    assert "--by ambiguity: no record has it" in said


def test_a_file_named_minus_is_read_from_stdin() -> None:
    said: list[str] = []
    records, _, _ = random_records()
    stdin = io.BytesIO(b"".join(orjson.dumps(r) + b"\n" for r in records))
    work = Work(ScoreOptions(compare="-", bootstrap=0), said.append, stdin)
    (row,) = work.rows(work.read(records))
    assert row["compared"]["accuracy"]["difference"] == 0.0


def test_limits_name_metrics_of_the_task_and_tell_what_missed() -> None:
    records, _, _ = random_records()
    options = ScoreOptions(minimum=["uar=0.99"], maximum=["accuracy=1"], bootstrap=0)
    (row,) = rows(records, minimum=options.minimum, maximum=options.maximum)
    low, high = limits.parse(options)
    assert limits.missed(row, low) == f"uar is {row['uar']:.4f}, --min is 0.99"
    assert limits.missed(row, high) is None
    with pytest.raises(UsageError, match="unknown metric 'ccc'"):
        rows(records, minimum=["ccc=0.5"])
    with pytest.raises(UsageError, match="--min uar=high: not like"):
        limits.parse(ScoreOptions(minimum=["uar=high"]))
