"""examples/ambiguity.sh: it runs as it is, and its intervals are what they are called."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from emocli.metrics import agreement, distribution
from examples import ambiguity_raters as raters
from examples import ambiguity_tables as tables
from examples.ambiguity_models import ARMS, data

ROOT = Path(__file__).parents[2]


def some(rows: int = 60) -> tuple[np.ndarray, np.ndarray, list[str]]:
    random = np.random.default_rng(0)
    truth, predicted = random.dirichlet(np.ones(4), (2, rows))
    return truth, predicted, [f"actor {row % 7}" for row in range(rows)]


def test_figures_are_the_metrics_and_lie_in_their_intervals() -> None:
    truth, predicted, who = some()
    found = tables.figures(truth, predicted, who)
    names = (*tables.MEANS, "r2_per_emotion")
    assert len(found) == len(names) == len(tables.HEADS)
    for name, (point, low, high) in zip(names, found, strict=True):
        assert point == pytest.approx(getattr(distribution, name)(truth, predicted)), name
        assert low < point < high


def test_a_difference_is_paired_and_over_clusters() -> None:
    truth, predicted, who = some()
    point, low, high = tables.difference(truth, predicted, truth, who)
    each = distribution.divergences(truth, predicted) / np.log(2)
    assert point == pytest.approx(each.mean())
    means = [each[np.array(who) == name].mean() for name in set(who)]
    assert high - low == pytest.approx(2 * 1.96 * np.std(means) / np.sqrt(7), rel=0.3)
    assert tables.difference(truth, predicted, predicted, who) == (0, 0, 0)


def test_agreement_is_fleiss_kappa_and_entropy() -> None:
    votes = np.random.default_rng(0).multinomial(5, [0.5, 0.3, 0.2], 40).astype(float)
    kappa, entropy = tables.agreed(votes, [str(row % 8) for row in range(40)])
    assert kappa[0] == pytest.approx(agreement.fleiss_kappa(votes))
    assert entropy[0] == pytest.approx(stats.entropy(votes, axis=1, base=2).mean())
    assert kappa[1] < kappa[0] < kappa[2]


def test_over_seeds_it_is_students_interval() -> None:
    values = [0.1, 0.3, 0.2, 0.5, 0.2]
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert tables.over_seeds(values)[1:] == pytest.approx(expected, rel=1e-3)
    for count, quantile in tables.STUDENT.items():
        assert quantile == pytest.approx(stats.t.ppf(0.975, count - 1), abs=1e-3)


def test_a_majority_is_the_label_of_most_votes_and_a_tie_one_of_the_tied() -> None:
    votes = np.array([[2.0, 1, 0], [0, 1, 2], [1, 1, 0], [1, 0, 1]])
    chosen = data({"text": np.zeros((4, 2))}, votes, majority=True).targets
    assert chosen[:2].tolist() == [0, 2]
    assert all(votes[row, label] == 1 for row, label in zip((2, 3), chosen[2:], strict=True))


def test_simulated_raters_draw_from_the_truth_and_false_modalities_know_nothing_of_it() -> None:
    task = raters.make(0, conflict=True, sizes=(10, 10, 4000))
    (streams, votes), truth = task.test, task.truth
    assert (votes.sum(1) == raters.RATERS).all()
    assert np.abs((votes / raters.RATERS - truth).mean(0)).max() < 0.02
    again = raters.make(0, conflict=True, sizes=(10, 10, 4000))
    assert np.array_equal(again.test[0]["text"], streams["text"])
    whole = raters.make(0, conflict=False, sizes=(10, 10, 4000))
    fits = [_explained(t.test[0]["text"], np.log(t.truth)) for t in (task, whole)]
    assert fits[0] < 0.7 < 0.75 < fits[1]


def _explained(features: np.ndarray, target: np.ndarray) -> float:
    target = target - target.mean(axis=1, keepdims=True)
    fit = np.linalg.lstsq(features, target, rcond=None)[0]
    return float(1 - np.square(target - features @ fit).sum() / np.square(target).sum())


def test_votes_tell_more_of_the_truth_than_majorities_and_experts_help_in_conflict() -> None:
    """One seed at the defaults; examples/ambiguity.sh has five and chooses on votes."""
    task = raters.make(0, conflict=True, sizes=(800, 200, 1000))
    names = ("majority label, class-balanced CE", "votes, JS (no modality loss)", raters.AMBER2)
    majority, alone, amber2 = (raters.judged(task, ARMS[name], 0)["jsd"] for name in names)
    assert amber2 < majority - 0.003
    assert amber2 < alone - 0.003


def test_the_script_prints_its_tables(default_models: Path, tmp_path: Path) -> None:
    write_emobank(tmp_path / "emobank")
    write_crema_d(tmp_path / "crema_d_votes")
    own = {"EMOCLI_DATA": str(tmp_path), "EMOCLI_CACHE_DIR": str(default_models)}
    world = {**os.environ, "PYTHON": sys.executable, **own}
    command = ["bash", "examples/ambiguity.sh", "--quick", str(tmp_path / "out")]
    done = subprocess.run(command, env=world, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    titles = [line for line in done.stdout.splitlines() if line.startswith("## ")]
    wanted = ["Simulated"] * 2 + ["EmoBank:"] * 2 + ["CREMA-D:"] * 2
    assert [title.split()[1] for title in titles][:6] == wanted
    assert done.stdout.count("| votes, AmbER2 |") == 4
    assert (tmp_path / "out" / "emobank.npz").exists()


def write_emobank(folder: Path) -> None:
    folder.mkdir()
    random = np.random.default_rng(0)
    with (
        open(folder / "emobank.csv", "w", newline="") as table,
        open(folder / "individual_reader_ratings.csv", "w", newline="") as readers,
    ):
        rows, ratings = csv.writer(table), csv.writer(readers)
        rows.writerow(["id", "split", "V", "A", "D", "text"])
        ratings.writerow(["id", "V", "A", "D"])
        for row in range(40):
            name = f"doc{row % 4}_{row}"
            rows.writerow([name, "dev" if row > 29 else "train", 3, 3, 3, f"Sentence {row}."])
            for valence in random.integers(1, 6, 5):
                ratings.writerow([name, valence, 3, 3])


def write_crema_d(folder: Path) -> None:
    folder.mkdir()
    random = np.random.default_rng(0)
    with open(folder / "tabulatedVotes.csv", "w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["", *"ADFHNS", "fileName"])
        for actor in range(1001, 1011):
            for kind in (1, 2, 3):
                for emotion in ("ANG", "HAP", "NEU"):
                    counts = random.multinomial(9, np.full(6, 1 / 6))
                    rows.writerow([f"{kind}{actor}", *counts, f"{actor}_IEO_{emotion}_XX"])
