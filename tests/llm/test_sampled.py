"""A classifier sampled: softmax(z / T + bias), against the formula and by frequency."""

import numpy as np
import pytest
from scipy import special, stats

from emocli.llm import sampled

P = [0.6, 0.3, 0.1]
VOICE = [0.2, 0.2, 0.6]


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("leans", [{}, {"audio": 1.0}, {"audio": 0.5, "text": 0.5}])
def test_it_is_the_formula(temperature, leans):
    bias = leans.get("audio", 0) * np.log(VOICE)  # there is no text
    expected = special.softmax(np.log(P) / temperature + bias)
    shares = sampled.distribution(P, {"audio": VOICE}, leans, temperature)
    np.testing.assert_allclose(shares, expected, rtol=1e-12)


def test_cold_is_the_likeliest_and_a_lean_moves_a_hot_rater():
    assert sampled.distribution(P, {}, {}, 0.1)[0] > 0.999
    leaning = sampled.distribution(P, {"audio": VOICE}, {"audio": 1.0}, 1.0)
    assert leaning[2] > P[2]
    np.testing.assert_allclose(sampled.distribution(P, {"audio": VOICE}, {}, 1.0), P)


def test_a_probability_of_zero_is_a_small_one():
    assert np.isfinite(sampled.distribution([1.0, 0.0], {}, {}, 0.1)).all()


def test_labels_are_drawn_as_often_as_they_should_be():
    drawn = np.bincount([sampled.draw(np.array(P), seed) for seed in range(5000)], minlength=3)
    assert stats.chisquare(drawn, 5000 * np.array(P)).pvalue > 0.001


def test_the_last_label_is_drawn_where_rounding_leaves_a_gap():
    assert {sampled.draw(np.array([0.0, 1.0 - 1e-9]), seed) for seed in range(50)} == {1}
