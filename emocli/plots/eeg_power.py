"""Band power that encoders have put into records, by electrode and band, to be averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from emocli.errors import RecordError
from emocli.io import features
from emocli.io.store import Store
from emocli.modalities.audio import span_of
from emocli.plots.talk import Part
from emocli.records import Record
from emocli.signals import eeg_bands, eeg_overview
from emocli.signals.eeg_bands import Band

POWER, ENTROPY = "band-power", "differential-entropy"
POOLINGS = ("frames", "mean")
UNIT, NORMALIZED = "dB", "z"
HINT = f"emocli encode --modality eeg --encoder {POWER}"
Array = eeg_overview.Array


@dataclass(frozen=True)
class Scheme:
    """What numbers mean: the electrodes, the bands in Hz, and the unit."""

    names: tuple[str, ...]
    bands: dict[str, Band]
    unit: str = UNIT

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of channels and of bands."""
        return len(self.names), len(self.bands)


def of_record(record: Record, store: Store, part: Part) -> tuple[Scheme, Array] | None:
    """Return the levels of a record's windows (windows, channels, bands); None without features.

    A vector is one window. Windows whose middle lies outside the part are NaN. Raises RecordError
    where features of EEG are there, but none that are by electrode and band.
    """
    found = {
        name: feature
        for name, feature in features.checked(record).items()
        if isinstance(feature, dict) and feature.get("modality") == "eeg"
    }
    if not found:
        return None
    name = next((name for name in found if found[name].get("encoder") in (POWER, ENTROPY)), "")
    if not name:
        raise _undrawable(found)
    feature = found[name]
    scheme = _scheme(name, feature)
    stream = features.read(record, name, store, math.prod(scheme.shape))
    values = stream.values if stream.values.ndim == 2 else stream.values[None]
    level = np.array(values, np.float64).reshape(len(values), *scheme.shape)
    level[~np.atleast_1d(stream.finite)] = np.nan
    if scheme.unit == UNIT:
        with np.errstate(invalid="ignore", over="ignore"):
            is_entropy = feature["encoder"] == ENTROPY
            power = eeg_overview.power_of_entropy(level) if is_entropy else level
        level = np.asarray(eeg_overview.decibels(power), np.float64)
    level[_outside(record, feature, len(level), part)] = np.nan
    return scheme, level


def _undrawable(found: Record) -> RecordError:
    encoder = str(next(iter(found.values())).get("encoder"))
    if encoder == "asymmetry":
        message = "asymmetry is of pairs of electrodes: there is no topography of it"
    else:
        message = f"features of {encoder:.60} are not by electrode and band: no topography"
    return RecordError("no_band_power", message, hint=HINT)


def _scheme(name: str, feature: Record) -> Scheme:
    """Return what the numbers of a feature mean; RecordError where it does not say."""
    pooling = feature.get("pooling")
    if pooling not in POOLINGS:
        message = f"features.{name} has the pooling {pooling!r:.40}, which is no mean of windows"
        raise RecordError("bad_pooling", message, hint=f"{HINT} --pooling frames")
    try:
        listed: Any = feature["channels"]
        names = tuple(str(channel) for channel in listed)
        listed = feature.get("bands") or eeg_bands.LISTED  # those of an encoder without settings
        bands = {str(n): (float(low), float(high)) for n, (low, high) in listed.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        message = f"features.{name} does not say its channels and bands as encode does"
        raise RecordError("bad_feature", message, hint=HINT) from None
    if len(set(names)) < len(names):
        raise RecordError("bad_feature", f"features.{name} has a channel twice", hint=HINT)
    return Scheme(names, bands, NORMALIZED if feature.get("normalized") else UNIT)


def _outside(record: Record, feature: Record, count: int, part: Part) -> Any:
    """Say which windows do not have their middle in the part, (windows,)."""
    if part == (None, None):
        return np.zeros(count, np.bool_)
    first, last = (edge if edge is not None else end for edge, end in zip(part, ENDS, strict=True))
    start, end = span_of(record)
    prepared = feature.get("prepared")
    window, overlap = (_seconds(prepared, name) for name in ("window_s", "overlap_s"))
    if feature.get("pooling") == "frames" and window > overlap:
        middles = (start or 0.0) + np.arange(count) * (window - overlap) + window / 2
    else:
        middles = np.full(count, ((start or 0.0) + (start or 0.0 if end is None else end)) / 2)
    return (middles < first) | (middles > last)


ENDS = (-math.inf, math.inf)


def _seconds(prepared: Any, name: str) -> float:
    value = prepared.get(name) if isinstance(prepared, dict) else None
    return float(value) if isinstance(value, int | float) else 0.0
