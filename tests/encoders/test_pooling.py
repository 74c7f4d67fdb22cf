"""Seven statistics of frames are numpy's, whichever way the frames come."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emocli.encoders import pooling
from emocli.errors import ConfigError

FRAMES = np.random.default_rng(0).gamma(0.7, size=(41, 6)).astype(np.float32)  # skewed


def test_statistics_are_all_means_then_all_deviations_then_percentiles():
    statistics = pooling.statistics(FRAMES).reshape(2 + len(pooling.PERCENTILES), 6)
    assert statistics.dtype == np.float32
    np.testing.assert_allclose(statistics[0], FRAMES.sum(0) / 41, rtol=1e-6)
    np.testing.assert_allclose(
        statistics[1], np.sqrt(np.square(FRAMES - statistics[0]).mean(0)), rtol=1e-5
    )
    ordered = np.sort(FRAMES, axis=0)  # of 41 frames each of these percentiles is a frame itself
    np.testing.assert_array_equal(statistics[2:], ordered[[4, 10, 20, 30, 36]])


def test_one_frame_is_every_percentile_and_does_not_deviate():
    statistics = pooling.statistics(FRAMES[:1]).reshape(7, 6)
    np.testing.assert_array_equal(statistics[1], 0)
    np.testing.assert_array_equal(statistics[[0, 2, 3, 4, 5, 6]], np.tile(FRAMES[0], (6, 1)))


@pytest.mark.parametrize("name", pooling.POOLINGS)
def test_frames_may_come_in_pieces(name):
    states = torch.from_numpy(FRAMES).unflatten(1, (2, 3)).transpose(0, 1)  # (layers, time, dim)
    at_once, parts = pooling.pieces(name), pooling.pieces(name)
    at_once.add(states)
    for part in states.split([1, 25, 15], dim=1):
        parts.add(part)
    np.testing.assert_allclose(parts.result(name), at_once.result(name), rtol=1e-5)
    if name == "statistics":
        np.testing.assert_array_equal(at_once.result(name), pooling.statistics(FRAMES))


def test_a_pooling_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="unknown pooling 'median'"):
        pooling.pieces("median")
