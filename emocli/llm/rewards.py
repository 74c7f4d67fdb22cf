"""Verifiable rewards of a completion, from 0 to 1: of its label, its form, and what it cites.

Accuracy and form are those of VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270),
which does not reward the content of a thought; truth is ours. A completion with two answers, or
with a label outside of its block, has no label. All are plain functions of strings, which any
implementation of GRPO can call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from emocli.llm import answers
from emocli.llm.citations import citations, fact
from emocli.llm.voice_levels import LEVELS, Measured

LEAST = 3  # levels that a thought should cite; our choice


def accuracy(completion: str, gold: str, labels: Sequence[str] = ()) -> float:
    """Return 1 if the one answer of a completion is the gold label.

    >>> accuracy("<answer>Joy</answer>", "joy", ["anger", "joy"])
    1.0
    """
    label = answers.parse(completion, labels).label
    return float(label is not None and label.casefold() == gold.casefold())


def form(completion: str, labels: Sequence[str] = (), question: str = "") -> float:
    """Return 1 if a completion is one thought and one answer of the list, and nothing else."""
    return float(answers.parse(completion, labels, question).problem is None)


def truth(completion: str, measured: Measured, *, least: int = LEAST) -> float:
    """Return the share of true levels among those that the thought cites, or among `least` if less.

    1 if everything is true and enough is cited, 0 for nothing; what is wrong costs its share. Our
    choices: `least` is at most what was measured; a level counts once, by whatever name its vowel
    is called; of one thing two levels are both wrong ("high or low"); the number of pauses, and
    what is unclear, have to be right, but are no levels.

    >>> measured = Measured({"pitch": "high", "tempo": "low", "loudness": "low"})
    >>> truth("<think>Pitch is high, tempo is slow, low loudness.</think>", measured)
    1.0
    >>> truth("<think>Pitch is high.</think>", measured), truth("<think>Hm.</think>", measured)
    (0.3333333333333333, 0.0)
    """
    cited = citations(answers.parse(completion).thought or "")
    claims = Counter((citation.field, citation.vowel) for citation in cited)
    true, wrong = set(), 0
    for citation in cited:
        about = fact(citation, measured)
        if about is None or claims[citation.field, citation.vowel] > 1:
            wrong += 1
        elif citation.is_level:
            true.add(about)
    told = [measured.utterance, *(levels for _, levels in measured.vowels)]
    most = sum(level in LEVELS for levels in told for level in levels.values())
    return len(true) / max(len(true) + wrong, min(least, most), 1)


class Rewards(NamedTuple):
    """The rewards of a completion, each between 0 and 1."""

    accuracy: float
    form: float
    truth: float


def rewards(
    completion: str, gold: str, labels: Sequence[str], question: str, measured: Measured
) -> Rewards:
    """Return all rewards of a completion; `question` is what a thought must not repeat."""
    return Rewards(
        accuracy(completion, gold, labels),
        form(completion, labels, question),
        truth(completion, measured),
    )
