"""Which channels beside EEG a recording has: by their names, and by their rates.

A file of EDF, BDF or GDF may hold channels of several rates. mne brings all to the greatest rate,
block by block, which bends the samples at the edge of every block that is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from emocli.errors import printable
from emocli.signals import eeg_montage


def kind_of(name: str) -> str:
    """Return the type of mne of a channel, by its name.

    >>> kind_of("Fp1"), kind_of("hEOG"), kind_of("Temp")
    ('eeg', 'eog', 'misc')
    """
    return eeg_montage.other_kind(name) or "eeg"


def of_other_rates(raw: Any) -> dict[str, float]:
    """Return the channels of a recording of mne whose rate is not that of the EEG -> rate in Hz.

    A channel of triggers that is slower than the EEG stays: mne repeats its values.
    """
    about = raw._raw_extras[0] if raw._raw_extras else None
    if not isinstance(about, Mapping) or not {"n_samps", "sel", "max_samp"} <= set(about):
        return {}
    counts = [int(count) for count in about["n_samps"][about["sel"]]]
    if len(counts) != len(raw.ch_names) or len(set(counts)) < 2:
        return {}
    kinds = raw.get_channel_types()
    per_record = dict(zip(raw.ch_names, counts, strict=True))
    names = [name for name, kind in zip(raw.ch_names, kinds, strict=True) if kind == "eeg"]
    if not names:
        return {}
    own = eeg_count(names, per_record)
    triggers = {name for name, kind in zip(raw.ch_names, kinds, strict=True) if kind == "stim"}
    record_s = float(about["record_length"][0]) / float(about["record_length"][1])
    return {
        name: count / record_s
        for name, count in per_record.items()
        if count != own and not (name in triggers and count < own)
    }


def eeg_count(names: Sequence[str], counts: Mapping[str, int]) -> int:
    """Return the samples per record of the EEG: of most electrodes, or the greater of two.

    >>> eeg_count(["C3", "C4", "ECG", "SpO2", "Pulse"], {"C3": 256, "C4": 256, "ECG": 512} |
    ...     {"SpO2": 1, "Pulse": 1})
    256
    """
    likely = [name for name in names if is_electrode(name)]
    likely = likely or [name for name in names if kind_of(name) == "eeg"] or list(names)
    times = Counter(counts[name] for name in likely)
    return max(times, key=lambda count: (times[count], count))


def is_electrode(name: str) -> bool:
    """Say whether a channel is named after an electrode, or begins with EEG."""
    return bool(eeg_montage.electrode(name)) or name.casefold().startswith("eeg")


def told(rates: Mapping[str, float]) -> list[str]:
    """Return what to say of channels that are left out for their rate: only of electrodes."""
    electrodes = [name for name in rates if is_electrode(name)]
    if not electrodes:
        return []
    names = eeg_montage.shown(electrodes)
    return [f"left out, since most electrodes have another rate: {names}"]


def in_memory(raw: Any) -> str:
    """Return what to say where a recording is read as a whole, so that blocks are not bent."""
    size = 8e-6 * raw.n_times * len(raw.ch_names)
    rate = raw.info["sfreq"]
    return f"channels of several rates, all brought to {rate:g} Hz in memory ({size:.0f} MB)"


def named(rates: Mapping[str, float]) -> list[str]:
    """Return the channels for a list of what is no EEG.

    >>> named({"ECG": 512.0})
    ['ECG (512 Hz)']
    """
    return [f"{printable(name)} ({rate:g} Hz)" for name, rate in rates.items()]
