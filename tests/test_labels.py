"""Labels and predictions of a wrong form are told of, by every command that reads them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np
import orjson
import pytest

from emocli.bundles import heads
from emocli.records.label_types import Label
from emocli.records.types import Prediction
from emocli.scoring.tasks import TASKS
from emocli.stages.annotate import merging
from tests.commands import bundles
from tests.conftest import Emocli
from tests.test_imports import FILES, PACKAGE

Record = dict[str, Any]

SIDES = {"label": Label, "prediction": Prediction}
SHARES = {"joy": 0.75, "anger": 0.25}
RATINGS = {"valence": 0.4, "arousal": -0.2, "dominance": 0.1, "sentiment": 0.6}
FIELDS: Record = {"emotion": "joy", "multi": ["joy"], "blend": {"joy": 70, "anger": 30}, **RATINGS}
FIELDS["causes"] = [{"turn": 1, "text": "gift", "emotion": "joy"}]
SAID: Record = {
    "label": {**FIELDS, "distribution": SHARES, "votes": {"joy": 3, "anger": 1}},
    "prediction": {**FIELDS, "probabilities": SHARES, "explanation": "Pitch is high, with joy."},
}
OPEN = {"explanation", "mmeverse"}  # tasks that compare words of any kind
MALFORMED: list[Any] = [
    "joy", "", 0, 1, -2.5, True, False, [], ["joy"], [0], [["joy"]], [0.5, 0.5], {"name": "joy"},
    {"joy": "much"}, {"joy": True}, {"joy": [1]}, {"joy": {"share": 1}},
]  # fmt: skip


def fits(value: Any, hint: Any) -> bool:
    """Say whether a value has the form that the schema gives a field."""
    inner = get_args(hint)
    if is_typeddict(hint):
        return isinstance(value, dict) and value.keys() <= get_type_hints(hint).keys()
    if get_origin(hint) is list:
        return isinstance(value, list) and all(fits(item, inner[0]) for item in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(fits(item, inner[1]) for item in value.values())
    if hint in (float, int):
        return isinstance(value, float | int) and not isinstance(value, bool)
    return any(fits(value, kind) for kind in inner) if inner else isinstance(value, hint)


def broken(side: str) -> Iterator[tuple[str | None, Record]]:
    """Yield a side that is wrong as a whole (None), or in one of its fields, which is named."""
    for value in MALFORMED:
        if not isinstance(value, dict):
            yield None, {side: value}
        for field, hint in get_type_hints(SIDES[side]).items():
            if field in SAID[side] and not fits(value, hint):
                yield field, {side: {**records()[2][side], field: value}}


def records() -> list[Record]:
    """Return four records that every task can score."""
    said = [copy.deepcopy(SAID) for _ in range(4)]
    for number, record in enumerate(said):
        for side in SIDES:
            record[side] |= {name: value / (number + 1) for name, value in RATINGS.items()}
    place: Record = {"dialogue": "d", "text": "a gift", "corpus": "mafw"}
    return [{"id": f"r{i}", "turn": i, "speaker": "s", **place, **r} for i, r in enumerate(said)]


def score(emocli: Emocli, changed: Record, *flags: str) -> tuple[int, Record, str]:
    """Score the records with one of them changed: the exit status, the row, stderr."""
    given = records()
    given[2] |= changed
    outcome = emocli("score", "--bootstrap", "0", *flags, stdin=given)
    return outcome.status, (outcome.records or [{}])[0], outcome.stderr


def is_told(outcome: tuple[int, Record, str]) -> bool:
    status, row, said = outcome
    return (
        (status, row["scored"], row["failed"]) == (1, 3, 1)
        and "r2: " in said
        and row["coverage"] == 0.75
    )


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("task", TASKS)
def test_every_task_tells_of_what_it_reads_and_cannot(emocli: Emocli, task: str, side: str) -> None:
    flags = ("--task", task)
    whole = score(emocli, {}, *flags)
    assert (whole[0], whole[1]["scored"]) == (0, 4), whole[2]
    told, absent = 0, {}
    for field, change in broken(side):
        outcome = score(emocli, change, *flags)
        if is_told(outcome):
            told += 1
            continue
        without = {side: {k: v for k, v in records()[2][side].items() if k != field}}
        assert field is not None, change
        if field not in absent:
            absent[field] = score(emocli, without, *flags)[:2]
        assert outcome[:2] == absent[field], change  # as if it were not there
        assert outcome[:2] == whole[:2], change  # which makes no difference
    assert told >= 2 * len([value for value in MALFORMED if not isinstance(value, dict)])


@pytest.mark.parametrize("task", TASKS)
def test_a_prediction_that_nobody_knows_is_told_by_every_task(emocli: Emocli, task: str) -> None:
    plain = {**SAID["prediction"]}
    unknown = orjson.loads(orjson.dumps(plain).replace(b'"joy"', b'"banana"'))
    unknown["probabilities"] = plain["probabilities"]
    outcome = score(emocli, {"prediction": unknown}, "--task", task)
    if {"emotion", "multi", "blend", "causes"} & read_by(emocli, task) and task not in OPEN:
        assert is_told(outcome)
        assert "unknown emotion 'banana'" in outcome[2]
    else:
        assert outcome[0] == 0


def read_by(emocli: Emocli, task: str) -> set[str]:
    """Return the fields of a prediction that a task cannot do without being told."""
    fields = {name for name, change in broken("prediction") if name}
    wrong = {name: {"prediction": {**SAID["prediction"], name: {"a": "b"}}} for name in fields}
    return {name for name in fields if is_told(score(emocli, wrong[name], "--task", task))}


def test_classes_of_a_model_that_nobody_knows_are_told(emocli: Emocli) -> None:
    strange = {"LABEL_0": 0.75, "LABEL_1": 0.25}
    given = [
        {**r, "prediction": {"emotion": "LABEL_0", "probabilities": strange}} for r in records()
    ]
    for task in ("classification", "distribution"):
        outcome = emocli("score", "--task", task, stdin=given)
        assert outcome.status == 1
        assert "r0: unknown emotion 'LABEL_0'" in outcome.stderr
        assert "4 unknown_prediction" in outcome.stderr
    eighth = {"emotion": "contempt", "probabilities": {"joy": 0.25, "contempt": 0.75}}
    given = [{**r, "prediction": eighth} for r in records()]
    outcome = emocli("score", "--task", "classification", stdin=given)
    assert (outcome.status, outcome.records[0]["accuracy"]) == (0, 0.0)  # a class beside known ones


def labels() -> list[tuple[Any, str]]:
    """Return labels that are wrong as a whole, and votes that are no counts."""
    wholes = [v for v in MALFORMED if not isinstance(v, dict)]
    votes = [v for v in MALFORMED if not isinstance(v, dict) or "name" in v or "joy" in v]
    return [(v, "label") for v in wholes] + [
        ({"emotion": "joy", "votes": v}, "votes") for v in votes
    ]


def trained(emocli: Emocli, folder: Path, label: Any, target: str) -> Any:
    given = bundles.records("mean", 24)
    for number, record in enumerate(given):
        record |= {"label": {**SAID["label"], "emotion": ("joy", "anger")[number % 2]}}
        record["label"] |= {"valence": float(number), "speaker": f"s{number % 4}"}
    given[5] |= {"id": "bad", "label": label}
    flags = ("--target", target, "--epochs", "1", "-o", str(folder / "made"))
    return emocli("train", *flags, stdin=given)


@pytest.mark.parametrize("target", heads.KINDS)
def test_train_names_the_record_whose_label_is_wrong(
    emocli: Emocli, tmp_path: Path, target: str
) -> None:
    hint = get_type_hints(Label)[target]
    wrong = [v for v in MALFORMED if not isinstance(v, dict)]
    wrong += [{**SAID["label"], target: v} for v in MALFORMED if not fits(v, hint)]
    for label in wrong:
        done = trained(emocli, tmp_path, label, target)
        assert (done.status, done.stderr.startswith("emocli train: bad: ")) == (1, True), label
        assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("target", [t for t in heads.KINDS if heads.KINDS[t] != heads.NUMBER])
def test_calibrate_names_the_record_whose_label_is_wrong(
    emocli: Emocli, tmp_path: Path, target: str
) -> None:
    head = {"target": target, "kind": heads.KINDS[target], "labels": bundles.LABELS}
    folder = bundles.save(tmp_path / "m", "gated", heads=[head]).folder
    given = [{**r, "label": SAID["label"]} for r in bundles.records("mean", 6)]
    hint = get_type_hints(Label)[target]
    for value in MALFORMED:
        for label in (value, {**SAID["label"], target: value}):
            if fits(label, Label) and fits(label.get(target), hint):
                continue
            bad = {**given[2], "id": "bad", "label": label}
            done = emocli("calibrate", "-m", str(folder), stdin=[*given, bad])
            if isinstance(label, dict) and target not in label:
                continue
            assert (done.status, "bad: " in done.stderr) == (1, True), label


@pytest.mark.parametrize("rule", merging.RULES)
def test_annotate_marks_the_record_whose_label_is_wrong(emocli: Emocli, rule: str) -> None:
    answers = [{"annotator": "a", "rater": 0, "label": "joy"}]
    wrong = [
        {"id": str(i), "label": v, "annotations": answers} for i, (v, _) in enumerate(labels())
    ]
    wrong += [{"id": f"a{i}", "annotations": v} for i, v in enumerate(MALFORMED) if v]
    words = [v for v in MALFORMED if v and not isinstance(v, str)]
    wrong += [{"id": f"b{i}", "annotations": [{"label": v}]} for i, v in enumerate(words)]
    done = emocli("annotate", "--n", "0", "--merge", rule, stdin=wrong)
    assert done.status == 1
    assert [r["id"] for r in done.records if "error" not in r] == []
    assert {r["error"]["code"] for r in done.records} == {
        "bad_label", "bad_votes", "bad_annotations",
    }  # fmt: skip


@pytest.mark.parametrize("flags", [("--alignment",), ("--by", "ambiguity")])
def test_votes_that_are_wrong_are_told_where_they_are_compared(
    emocli: Emocli, flags: tuple[str, ...]
) -> None:
    given = [{**r, "annotations": [{"annotator": "a", "label": "joy"}]} for r in records()]
    fine = emocli("score", "--bootstrap", "0", *flags, stdin=given)
    assert (fine.status, fine.records[0].get("failed", 0)) == (0, 0)
    for label, _ in labels():
        outcome = emocli(
            "score",
            "--bootstrap",
            "0",
            *flags,
            stdin=[*given, {**given[0], "id": "x", "label": label}],
        )
        assert (outcome.status, "x: " in outcome.stderr) == (1, True), label
        assert sum(row.get("failed", 0) for row in outcome.records) == 1


def test_augment_marks_the_record_whose_label_is_wrong(emocli: Emocli) -> None:
    feature = {"modality": "audio", "encoder": "net", "dim": 2, "vector": [0.1, 0.2]}
    same: Record = {"split": "train", "features": {"audio": feature}}
    fine = [{"id": f"f{i}", "label": {"emotion": "joy"}, **same} for i in range(4)]
    wrong = [{"id": str(i), "label": label, **same} for i, (label, _) in enumerate(labels())]
    done = emocli("augment", "dime", stdin=fine + wrong)
    assert done.status == 1
    problems = {r["id"]: r["error"]["code"] for r in done.records if "error" in r}
    assert set(problems) == {r["id"] for r in wrong}
    assert set(problems.values()) == {"bad_label", "bad_votes"}


def test_a_picture_of_a_clip_names_the_label_that_is_wrong(
    emocli: Emocli, wav: Callable[..., Path], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "clip.png"
    for side in SIDES:
        for wrong in [v for v in MALFORMED if not isinstance(v, dict)] + [{"emotion": 3}]:
            record = {"id": "x", "path": str(wav(seconds=0.3)), "prosody": {}, side: wrong}
            done = emocli("plot", "prosody", "-o", str(out), stdin=[record])
            assert (done.status, "x: " in done.stderr, out.exists()) == (1, True, False), wrong


# Who touches the label of a record without taking it apart.
PASSED_ON = {
    "commands/dataset.py": "made by our readers of data sets",
    "datasets/_mmeverse_labels.py": "writes labels",
    "datasets/emocontext.py": "a column of its table has this name",
    "datasets/ecf.py": "writes labels",
    "datasets/folder.py": "writes labels",
    "scoring/columns.py": "passes it on to the task",
    "scoring/tasks.py": "looks which fields are there",
    "stages/augment/dime.py": "its own mixtures",
    "stages/augment/mixing.py": "its own mixtures",
}


def touching() -> set[str]:
    """Return the files that read or write the field `label` of something."""
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            key: ast.AST | None = None
            if isinstance(node, ast.Subscript):
                key = node.slice
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                key = node.args[0] if name == "get" and node.args else None
            if isinstance(key, ast.Constant) and key.value == "label":
                found.add(str(path.relative_to(PACKAGE)))
    return found


def test_nobody_else_takes_labels_apart() -> None:
    readers = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if "label_reading" in path.read_text(encoding="utf-8")
    }
    assert touching() - readers - {"records/label_reading.py"} <= PASSED_ON.keys()
    assert PASSED_ON.keys() <= touching(), "a name in the list above is no longer needed"


def test_nulls_of_other_programs_are_no_labels(emocli: Emocli) -> None:
    """pandas and DuckDB give every record the fields of all."""
    nulls: Record = dict.fromkeys(get_type_hints(Label))
    nulls |= {"emotion": "joy", "distribution": {"joy": 1.0, "fear": None}}
    given = [
        {**r, "label": nulls, "prediction": {**r["prediction"], "blend": None}} for r in records()
    ]
    for task in ("classification", "distribution"):
        outcome = emocli("score", "--task", task, "--by", "ambiguity", stdin=given)
        assert outcome.status == 0, outcome.stderr
    shares = emocli("score", "--task", "distribution", "--bootstrap", "0", stdin=given).records[0]
    plain = [{**r, "label": {"distribution": {"joy": 1.0, "fear": 0}}} for r in given]
    again = emocli("score", "--task", "distribution", "--bootstrap", "0", stdin=plain).records[0]
    assert shares == again
    assert np.isfinite(shares["jsd_bits"])
