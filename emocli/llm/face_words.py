"""The expression of a face over time in words, and its peak: templated, of what was measured.

After the annotation of MMEVerse (Emotion-LLaMAv2, 2026, https://arxiv.org/abs/2601.16449), which
takes the frame where a face moves most. Our choices: the peak is the moment with the largest
probability of another expression than neutral, the first of equal ones; what looks the same is told
once; a probability below 40 % is told as faint; all wordings. They are measurements of a small
network: they say what it sees, not what anybody feels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

NEUTRAL = "neutral"
FAINT = 0.4  # what a face is said to show faintly, with less
MOST = 6  # changes that are told; more are counted
SHOWN = {
    "neutral": "no expression", "joy": "joy", "sadness": "sadness", "anger": "anger",
    "fear": "fear", "disgust": "disgust", "surprise": "surprise",
}  # fmt: skip


class Moment(NamedTuple):
    """What a face shows from `start` to `end`, in seconds: probabilities by emotion."""

    start: float
    end: float
    shares: Mapping[str, float]


class Peak(NamedTuple):
    """When a face shows most: its place among the moments, how much, and of which emotion."""

    place: int
    intensity: float
    emotion: str


def peak(moments: Sequence[Moment]) -> Peak | None:
    """Return the peak of some moments, None without any.

    >>> glad = Moment(1, 2, {"neutral": 0.2, "joy": 0.8})
    >>> peak([Moment(0, 1, {"neutral": 0.9, "joy": 0.1}), glad])
    Peak(place=1, intensity=0.8, emotion='joy')
    """
    rest = [sum(v for k, v in m.shares.items() if k != NEUTRAL) for m in moments]
    if not rest:
        return None
    place = max(range(len(rest)), key=lambda i: (round(rest[i], 6), -i))
    others = {k: v for k, v in moments[place].shares.items() if k != NEUTRAL}
    strongest = max(others, key=lambda name: others[name])
    return Peak(place, round(rest[place], 4), strongest)


def words(moments: Sequence[Moment], most: Peak | None, at: float) -> str | None:
    """Return what a face shows over time, None where there is none; `most` is its peak, at `at` s.

    >>> shown = [Moment(0, 1, {"neutral": 0.9, "joy": 0.1}), Moment(1, 2, {"joy": 0.8})]
    >>> words(shown, Peak(3, 0.9, "joy"), 1.5)
    'The face shows no expression from 0.0 to 1.0 s, then joy until 2.0 s; most at 1.5 s (joy).'
    """
    if not moments or most is None:
        return None
    runs = [(name, list(run)) for name, run in groupby(moments, key=_shown)]
    (name, first), *rest = runs[:MOST]
    told = [f"The face shows {name} from {first[0].start:.1f} to {first[-1].end:.1f} s"]
    told += [f"{name} until {run[-1].end:.1f} s" for name, run in rest]
    if len(runs) > MOST:
        told.append(f"{len(runs) - MOST} more changes")
    return f"{', then '.join(told)}; most at {at:.1f} s ({SHOWN.get(most.emotion, most.emotion)})."


def _shown(moment: Moment) -> str:
    emotion = max(moment.shares, key=lambda name: moment.shares[name])
    name = SHOWN.get(emotion, emotion)
    return f"faint {name}" if emotion != NEUTRAL and moment.shares[emotion] < FAINT else name
