"""z-scores against scipy, and where nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from emocli.signals.z_scores import moments, z_scores


def test_scores_are_scipy_s_whatever_the_pieces() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(1e4, [1.0, 1e-2, 300.0], size=(50, 3))
    full, pieces = moments([rows]), moments([rows[:1], rows[1:7], rows[7:]])
    np.testing.assert_allclose(z_scores(rows, full), stats.zscore(rows), atol=1e-5)
    np.testing.assert_allclose(pieces.mean, full.mean, rtol=1e-12)
    np.testing.assert_allclose(pieces.deviation, rows.std(axis=0), rtol=1e-9)


def test_what_never_changes_is_zero() -> None:
    rows = np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]], np.float32)
    scores = z_scores(rows, moments([rows]))
    assert scores[:, 0].tolist() == [0, 0, 0]
    assert scores[:, 1] == pytest.approx([-1.2247449, 0, 1.2247449])


def test_rows_that_are_no_numbers_do_not_count() -> None:
    rows = np.array([[1.0, 2.0], [np.nan, 5.0], [3.0, 4.0]])
    assert moments([rows, np.full((2, 2), np.inf)]).mean.tolist() == [2.0, 3.0]
