"""Verifiable rewards of a completion, each 0 or 1: of its label, its form, and what it cites.

Accuracy and form are those of VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270),
which does not reward the content of a thought; truth is ours. A completion with two answers, or
with a label outside of its block, has no label. All are plain functions of strings, which any
implementation of GRPO can call.
"""

from __future__ import annotations

from collections.abc import Sequence

from emocli.llm import answers
from emocli.llm.citations import citations, is_true
from emocli.llm.voice_levels import Measured


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


def truth(completion: str, measured: Measured, *, least: int = 1) -> float:
    """Return 1 if the thought cites at least `least` levels, and everything it cites is measured.

    The number of pauses, and what is unclear, have to be right, but are no levels.

    >>> measured = Measured({"pitch": "high"})
    >>> truth("<think>Pitch is high.</think>", measured), truth("<think>Hm.</think>", measured)
    (1.0, 0.0)
    """
    thought = answers.parse(completion).thought
    cited = citations(thought or "")
    enough = sum(citation.is_level for citation in cited) >= max(least, 1)
    return float(enough and all(is_true(citation, measured) for citation in cited))
