"""Interpolate electrodes that are not there, or are bad, from those that are: spherical splines.

Perrin, F., Pernier, J., Bertrand, O., Echallier, J. F. (1989). Spherical splines for scalp
potential and current density mapping. https://doi.org/10.1016/0013-4694(89)90180-6

Stiffness, number of terms and regularisation are mne's, so are the numbers. Our choice: the middle
of the head is that of the sphere through all positions of the standard, whatever a recording has of
them, so that the same electrodes have the same matrix in every recording; mne fits it to those of a
recording.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError
from emocli.signals import eeg_montage

Matrix = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

STIFFNESS = 4  # Perrin's m
TERMS = 50  # of the Legendre series: they fall as n^-7
REGULARISATION = 1e-5  # added to the spline of an electrode with itself


def interpolation(known: Sequence[str], wanted: Sequence[str]) -> Matrix:
    """Return the matrix (wanted, known) that makes wanted electrodes out of known ones.

    Names are those of `eeg_montage.electrode`. What is wanted and known is handed on; known ones
    without a position (CB1, CB2) take no part. Rows sum up to 1. The matrix is read-only, and kept
    for the next call.

    Raises RecordError where a wanted one has no position, or no known one has.
    """
    return _matrix(tuple(known), tuple(wanted))


@functools.lru_cache(maxsize=256)
def _matrix(known: tuple[str, ...], wanted: tuple[str, ...]) -> Matrix:
    """Return the matrix of two sets of names, in their order."""
    found = np.zeros((len(wanted), len(known)))
    made = [place for place, name in enumerate(wanted) if name not in known]
    for place, name in enumerate(wanted):
        if name in known:
            found[place, known.index(name)] = 1.0
    if made:
        placed = [place for place, name in enumerate(known) if name in eeg_montage.positions()]
        splines = _splines(_places([known[p] for p in placed]), _places([wanted[p] for p in made]))
        found[np.ix_(made, placed)] = splines
    matrix = found.astype(np.float32)
    matrix.flags.writeable = False
    return matrix


def _splines(known: Array, wanted: Array) -> Array:
    """Return the matrix (wanted, known) of unit vectors (electrodes, 3)."""
    count = len(known)
    if not count:
        raise RecordError("no_electrodes", "no electrode with a position to interpolate from")
    among = np.ones((count + 1, count + 1))
    among[:count, :count] = _spline(known @ known.T) + REGULARISATION * np.eye(count)
    among[count, count] = 0.0
    towards = np.concatenate([_spline(wanted @ known.T), np.ones((len(wanted), 1))], axis=1)
    return np.asarray((towards @ np.linalg.pinv(among))[:, :count])


def _spline(cosines: Array) -> Array:
    """Return Perrin's g of the cosines of the angles between electrodes."""
    n = np.arange(1, TERMS + 1)
    factors = (2 * n + 1) / (n * (n + 1.0)) ** STIFFNESS / (4 * np.pi)
    return np.asarray(np.polynomial.legendre.legval(cosines, [0.0, *factors]))


def _places(names: Sequence[str]) -> Array:
    """Return where electrodes are on the sphere, unit vectors (electrodes, 3)."""
    there = eeg_montage.positions()
    if strange := [name for name in names if name not in there]:
        message = f"{eeg_montage.shown(strange)} has no position in the 10-05 system"
        hint = "it can't be interpolated: leave it out with --channels"
        raise RecordError("no_position", message, hint=hint)
    from_middle = np.array([there[name] for name in names]).reshape(-1, 3) - middle()
    return np.asarray(from_middle / np.linalg.norm(from_middle, axis=1, keepdims=True))


@functools.cache
def middle() -> Array:
    """Return the middle (3,) in m of the sphere that fits the standard's positions best.

    |p|^2 = 2 p c + (r^2 - |c|^2) is linear in what is unknown.
    """
    places = np.array(list(eeg_montage.positions().values()))
    unknown = np.concatenate([2 * places, np.ones((len(places), 1))], axis=1)
    return np.asarray(np.linalg.lstsq(unknown, (places**2).sum(1), rcond=None)[0][:3])
