"""Every task of `score` on too little: figures are numbers or null, and nothing is warned of."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from emocli.scoring.columns import field
from emocli.scoring.tasks import TASKS
from tests.conftest import Emocli
from tests.test_labels import RATINGS, SAID, records

Record = dict[str, Any]


def alike(count: int) -> list[Record]:
    """Return records with one label and one prediction, which differ in their ratings."""
    given = [{**copy.deepcopy(r), **copy.deepcopy(SAID)} for r in (records() * 2)[:count]]
    for number, record in enumerate(given):
        record |= {"id": f"r{number}", "turn": number + 1}
        record["prediction"] |= {name: value / 2 for name, value in RATINGS.items()}
        record["prediction"]["explanation"] = "Pitch is high, which sounds like joy."
        record["prosody"] = {"levels": {"pitch": "high", "tempo": "low"}}
    return given


def right(count: int) -> list[Record]:
    return [{**r, "prediction": {**r["prediction"], **RATINGS}} for r in alike(count)]


def undefined(count: int) -> list[Record]:
    """Return records whose truth is constant and whose predictions are not."""
    given = alike(count)
    for number, record in enumerate(given):
        record["prediction"] |= {name: value / (number + 2) for name, value in RATINGS.items()}
    return given


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize("drawn", [alike, right, undefined])
@pytest.mark.parametrize("task", TASKS)
def test_figures_of_too_little_are_numbers_or_null(emocli: Emocli, task: str, drawn: Any) -> None:
    assert emocli("score", "--task", task, stdin=[]).status == 5
    for count in (1, 2, 5):
        flags = ("--task", task, "--cluster", "none", "--bootstrap", "20")
        outcome = emocli("score", *flags, stdin=drawn(count))
        assert outcome.status == 0, outcome.stderr
        row = json.loads(outcome.stdout, parse_constant=refuse)
        for name in TASKS[task].names:
            interval = field(row["intervals"], name)
            if interval is None:  # a dimension that nobody predicts
                continue
            value = field(row, name)
            assert value is None or isinstance(value, float), name
            if value is None or count == 1:
                assert interval == [None, None], name
        assert not re.search(r"\bnan\b", outcome.stderr.lower())


def test_correlation_of_a_constant_is_null_and_concordance_of_one_record_is_told(
    emocli: Emocli,
) -> None:
    flags = ("--task", "regression", "--bootstrap", "0")
    for drawn in (alike, right, undefined):
        for count in (1, 2, 5):
            outcome = emocli("score", *flags, stdin=drawn(count))
            row = outcome.records[0]["valence"]
            assert row["pearson"] is None
            assert row["ccc"] == (None if drawn is right else 0)
            said = "valence.ccc of a single record is undefined"
            assert (
                said in outcome.stderr.replace("arousal.ccc, dominance.ccc, sentiment.ccc, ", "")
            ) == (count == 1)
    for task in ("mosi", "sims"):
        outcome = emocli("score", "--task", task, stdin=undefined(2))
        assert outcome.records[0]["corr"] is None
        assert "ccc" not in outcome.stderr


def test_a_class_that_is_only_predicted_counts_in_one_of_two_figures(emocli: Emocli) -> None:
    given = [
        {"id": str(i), "label": {"emotion": "joy"}, "prediction": {"emotion": said}}
        for i, said in enumerate(["joy", "anger"])
    ]
    outcome = emocli("score", "--min", "uar_predicted=0.3", stdin=given)
    row = outcome.records[0]
    assert (row["uar"], row["uar_predicted"], outcome.status) == (0.5, 0.25, 6)
    table = emocli("score", "--table", stdin=given).stdout.decode()
    assert "uar_predicted │ 0.250" in " ".join(table.split())
    restricted = emocli(
        "score",
        "--restrict",
        "present",
        stdin=[
            {**r, "prediction": {**r["prediction"], "probabilities": {"joy": 0.4, "anger": 0.6}}}
            for r in given
        ],
    )
    assert restricted.records[0]["uar_predicted"] == 1.0
