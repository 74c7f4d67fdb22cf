"""The pitch of `prosody` against a laryngograph: 50 sentences of the FDA evaluation database.

P. C. Bagshaw, "Automatic prosodic analysis for computer aided pronunciation teaching", PhD thesis,
Edinburgh 1994. Gross pitch errors: frames voiced in both whose pitch is out by more than 20 %.
Voicing errors: frames voiced in one and not in the other.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from emocli.signals import audio, tracks

HOP_S = 0.015  # of the reference
GROSS = 0.2
GROSS_BAR, VOICING_BAR = 1.0, 7.0  # percent


def run() -> list[dict]:
    """Return a row for gross pitch errors and one for voicing errors, in percent."""
    folder = Path(os.environ.get("EMOCLI_DATA", ""), "fda_pitch")
    references = sorted(folder.glob("*.f0ref"))
    if not os.environ.get("EMOCLI_DATA") or not references:
        return [{"name": "pitch: skipped, EMOCLI_DATA has no fda_pitch/", "ok": True}]
    pairs = [_pair(path) for path in references]
    known, found = (np.concatenate(column) for column in zip(*pairs, strict=True))
    both = (known > 0) & (found > 0)
    gross = 100 * float(np.mean(np.abs(found[both] / known[both] - 1) > GROSS))
    voicing = 100 * float(np.mean((known > 0) != (found > 0)))
    what = f"pitch of {len(pairs)} sentences against a laryngograph"
    return [
        _row(f"{what}: gross errors (20 %)", gross, GROSS_BAR),
        _row(f"{what}: voicing errors", voicing, VOICING_BAR),
    ]


def _pair(reference: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the pitch that is known and the one that is found (frames,), 0 where unvoiced."""
    known = np.loadtxt(reference)
    samples = audio.read(reference.with_suffix(".wav")).samples
    found = tracks.follow(samples, audio.SAMPLE_RATE_HZ)
    frames = np.rint((np.arange(len(known)) * HOP_S - found.times[0]) / tracks.PITCH_STEP_S)
    return known, found.f0_hz[np.clip(frames.astype(int), 0, len(found.f0_hz) - 1)]


def _row(name: str, value: float, bar: float) -> dict:
    row = {"name": name, "value": value, "unit": "%", "bar": bar, "ok": value <= bar}
    return row | {"peer": None, "peer_value": None, "ratio": None}


if __name__ == "__main__":
    for line in run():
        print(line)
