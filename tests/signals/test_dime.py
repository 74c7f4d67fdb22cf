"""DiME-Aug: who is whose neighbour and what lies between, worked by hand and by scikit-learn."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from emocli.signals import dime


def test_classes_are_filled_to_a_share_of_the_largest() -> None:
    assert dime.lacking([10, 3, 2, 0], 0.3) == [0, 0, 1, 3]
    assert dime.lacking([7, 1], 0.3) == [0, 1]  # floor(2.1) - 1
    assert dime.lacking([], 0.3) == []


@pytest.mark.parametrize("rho", [n / 100 for n in range(1, 101)])
def test_shares_are_decimal_numbers_not_what_binary_makes_of_them(rho: float) -> None:
    expected = math.floor(Fraction(round(rho * 100), 100) * 100)
    assert dime.lacking([100, 0], rho)[1] == expected


def test_neighbours_by_hand() -> None:
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    # From (0,0): 1, 4, 50; from (1,0): 1, 5, 41; from (0,2): 4, 5, 34; from (5,5): 34, 41, 50.
    assert [dime.neighbours(rows, i).tolist() for i in range(4)] == [[1, 2], [0, 2], [0, 1], [2, 1]]


def test_nobody_is_their_own_neighbour_even_among_equals() -> None:
    rows = np.zeros((4, 3))
    assert [dime.neighbours(rows, i).tolist() for i in range(4)] == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_two_have_one_neighbour_and_one_has_none() -> None:
    assert dime.neighbours(np.array([[0.0], [1.0]]), 0).tolist() == [1]
    assert dime.neighbours(np.array([[0.0]]), 0).tolist() == []


def test_neighbours_and_standardisation_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(50, 82)) * random.uniform(0.1, 100, size=82)
    scaled = dime.standardised(rows)
    np.testing.assert_allclose(scaled, StandardScaler().fit_transform(rows), atol=1e-9)
    _, three = NearestNeighbors(n_neighbors=3).fit(scaled).kneighbors(scaled)
    assert (three[:, 0] == np.arange(50)).all()
    assert [dime.neighbours(scaled, i).tolist() for i in range(50)] == three[:, 1:].tolist()


def test_what_does_not_vary_says_nothing() -> None:
    rows = np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]], np.float32)
    np.testing.assert_allclose(dime.standardised(rows)[:, 0], 0)
    np.testing.assert_allclose(dime.standardised(rows)[:, 1], [-np.sqrt(1.5), 0, np.sqrt(1.5)])


def test_between_is_cut_to_the_shorter() -> None:
    one, other = np.array([0.0, 1.0, 1.0]), np.array([1.0, -1.0])
    np.testing.assert_allclose(dime.between(one, other, 0.25), [0.25, 0.5])
    np.testing.assert_allclose(dime.between(one, other, 0.0), one[:2])
    np.testing.assert_allclose(dime.between(one, other, 1.0), other)


@pytest.mark.parametrize("seed", range(5))
def test_shares_add_to_one_and_keep_their_common_favourite(seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(200):
        one, other = random.dirichlet(np.full(6, 0.5), size=2)
        alpha = random.random()
        mixed = dime.shares(one, other, alpha)
        assert mixed.sum() == pytest.approx(1, abs=1e-12)
        assert (mixed >= np.minimum(one, other) - 1e-12).all()
        assert (mixed <= np.maximum(one, other) + 1e-12).all()
        if one.argmax() == other.argmax():
            assert mixed.argmax() == one.argmax()
    np.testing.assert_allclose(dime.shares(one, other, 0.0), one)


def test_counts_of_words() -> None:
    counts = dime.lexical_counts("Well, I never told nobody. Never!").tolist()
    words, different, letters, long, ends, commas, questions, shouts, negations, selves = counts
    assert (words, different, letters, long) == (6, 5, 25, 0)
    assert (ends, commas, questions, shouts) == (2, 1, 0, 1)
    assert (negations, selves) == (3, 1)
    assert not dime.lexical_counts("").any()
    assert dime.lexical_counts("\u00fcberma\u00dfig na\u00efve")[:4].tolist() == [2, 2, 14, 1]
