"""The rows of score --alignment: by hand, and on annotators of which all is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from emocli.metrics import agreement
from emocli.scoring import alignment
from emocli.scoring.options import ScoreOptions

Record = dict[str, Any]
LABELS = ["neutral", "joy", "sadness", "anger"]
KAPPA_AND_ENTROPY = ("fleiss_kappa", "entropy_bits")
OPTIONS = ScoreOptions(bootstrap=200)


def record(name: str, human: dict[str, int], said: list[str], **more: Any) -> Record:
    given = [{"annotator": "x", "rater": i, "label": label} for i, label in enumerate(said)]
    return {"id": name, "label": {"votes": human}, "annotations": given, **more}


def simulated(bias: float, records: int = 300, votes: int = 20, seed: int = 0) -> list[Record]:
    """People's votes from a distribution each, annotators' from it mixed with an even one."""
    random = np.random.default_rng(seed)
    found = []
    for i in range(records):
        truth = random.dirichlet([0.5] * 4)
        human = dict(zip(LABELS, random.multinomial(5, truth).tolist(), strict=True))
        said = random.choice(LABELS, votes, p=(1 - bias) * truth + bias / 4)
        found.append(record(str(i), human, said.tolist(), speaker=f"s{i % 20}"))
    return found


def test_one_record_by_hand() -> None:
    human, said = {"joy": 3, "anger": 1}, ["joy", "joy", "anger", "neutral"]
    row = alignment.row([record("a", human, said)], OPTIONS)
    full = jensenshannon([0, 0.75, 0.25], [0.25, 0.5, 0.25], base=2) ** 2
    assert row["by_votes"]["points"][3]["jsd_bits"] == pytest.approx(full)
    assert row["ambiguity"][2]["synthetic"]["jsd_bits"] == pytest.approx(full)
    assert [third["records"] for third in row["ambiguity"]] == [0, 0, 1]  # n // 3, n // 3, the rest
    assert row["sources"]["combined"]["votes_per_record"] == 8
    assert row["sources"]["human"]["entropy_bits"] == pytest.approx(0.8113, abs=1e-4)
    assert row["sources"]["synthetic"]["intervals"]["fleiss_kappa"] == [None, None]  # one cluster


def test_what_cannot_be_scored_is_counted_by_reason() -> None:
    records = [
        record("a", {"joy": 2}, ["joy", "anger"]),
        record("b", {}, ["joy"]),
        record("c", {"joy": 0}, ["joy"]),
        record("d", {"joy": 1}, []),
        {"id": "e", "label": {"votes": {"joy": 1}}},
        record("f", {"joy": 1}, ["joy"], error={"code": "x"}),
        {"id": "g", "label": {"votes": {"joy": 1}}, "annotations": [{"label": None}]},
    ]
    row = alignment.row(records, OPTIONS)
    assert (row["records"], row["scored"]) == (7, 1)
    assert row["skipped"] == {"no_votes": 2, "no_annotations": 3, "error": 1}
    nothing = alignment.row([], OPTIONS)
    assert nothing["scored"] == 0


def test_votes_that_annotators_had_a_part_in_are_no_truth() -> None:
    mixed = record("a", {"joy": 4}, ["anger", "anger"])
    mixed["label"] |= {
        "votes_by_source": {"human": {"joy": 4}, "synthetic": {"anger": 2}},
        "distribution": {"joy": 2 / 3, "anger": 1 / 3},
        "merged": {"rule": "count"},
    }
    row = alignment.row([mixed], OPTIONS)
    assert row["by_votes"]["points"][1]["jsd_bits"] == pytest.approx(1.0)  # nothing in common


def test_worse_annotators_diverge_more_at_every_number_of_votes() -> None:
    good, bad = (alignment.row(simulated(bias), OPTIONS) for bias in (0.0, 0.8))
    for one, other in zip(good["by_votes"]["points"], bad["by_votes"]["points"], strict=True):
        assert one["jsd_bits"] < other["jsd_bits"] or one["votes"] == 1
        assert one["interval"][0] <= one["jsd_bits"] <= one["interval"][1]
    assert good["saturation"]["r2"] > 0.9
    assert 1 < good["saturation"]["votes"] <= 20
    assert good["saturation"]["reached"]
    assert (good["resampled"], good["clusters"]) == ("speaker", 20)


def test_sources_and_thirds_are_those_of_the_metrics() -> None:
    records = simulated(0.3)
    row = alignment.row(records, OPTIONS)
    human = np.array([[r["label"]["votes"].get(w, 0) for w in LABELS] for r in records])
    kappa = agreement.fleiss_kappa(human)
    source = row["sources"]["human"]
    assert source["fleiss_kappa"] == pytest.approx(kappa)
    assert source["intervals"]["fleiss_kappa"][0] < kappa < source["intervals"]["fleiss_kappa"][1]
    assert [third["records"] for third in row["ambiguity"]] == [100, 100, 100]
    means = [third["relative_entropy"] for third in row["ambiguity"]]
    assert means == sorted(means)


def test_predictions_are_compared_too_where_there_are_some() -> None:
    records = [
        record("a", {"joy": 1}, ["joy"], prediction={"probabilities": {"joy": 0.5, "fear": 0.5}}),
        record("b", {"joy": 1}, ["joy"], prediction={"emotion": "joy"}),
        record("c", {"joy": 1}, ["joy"]),
        record("d", {"joy": 1}, ["joy"], prediction={"probabilities": {"joy": "much"}}),
    ]
    said: list[str] = []
    row = alignment.row(records, OPTIONS, said.append)
    low, middle, high = row["ambiguity"]
    expected = jensenshannon([1, 0], [0.5, 0.5], base=2) ** 2
    assert low["prediction"]["jsd_bits"] == pytest.approx(expected)
    assert "prediction" not in middle
    assert (high["records"], row["failed"]) == (1, 1)
    assert [text.partition(" (")[0] for text in said] == [
        "d: not numbers in probabilities: {'joy': 'much'}"
    ]


def test_a_number_of_votes_that_few_records_have_is_not_on_the_curve() -> None:
    records = [*simulated(0.2, records=95, votes=6), *simulated(0.2, records=5, votes=2)]
    row = alignment.row(records, ScoreOptions(bootstrap=0))
    assert len(row["by_votes"]["points"]) == 6
    assert row["by_votes"]["records"] == 95
    assert row["by_votes"]["points"][0]["interval"] == [None, None]


def test_tables_say_what_the_record_says(emocli) -> None:
    records = simulated(0.3, records=60, votes=6)
    flags = ("score", "--alignment", "--bootstrap", "50")
    [row] = emocli(*flags, stdin=records).records
    drawn, latex = (emocli(*flags, form, stdin=records).stdout for form in ("--table", "--latex"))
    figures = [point["jsd_bits"] for point in row["by_votes"]["points"]]
    figures += [third["synthetic"]["jsd_bits"] for third in row["ambiguity"]]
    figures += [source[k] for source in row["sources"].values() for k in KAPPA_AND_ENTROPY]
    for figure in figures:
        assert f"{figure:.3f}".encode() in drawn
        assert f"{figure:.3f}".encode() in latex
    assert latex.count(rb"\begin{tabular}") == latex.count(rb"\end{tabular}") == 3
    low, high = row["by_votes"]["points"][0]["interval"]
    assert f"{low:.3f} .. {high:.3f}".encode() in drawn
    assert f"[{low:.3f}, {high:.3f}]".encode() in latex


def test_nothing_to_compare_exits_5_and_says_what_to_run(emocli) -> None:
    bare = [{"id": "a", "label": {"votes": {"joy": 1}}}]
    outcome = emocli("score", "--alignment", stdin=bare)
    assert (outcome.status, outcome.stdout) == (5, b"")
    assert "1 no_annotations (run emocli annotate first)" in outcome.stderr
    outcome = emocli("score", "--alignment", stdin=[*bare, record("b", {"joy": 1}, ["joy"])])
    assert outcome.status == 0
    assert "scored 1 of 2 records; skipped 1 no_annotations" in outcome.stderr
