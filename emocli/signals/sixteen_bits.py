"""Round samples to 16 bits, and count those that 16 bits cannot hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FULL_SCALE = 32768  # of 16 bits; 16-bit sources stay unchanged
BLOCK = 160_000  # samples rounded at a time, 10 s: a copy of an hour takes 230 MB

# Beyond it a sample is changed by more than the rounding of +1, which 16 bits lack.
LARGEST = 1 + 1 / FULL_SCALE

# Lossy codecs and resampling overshoot full scale now and then on loud sound. Not told of them:
# one sample in a thousand, 0.1 s in all. Our choice. Of floats that a program wrote, all is told.
OVERSHOOT_SHARE, OVERSHOOT_SAMPLES = 0.001, 1600

FLOATS = ("FLOAT", "DOUBLE", "pcm_f")  # how libsndfile and FFmpeg call uncompressed floats


def quantise(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.int16]:
    """Round samples (time,) in -1..1 to 16 bits: clip(round(32768 x), -32768, 32767).

    Idempotent: stored samples and samples decoded in this process are the same numbers.

    >>> quantise(np.array([-2.0, -1.0, 0.0, 0.5, 1.0])).tolist()
    [-32768, -32768, 0, 16384, 32767]
    """
    rounded = np.empty(samples.shape, np.int16)
    for at in range(0, len(samples), BLOCK):
        scaled = samples[at : at + BLOCK] * FULL_SCALE
        np.rint(scaled, out=scaled)
        rounded[at : at + BLOCK] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=scaled)
    return rounded


def may_be_clipped(values: npt.NDArray[np.int16], encoding: str) -> bool:
    """Say whether samples that another program rounded to 16 bits have to be looked at as floats.

    Uncompressed floats always: they may be no numbers either, which are 0 or full scale then.
    """
    if encoding.startswith(FLOATS):
        return True
    largest = np.count_nonzero(values == FULL_SCALE - 1) + np.count_nonzero(values == -FULL_SCALE)
    return clipped_too_often(int(largest), len(values), encoding)


def clipped_too_often(count: int, total: int, encoding: str) -> bool:
    """Say whether so many samples at or beyond full scale, of so many, are worth a warning."""
    if encoding.startswith(FLOATS):
        return count > 0
    return count > min(OVERSHOOT_SHARE * total, OVERSHOOT_SAMPLES)


def scaled(values: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Return 16-bit samples as floats in -1..1."""
    samples = values.astype(np.float32)
    samples /= FULL_SCALE
    return samples


def numbers(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return samples with 0 for NaN, and full scale for infinity."""
    return np.nan_to_num(samples, posinf=1.0, neginf=-1.0)


def rounded(
    samples: npt.NDArray[np.float32], encoding: str
) -> tuple[npt.NDArray[np.int16], list[str]]:
    """Return samples (time,) in 16 bits, and what of them 16 bits cannot hold."""
    odd = int(np.count_nonzero(~np.isfinite(samples)))
    quantiser = Quantiser(encoding)
    values = quantiser(numbers(samples) if odd else samples)
    told = [f"{odd} samples are NaN or infinity"] if odd else []
    return values, [*told, *quantiser.warnings]


class Quantiser:
    """Rounds blocks (time,) to 16 bits; `warnings` says what of them 16 bits cannot hold."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.total = self.beyond = 0
        self.peak = 0.0

    def __call__(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
        """Return a block of finite samples in 16 bits."""
        values = quantise(block)
        self.total += len(values)
        if len(values) and (values.max() == FULL_SCALE - 1 or values.min() == -FULL_SCALE):
            levels = np.abs(block)
            self.beyond += int(np.count_nonzero(levels > LARGEST))
            self.peak = max(self.peak, float(levels.max()))
        return values

    @property
    def warnings(self) -> list[str]:
        """What is told of the blocks so far."""
        if not clipped_too_often(self.beyond, self.total, self.encoding):
            return []
        share = 100 * self.beyond / self.total
        text = f"{self.beyond} samples ({share:.2g} %) beyond full scale are clipped"
        return [f"{text}; the peak is {self.peak:.4g}"]
