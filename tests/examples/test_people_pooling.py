"""examples/people_pooling.py: votes that were made by pooling give the weights they were made of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from examples import people_pooling as pooling

ROOT = Path(__file__).parents[2]
MADE = np.array([0.9, 0.4])


def made(clips: int = 3000, actors: int = 30) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return log shares of two streams, and ten votes a clip drawn from both by MADE."""
    random = np.random.default_rng(0)
    streams = np.log(random.dirichlet(np.full(6, 0.8), (2, clips)) + 0.01)
    both = random.multinomial(10, np.exp(pooling.pooled(MADE, streams))).astype(float)
    return streams, both, [f"actor {clip % actors}" for clip in range(clips)]


def test_the_weights_of_made_votes_are_recovered_within_their_errors() -> None:
    streams, both, actors = made()
    weights = pooling.fitted(streams, both)
    errors = pooling.errors(weights, streams, both, actors)
    assert (np.abs(weights - MADE) < 3 * errors).all()
    assert (errors < 0.02).all()


def test_no_weights_near_the_fitted_ones_are_likelier() -> None:
    streams, both, _ = made(300)
    weights = pooling.fitted(streams, both)
    best = (both * pooling.pooled(weights, streams)).sum()
    for change in np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) * 1e-3:
        assert (both * pooling.pooled(weights + change, streams)).sum() < best


def test_what_made_the_votes_is_best_on_new_actors() -> None:
    streams, both, actors = made()
    ways = pooling.held_out(streams, both, actors)
    nll = {name: float(pooling.nll(a, both, actors).split()[0]) for name, a in ways.items()}
    assert min(nll, key=lambda name: nll[name]) == "log-linear, fitted"
    truth = float(pooling.nll(pooling.pooled(MADE, streams), both, actors).split()[0])
    assert nll["log-linear, fitted"] == pytest.approx(truth, abs=2e-3)


def test_no_actor_is_in_two_folds() -> None:
    _, _, actors = made(300)
    held = np.stack(list(pooling.folds(actors)))
    assert (held.sum(axis=0) == 1).all()
    for actor in set(actors):
        assert held[:, np.array(actors) == actor].any(axis=1).sum() == 1


def test_a_tie_in_both_is_split_and_ties_in_a_stream_are_left_out() -> None:
    face = [[3, 0, 0], [3, 0, 0], [3, 0, 0], [2, 2, 0]]
    voice = [[0, 3, 0], [0, 3, 0], [3, 0, 0], [0, 3, 0]]
    both = np.array([[3, 0, 0], [2, 2, 0], [3, 0, 0], [0, 3, 0]], float)
    rows = pooling.winners(np.array([face, voice], float), both, list("abcd"))
    assert [float(row[1].split()[0]) for row in rows] == [0.67, 0.75, 0.25, 0.0]
    assert [row[2] for row in rows] == ["3", "2", "2", "2"]


@pytest.mark.skipif("EMOCLI_DATA" not in os.environ, reason="EMOCLI_DATA is not set")
def test_the_votes_of_crema_d_give_the_figures_that_are_stated() -> None:
    command = [sys.executable, str(ROOT / "examples" / "people_pooling.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "| log-linear, fitted | 0.992 " in done.stdout
    assert "| face alone | 1.076 " in done.stdout
    assert "| 0.5 | 0.97 [0.95, 0.99] | 0.50 [0.48, 0.52] |" in done.stdout
