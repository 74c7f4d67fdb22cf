"""Cut a long recording into stretches, in the pauses between words whose times are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LONGEST_S = 60.0  # our choice: quick to align, and an error stays in its stretch
MARGIN_S = 1.0  # kept around words, whose times are not exact (our choice)


class Stretch(NamedTuple):
    """Words from `first` up to `last` (not included), and their span in seconds."""

    first: int
    last: int
    start: float
    end: float


def cut(
    words: Sequence[tuple[float, float]], duration_s: float, longest_s: float = LONGEST_S
) -> list[Stretch]:
    """Return stretches of at most `longest_s` and margins, cut in pauses of their later halves.

    `words` has the start and end of each word, in order. Silences longer than two margins are left
    out; a stretch exceeds the limit only where a single word does.

    >>> cut([(0.0, 1.0), (1.1, 2.0), (3.0, 4.0)], 5.0, 3.0)
    [Stretch(first=0, last=2, start=0.0, end=2.5), Stretch(first=2, last=3, start=2.5, end=5.0)]
    """
    stretches: list[Stretch] = []
    first, before = 0, 0.0
    while first < len(words):
        last = _last(words, first, longest_s)
        after = duration_s
        if last < len(words):
            after = (words[last - 1][1] + words[last][0]) / 2
        start = max(before, words[first][0] - MARGIN_S)
        end = max(min(after, words[last - 1][1] + MARGIN_S, duration_s), start)
        stretches.append(Stretch(first, last, start, end))
        first, before = last, end
    return stretches


def _last(words: Sequence[tuple[float, float]], first: int, longest_s: float) -> int:
    """Return the word before which the stretch that begins with `first` ends."""
    start = words[first][0]
    last = first + 1
    while last < len(words) and words[last][1] <= start + longest_s:
        last += 1
    if last == len(words):
        return last
    late = [i for i in range(first + 1, last + 1) if words[i - 1][1] >= start + longest_s / 2]
    return max(late or [last], key=lambda i: (words[i][0] - words[i - 1][1], i))
