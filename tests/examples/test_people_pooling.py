"""examples/people_pooling.py: made votes give back the weights that they were made with."""

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
    streams = pooling.logs(10 * random.dirichlet(np.full(6, 0.8), (2, clips)))
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
    streams = np.tile(np.array([face, voice], float), (1, 5, 1))  # of five actors, who are alike
    rows = pooling.winners(streams, np.tile(both, (5, 1)), [*"aaaabbbbccccddddeeee"])
    assert [float(row[1].split()[0]) for row in rows] == [0.67, 0.75, 0.25, 0.0]
    assert [row[2] for row in rows] == ["15", "10", "10", "10"]


def test_the_votes_of_a_folder_become_tables(tmp_path: Path) -> None:
    (tmp_path / "crema_d_votes").mkdir()
    random = np.random.default_rng(0)
    names = [f"10{a:02}_{s}_ANG_XX" for a in range(1, 11) for s in ("IEO", "DFA", "TIE", "WSI")]
    lines = ['"","A","D","F","H","N","S","fileName"']
    for kind in (1, 2, 3):
        for place, name in enumerate(names, 1):
            votes = random.multinomial(9, random.dirichlet(np.ones(6)))
            lines.append(f'"{kind * 100000 + place}",{",".join(map(str, votes))},"{name}"')
    (tmp_path / "crema_d_votes" / "tabulatedVotes.csv").write_text("\n".join(lines) + "\n")
    command = [sys.executable, str(ROOT / "examples" / "people_pooling.py")]
    environment = {**os.environ, "EMOCLI_DATA": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "40 clips, 10 actors" in done.stdout
    assert done.stdout.count("| log-linear, fitted |") == 1
    assert done.stdout.count("## ") == 3
