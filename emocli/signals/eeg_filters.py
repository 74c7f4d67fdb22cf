"""Filter and resample a recording that comes in blocks: what mne does to one held in memory.

The filters are designed by mne (linear phase, Hamming window, its default transition bands) and
applied without shift, with the ends of the recording mirrored as mne does it. Resampling is mne's
polyphase method. Memory depends on the length of the filter, not on that of the recording.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError

Array = npt.NDArray[np.float64]

HARMONICS_BELOW = 0.95  # of half the rate: a notch needs room above it
LARGEST_DENOMINATOR = 2000  # of a ratio of rates: off by 7 ms in eight hours at most
CROSSINGS = 10  # of zero, on either side of a resampling filter: scipy's choice
KAISER = 5.0  # scipy's window


def band_pass(rate_hz: float, low_hz: float | None, high_hz: float | None) -> Array:
    """Return mne's filter (taps,) for a band; without a lower or an upper edge it is one-sided.

    Raises RecordError where the rate is too low for the band.
    """
    import mne

    if high_hz is not None and high_hz >= rate_hz / 2:
        message = f"a band up to {high_hz:g} Hz needs a rate above {2 * high_hz:g} Hz"
        hint = f"the recording has {rate_hz:g} Hz: a lower --band"
        raise RecordError("band_too_high", message, hint=hint)
    if low_hz is not None and high_hz is not None and low_hz >= high_hz:
        raise RecordError("bad_band", f"a band from {low_hz:g} to {high_hz:g} Hz is empty")
    taps = mne.filter.create_filter(None, rate_hz, low_hz, high_hz, verbose="ERROR")
    return np.asarray(taps, np.float64)


def notch(rate_hz: float, mains_hz: float) -> Array:
    """Return mne's filter (taps,) that takes out the mains and its harmonics.

    mne's widths: 1/200 of the frequency, and 0.5 Hz of transition on either side.
    """
    import mne

    places = np.arange(mains_hz, HARMONICS_BELOW * rate_hz / 2, mains_hz)
    if not len(places):
        message = f"no multiple of {mains_hz:g} Hz is below half of {rate_hz:g} Hz"
        raise RecordError("band_too_high", message, hint="leave --notch out")
    half = places / 400 + 0.5
    taps = mne.filter.create_filter(
        *(None, rate_hz, places + half, places - half),
        **{"l_trans_bandwidth": 0.5, "h_trans_bandwidth": 0.5, "verbose": "ERROR"},
    )
    return np.asarray(taps, np.float64)


def filtered(blocks: Iterable[Array], taps: Array) -> Iterator[Array]:
    """Yield the blocks (channels, time) filtered without shift; `taps` are odd in number.

    NaN must have been filled before.
    """
    from scipy.signal import oaconvolve

    half = len(taps) // 2
    for block in _extended(blocks, half, odd=True):
        yield oaconvolve(block, taps[None], mode="valid", axes=1)


def ratio(rate_hz: float, new_hz: float) -> Fraction:
    """Return the ratio of two rates in small whole numbers: within 1e-6 of what it is."""
    return Fraction(new_hz / rate_hz).limit_denominator(LARGEST_DENOMINATOR)


def reach(rate_hz: float, new_hz: float) -> int:
    """Return how many samples on either side decide a sample at another rate."""
    up, down = ratio(rate_hz, new_hz).as_integer_ratio()
    return 0 if up == down else down * math.ceil(CROSSINGS * max(up, down) / up / down)


def resampled(blocks: Iterable[Array], rate_hz: float, new_hz: float) -> Iterator[Array]:
    """Yield the blocks (channels, time) at another rate; all in all ceil(time new / old) samples.

    NaN must have been filled before.
    """
    from scipy.signal import firwin, resample_poly

    up, down = ratio(rate_hz, new_hz).as_integer_ratio()
    if up == down:
        yield from blocks
        return
    half = CROSSINGS * max(up, down)
    taps = firwin(2 * half + 1, 1 / max(up, down), window=("kaiser", KAISER))
    around = reach(rate_hz, new_hz)  # a whole number of results
    lead = around // down * up
    for block in _extended(_multiples(blocks, down), around, odd=False):
        count = -(-(block.shape[1] - 2 * around) * up // down)
        yield resample_poly(block, up, down, axis=1, window=taps)[:, lead : lead + count]


def _multiples(blocks: Iterable[Array], of: int) -> Iterator[Array]:
    """Yield the same samples in blocks of a multiple of `of` samples, but for the last one."""
    rest: Array | None = None
    for block in blocks:
        whole = block if rest is None else np.concatenate([rest, block], axis=1)
        count = whole.shape[1] // of * of
        rest = whole[:, count:]
        if count:
            yield whole[:, :count]
    if rest is not None and rest.shape[1]:
        yield rest


def _extended(blocks: Iterable[Array], reach: int, *, odd: bool) -> Iterator[Array]:
    """Yield blocks with `reach` samples of their neighbours on either side; the ends are mirrored.

    What is yielded is longer than 2 reach, and a block delayed: the last one has both its own
    samples and what lies beyond the end.
    """
    incoming = iter(blocks)
    held = _gathered(incoming, reach + 1)
    if held is None:
        return
    real = held.shape[1]  # samples of the recording at the end of `held`
    head = mirrored(held[:, ::-1], reach, odd=odd)[:, ::-1]
    held = np.concatenate([head, held], axis=1)
    block = next(incoming, None)
    while block is not None:
        whole = np.concatenate([held, block], axis=1)
        real += block.shape[1]
        block = next(incoming, None)
        if block is None or whole.shape[1] <= 2 * reach:
            held = whole
        else:
            yield whole
            held = whole[:, whole.shape[1] - 2 * reach :]
    last = held[:, -min(real, held.shape[1]) :]
    yield np.concatenate([held, mirrored(last, reach, odd=odd)], axis=1)


def _gathered(blocks: Iterator[Array], least: int) -> Array | None:
    """Return the first blocks, at least so many samples if there are as many."""
    parts: list[Array] = []
    while sum(part.shape[1] for part in parts) < least and (part := next(blocks, None)) is not None:
        parts.append(part)
    return np.concatenate(parts, axis=1) if parts else None


def mirrored(samples: Array, count: int, *, odd: bool) -> Array:
    """Return the `count` samples that follow (channels, time): mirrored at the last one, then zero.

    `odd` turns them about it too, 2 x[-1] - x[-2] and so on: mne's "reflect_limited".
    """
    back = samples[:, max(0, samples.shape[1] - 1 - count) : -1][:, ::-1]
    back = 2 * samples[:, -1:] - back if odd else back
    return np.concatenate([back, np.zeros((len(samples), count - back.shape[1]))], axis=1)


def filled(blocks: Iterable[Array]) -> Iterator[Array]:
    """Yield blocks (channels, time) whose samples are all finite: the others are interpolated.

    Linear between neighbours in a block, else the nearest, 0 where a channel has nothing; so that
    a lost sample costs the windows it lies in, not all that a filter reaches.
    """
    for block in blocks:
        finite = np.isfinite(block)
        if finite.all():
            yield block
            continue
        block = np.where(finite, block, 0.0)
        times = np.arange(block.shape[1])
        for row, there in zip(block, finite, strict=True):
            if there.any():
                row[~there] = np.interp(times[~there], times[there], row[there])
        yield block
