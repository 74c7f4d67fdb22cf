"""How much a picture of a face counts: by its size, how sharp it is, and the detector's score."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from emocli.signals import face_averages, face_quality
from tests.encoders import tiny_faces

FACE = tiny_faces.draw((112, 112), ((0.5, 0.5, 0.48),))


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    values = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    small = F.interpolate(values, (size, size), mode="bilinear", antialias=True)
    return small[0].permute(1, 2, 0).round().numpy().astype(np.uint8)


def blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    """The picture after a Gaussian of so many pixels."""
    reach = np.arange(-int(4 * sigma), int(4 * sigma) + 1)
    kernel = torch.from_numpy(np.exp(-0.5 * (reach / sigma) ** 2)).float()
    kernel /= kernel.sum()
    values = torch.from_numpy(picture).permute(2, 0, 1)[:, None].float()
    half = len(reach) // 2
    values = F.pad(values, (half, half, half, half), mode="replicate")
    values = F.conv2d(F.conv2d(values, kernel[None, None, None]), kernel[None, None, :, None])
    return values[:, 0].permute(1, 2, 0).numpy().astype(np.uint8)


def test_a_sharp_frontal_face_counts_fully() -> None:
    assert face_quality.weight(FACE, 0.8) == 1.0


def test_the_smaller_the_less() -> None:
    found = [face_quality.weight(resized(FACE, px)) for px in (64, 32, 24, 18, 16, 8)]
    assert found == sorted(found, reverse=True)
    assert found[:2] == [1.0, 1.0]
    assert 0 < found[2] < 1
    assert found[4:] == [0.0, 0.0]


def test_the_more_blurred_the_less() -> None:
    found = [face_quality.weight(blurred(FACE, 112 * part)) for part in (0.02, 0.03, 0.04)]
    assert found[0] == 1.0
    assert found[0] > found[1] > found[2] == 0.0


@pytest.mark.parametrize(("score", "expected"), [(0.5, 0.0), (0.6, 0.5), (0.7, 1.0), (0.99, 1.0)])
def test_a_face_that_the_detector_doubts_counts_less(score: float, expected: float) -> None:
    assert face_quality.weight(FACE, score) == pytest.approx(expected)


def test_roughness_of_white_noise_is_six() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 1), np.uint8).repeat(3, 2)
    assert face_quality.detail(noise) == pytest.approx(6, rel=0.1)  # 1 + 4 + 1 times the variance


@pytest.mark.parametrize("shape", [(1, 1), (2, 400), (400, 1), (32, 32)])
def test_what_shows_nothing_counts_nothing(shape: tuple[int, int]) -> None:
    assert face_quality.weight(np.full((*shape, 3), 90, np.uint8)) == 0.0


def test_many_seconds_outweigh_the_doubt_and_few_do_not() -> None:
    def left(seconds: int, weight: float = 1.0) -> float:
        times, ones = np.arange(2 * seconds) / 2, np.ones((2 * seconds, 1))
        return float(face_averages.shrunk(times, ones, np.full(2 * seconds, weight))[0])

    assert left(1) == pytest.approx(2 / 3)
    assert left(10) == pytest.approx(10 / 10.5)
    assert left(10, 0.05) == pytest.approx(0.5)
    assert left(10, 0.0) == 0.0


def test_each_second_counts_once_and_poor_frames_count_less() -> None:
    times = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    values = np.array([[1.0], [1.0], [1.0], [1.0], [4.0]])
    even = face_averages.shrunk(times, values, np.ones(5))
    assert even.tolist() == [5 / 2.5]
    poor = face_averages.shrunk(times, values, np.array([1, 1, 1, 1, 0.5]))
    assert poor.tolist() == [(1 + 2) / (1 + 0.5 + 0.5)]
