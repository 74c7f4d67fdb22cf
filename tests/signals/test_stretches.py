"""Long recordings are cut in pauses."""

from __future__ import annotations

import numpy as np

from emocli.signals import stretches


def test_every_word_is_in_one_stretch_with_margins() -> None:
    random = np.random.default_rng(0)
    times, words = 0.0, []
    for _ in range(2000):
        start = times + float(random.choice([0.0, 0.1, 0.8, 5.0], p=[0.6, 0.3, 0.09, 0.01]))
        times = start + float(random.uniform(0.1, 0.6))
        words.append((start, times))
    pieces = stretches.cut(words, times + 3.0)
    assert [s.first for s in pieces] == [0, *(s.last for s in pieces[:-1])]
    assert pieces[-1].last == len(words)
    before = 0.0
    for stretch in pieces:
        inside = words[stretch.first : stretch.last]
        assert before <= stretch.start <= inside[0][0]
        assert inside[-1][1] <= stretch.end
        assert stretch.end - stretch.start <= stretches.LONGEST_S + 2 * stretches.MARGIN_S
        before = stretch.end
    pauses = [words[s.last][0] - words[s.last - 1][1] for s in pieces[:-1]]
    assert min(pauses) > 0.7  # not within a phrase, since every half minute has a pause


def test_words_that_overlap_or_never_end_do_no_harm() -> None:
    assert stretches.cut([], 5.0) == []
    one = stretches.cut([(0.0, 200.0)], 200.0)
    assert [(s.first, s.last, s.start, s.end) for s in one] == [(0, 1, 0.0, 200.0)]
    odd = [(0.0, 50.0), (40.0, 45.0), (100.0, 90.0), (95.0, 190.0)]
    pieces = stretches.cut(odd, 120.0)
    assert [s.first for s in pieces] == [0, *(s.last for s in pieces[:-1])]
    assert all(s.start <= s.end <= 190.0 for s in pieces)
