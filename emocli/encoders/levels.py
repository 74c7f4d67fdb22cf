"""Check audio and normalise its level, before any encoder."""

from __future__ import annotations

import numpy as np

from emocli.errors import RecordError

SAMPLE_RATE = 16_000  # hertz
SHORTEST = SAMPLE_RATE // 10  # samples; below 0.1 s Whisper has under five frames (our choice)

LEVEL_DBFS = -26.0  # RMS after normalisation; active speech level of ITU-T P.56 practice
LEVEL_MAX_GAIN_DB = 40.0  # quieter than -66 dBFS is noise: do not raise it to speech (our choice)
SILENCE_DBFS = -90.0  # below one step of 16-bit audio


def normalise_level(samples: np.ndarray, target_dbfs: float = LEVEL_DBFS) -> np.ndarray:
    """Scale float32 `samples` (time,) to an RMS of `target_dbfs`; silence stays as it is.

    The gain is capped at `LEVEL_MAX_GAIN_DB`, and peaks are left to exceed 1: no clipping.
    """
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    if rms <= 10 ** (SILENCE_DBFS / 20):
        return samples
    gain_db = min(target_dbfs - 20 * np.log10(rms), LEVEL_MAX_GAIN_DB)
    return (samples * np.float32(10 ** (gain_db / 20))).astype(np.float32, copy=False)


def require_length(samples: np.ndarray) -> None:
    """Raise RecordError `too_short` under 0.1 s."""
    if len(samples) < SHORTEST:
        message = f"{len(samples) / SAMPLE_RATE:.3f} s of audio is too short to encode"
        raise RecordError("too_short", message, hint=f"at least {SHORTEST / SAMPLE_RATE} s")


def require_usable(samples: np.ndarray) -> None:
    """Raise RecordError `too_short` under 0.1 s, `not_finite` where there is NaN or infinity."""
    require_length(samples)
    if not np.isfinite(samples).all():
        raise RecordError("not_finite", "the samples contain NaN or infinity")
