"""What is wrong with a sound as a whole: an impossible header, missing parts, cancelled channels.

Every decoder asks here, so that a fault is an error, or has its warning, whatever decodes the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from emocli.errors import RecordError

# Half the rate of a telephone, below any in use (Flash: 5.5 kHz), to 64 times 48 kHz, above every
# converter of audio. At 1 Hz a clip of 3 s becomes 13 hours at 16 kHz.
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 4_000, 3_072_000

MAX_CHANNELS = 64  # more than any microphone array in the corpora; a larger number is damage

# Decoded length and header may differ by it: two frames of a codec (AAC at 44.1 kHz: 23 ms) at
# either end. Our choice.
TOLERANCE_S = 0.1

# n unrelated channels, and n of which one has sound, leave 1/n of their mean energy when averaged,
# equal channels all of it. Channels cancel if less than this share of that 1/n is left: 10 dB.
CANCELLED = 0.1


def require_plausible(rate_hz: int, channels: int | None) -> None:
    """Raise RecordError decode_failed for a rate or a number of channels that no sound has."""
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        hint = f"from {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz are read; is the header damaged?"
        raise RecordError("decode_failed", f"the header says {rate_hz} Hz", hint=hint)
    if channels is not None and not 0 < channels <= MAX_CHANNELS:
        hint = f"1 to {MAX_CHANNELS} are read; is the header damaged?"
        raise RecordError("decode_failed", f"the header says {channels} channels", hint=hint)


def cancelled(mix: float, channel: float, count: int) -> str | None:
    """Return a warning if channels cancel each other when they are averaged.

    Of the energy of the average, and of a channel in the mean, over the same time.

    >>> cancelled(0.5, 1.0, 2)
    >>> cancelled(0.001, 1.0, 2)
    'the 2 channels cancel each other: their average is 30 dB below them'
    """
    if count < 2 or not mix < CANCELLED / count * channel < math.inf:
        return None
    below = f"{10 * math.log10(channel / mix):.0f} dB below them" if mix > 0 else "silence"
    return f"the {count} channels cancel each other: their average is {below}"


def missing(held_s: float, claimed_s: float) -> str | None:
    """Return a warning if clearly less is there than a header claims.

    >>> missing(2.98, 6.0)
    'decoded in part: 2.98 s of 6.00 s'
    """
    if held_s >= claimed_s - TOLERANCE_S:
        return None
    return f"decoded in part: {held_s:.2f} s of {claimed_s:.2f} s"


def told(warnings: Iterable[str | None]) -> str | None:
    """Return warnings as one, each said once; None if there is none.

    >>> told(["a", None, "b", "a"])
    'a; b'
    """
    return "; ".join(dict.fromkeys(filter(None, warnings))) or None
