"""The recipe of the shipped speech head: what is folded together, and how sure it may be."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from emocli.models._familiar import AXES, Familiar

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))  # the recipes import each other
pytest.importorskip("parselmouth")
import default_confidence as sure
import default_tables

CORPORA = np.repeat(["a", "b", "c"], 400)


def left(seed: int, sharpness: float, distance: float) -> sure.Left:
    """Return logits that are `sharpness` times too sure, of clips at about one distance."""
    random = np.random.default_rng(seed)
    honest = random.normal(size=(1200, 4)) * 2
    truth = np.array([random.choice(4, p=row) for row in softmax(honest, axis=1)])
    apart = distance + random.normal(size=1200) * 0.1
    return sure.Left(honest * sharpness, apart, truth, CORPORA)


def test_the_temperatures_that_clips_were_made_with_are_found() -> None:
    values = sure.fitted(left(0, 1.5, 1.0), left(1, 4.0, 3.0))
    for distance, expected in ((1.0, 1.5), (3.0, 4.0)):
        found = values["temperature"] * sure.factor(np.array([distance]), values)
        assert found == pytest.approx(expected, rel=0.15)


def test_a_corpus_is_judged_by_a_fit_without_it() -> None:
    near, far = left(0, 1.5, 1.0), left(1, 4.0, 3.0)
    fold = np.arange(1200) % 2
    _, before = sure.nested(near, far, fold)
    rows = CORPORA == "b"
    near.logits[rows], far.logits[rows] = near.logits[rows] * 9, far.logits[rows] * 1
    _, after = sure.nested(near, far, fold)
    np.testing.assert_allclose(before[rows], after[rows])
    assert not np.allclose(before[~rows], after[~rows])


def test_the_distance_of_the_recipe_is_that_of_the_model() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(900, AXES + 100, generator=random)
    known = sure.whereabouts(x[:600], CORPORA[:600])
    module = Familiar(AXES + 100, 2)
    module.load_state_dict({**module.state_dict(), **known})
    found = module.distance(x)[:, 0].double().numpy()
    np.testing.assert_allclose(found, sure.distance(x, known), rtol=1e-4)
    assert found[:600].mean() == pytest.approx(1, abs=0.1)  # in standard deviations
    assert found[600:].mean() > found[:600].mean()


def test_a_bar_of_the_card_is_as_long_as_answers_are_right() -> None:
    part = {"all": {"reliability": [[10, 0.75, 0.5]]}}
    picture = default_tables.pictures({**part, "left_out": part})
    assert "##########.....|....  0.75  0.50      10" in picture
