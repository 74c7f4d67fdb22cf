"""Fit norms of prosody: statistics of speakers and vowel types, and quintile edges.

`prosody_norms` describes the model and its sources.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from emocli.signals import prosody_norms
from emocli.signals.prosody_norms import ANY, Norms, Spread, spread

QUINTILES = (0.2, 0.4, 0.6, 0.8)
DIGITS = 5  # after the point, in the file

# Men's and women's medians differ by about 10 semitones (Traunmueller & Eriksson 1994): if
# the two groups of speakers are closer than this, there is one register.
MIN_REGISTERS_APART_ST = 6.0

Pairs = list[tuple[str | None, dict[str, float | None]]]  # a speaker or None, and values


class Utterance(NamedTuple):
    """One utterance to fit on: the fields of `prosody` and of its vowels."""

    speaker: str | None
    language: str
    prosody: dict[str, Any]
    vowels: list[dict[str, Any]]


def fit(utterances: Sequence[Utterance]) -> dict[str, Any]:
    """Return norms as they are written to a file, independent of the order of utterances.

    Speakers' statistics first, then those of the vowel types over z by speaker, then the
    quintiles of z by type: all in the same way as they are applied later.
    """
    content = _empty(utterances)
    _add_speakers(content, utterances)
    norms = Norms(content)
    utterance_pairs: Pairs = []
    vowel_pairs: Pairs = []
    kinds: list[tuple[str, str | None]] = []
    for utterance in utterances:
        reference_hz = norms.reference_hz(utterance.speaker, utterance.prosody.get("f0_median_hz"))
        values = prosody_norms.utterance_values(utterance.prosody, reference_hz)
        utterance_pairs.append((utterance.speaker, values))
        for vowel in utterance.vowels:
            values = prosody_norms.vowel_values(vowel, utterance.prosody, reference_hz)
            vowel_pairs.append((utterance.speaker, values))
            kinds.append((utterance.language, vowel.get("phone")))
    for unit, pairs in (("utterance", utterance_pairs), ("vowel", vowel_pairs)):
        _add_spreads(content, unit, pairs)
    z = [_z(norms, "vowel", pair) for pair in vowel_pairs]
    _add_types(content, kinds, z)
    typed = [
        {name: norms.of_type(name, phone, language).z(x) for name, x in values.items()}
        for (language, phone), values in zip(kinds, z, strict=True)
    ]
    content["edges"]["vowel"] = _edges(typed)
    content["edges"]["utterance"] = _edges(
        [_z(norms, "utterance", pair) for pair in utterance_pairs]
    )
    return content


def registers_hz(medians_hz: Iterable[float]) -> list[float]:
    """Return the pitch of low and of high voices, or of all if there are not two groups.

    Splits the sorted medians (in semitones) to minimise the squares within both parts.
    """
    values = np.sort([prosody_norms.semitones(hertz, 1.0) for hertz in medians_hz])
    if not len(values):
        return []
    splits = [(values[:i], values[i:]) for i in range(1, len(values))]
    centres = [float(values.mean())]
    if splits:
        low, high = min(splits, key=lambda parts: sum(len(p) * float(p.var()) for p in parts))
        if high.mean() - low.mean() >= MIN_REGISTERS_APART_ST:
            centres = [float(low.mean()), float(high.mean())]
    return [round(2 ** (centre / 12), DIGITS) for centre in centres]


def _empty(utterances: Sequence[Utterance]) -> dict[str, Any]:
    """Return norms with a header and nothing fitted."""
    languages = Counter(utterance.language or ANY for utterance in utterances)
    return {
        "format": prosody_norms.FORMAT,
        "version": prosody_norms.VERSION,
        "fitted_on": {
            "speakers": len({utterance.speaker for utterance in utterances} - {None}),
            "utterances": len(utterances),
            "vowels": sum(len(utterance.vowels) for utterance in utterances),
            "utterances_per_language": dict(sorted(languages.items())),
        },
        "units": prosody_norms.UNITS,
        "registers_hz": [],
        "corpus": {"utterance": {}, "vowel": {}},
        "speakers": {},
        "vowel_types": {ANY: {ANY: {}}},
        "edges": {"utterance": {}, "vowel": {}},
    }


def _add_speakers(content: dict[str, Any], utterances: Sequence[Utterance]) -> None:
    """Add registers and speakers, each with a reference shrunk towards its register's pitch."""
    medians: dict[str | None, list[float]] = defaultdict(list)
    for utterance in utterances:
        medians[utterance.speaker] += [hz for hz in [utterance.prosody.get("f0_median_hz")] if hz]
    anonymous = medians.pop(None, [])
    speaker_hz = {name: float(np.median(hertz)) for name, hertz in medians.items() if hertz}
    content["registers_hz"] += registers_hz(speaker_hz.values() or anonymous)
    for name in sorted(speaker_hz, key=str):
        register = prosody_norms.nearest(content["registers_hz"], speaker_hz[name])
        above = Spread(prosody_norms.semitones(speaker_hz[name], register), 0.0, len(medians[name]))
        shift = prosody_norms.shrunk(above, Spread(0.0, 0.0, 0)).mean
        reference_hz = round(register * 2 ** (shift / 12), DIGITS)
        content["speakers"][name] = {"reference_hz": reference_hz, "utterance": {}, "vowel": {}}


def _add_spreads(content: dict[str, Any], unit: str, pairs: Pairs) -> None:
    """Add the statistics of all values, and of each speaker's."""
    content["corpus"][unit].update(_table(values for _, values in pairs))
    grouped: dict[str, list[dict[str, float | None]]] = defaultdict(list)
    for speaker, values in pairs:
        if speaker in content["speakers"]:
            grouped[str(speaker)].append(values)
    for speaker, rows in grouped.items():
        content["speakers"][speaker][unit].update(_table(rows))


def _z(
    norms: Norms, unit: str, pair: tuple[str | None, dict[str, float | None]]
) -> dict[str, float]:
    speaker, values = pair
    values_z = {name: norms.z(unit, name, value, speaker) for name, value in values.items()}
    return {name: z for name, z in values_z.items() if z is not None}


def _add_types(
    content: dict[str, Any], kinds: list[tuple[str, str | None]], z: list[dict[str, float]]
) -> None:
    """Add the statistics of z by vowel type, over all languages and, if several, for each."""
    grouped: dict[str, dict[str, list[dict[str, float]]]] = defaultdict(lambda: defaultdict(list))
    several = len({language for language, _ in kinds if language}) > 1
    for (language, phone), values in zip(kinds, z, strict=True):
        for table in {ANY, language if several and language else ANY}:
            for kind in {ANY, phone or ANY}:
                grouped[table][kind].append(values)
    for table in sorted(grouped):
        content["vowel_types"][table] = {
            kind: _table(grouped[table][kind]) for kind in sorted(grouped[table])
        }


def _table(rows: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return quantity: mean, sd, count over the known values of rows."""
    columns = _columns(rows)
    spreads = {name: spread(np.sort(values).tolist()) for name, values in columns.items()}
    return {
        name: {"mean": _rounded(stats.mean), "sd": _rounded(stats.sd), "count": stats.n}
        for name, stats in spreads.items()
    }


def _edges(rows: Iterable[Any]) -> dict[str, list[float]]:
    """Return the quintiles of each quantity; none if its middle three fifths are one value."""
    quintiles = {
        name: [_rounded(float(edge)) for edge in np.quantile(values, QUINTILES)]
        for name, values in _columns(rows).items()
    }
    return {name: edges for name, edges in quintiles.items() if edges[0] < edges[-1]}


def _rounded(value: float) -> float:
    return round(value, DIGITS) + 0.0  # and -0 becomes 0


def _columns(rows: Iterable[Any]) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None:
                columns.setdefault(name, []).append(value)
    return {name: columns[name] for name in prosody_norms.UNITS if name in columns}
