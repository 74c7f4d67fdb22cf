"""The bounds of shares that nobody or everybody has, against scipy's exact binomial test."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emocli.metrics import proportions


@pytest.mark.parametrize("n", [2, 5, 30, 1000])
def test_bounds_are_those_of_clopper_and_pearson(n: int) -> None:
    low, high = proportions.all_or_none(np.array([0.0, 1.0]), np.ones(n))
    for place, count in enumerate((0, n)):
        exact = stats.binomtest(count, n).proportion_ci(0.95, "exact")
        np.testing.assert_allclose((low[place], high[place]), exact, atol=1e-12)


def test_other_shares_and_single_units_have_no_bounds() -> None:
    assert np.isnan(proportions.all_or_none(np.array([0.5, np.nan]), np.ones(9))).all()
    assert np.isnan(proportions.all_or_none(np.array([0.0, 1.0]), np.ones(1))).all()
    assert np.isnan(proportions.all_or_none(np.array([0.0]), np.array([5.0, 0.0]))).all()
    assert np.isnan(proportions.all_or_none(np.array([0.0]), np.zeros(3))).all()


def test_unequal_weights_count_as_fewer_units() -> None:
    assert proportions.effective(np.full(8, 3.0)) == pytest.approx(8)
    assert proportions.effective(np.array([9.0, 1.0])) == pytest.approx(100 / 82)
    equal = proportions.all_or_none(np.array([0.0]), np.ones(10))
    unequal = proportions.all_or_none(np.array([0.0]), np.arange(1.0, 11.0))
    assert unequal[1, 0] > equal[1, 0]
