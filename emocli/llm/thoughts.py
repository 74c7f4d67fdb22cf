"""Thoughts in free words, after which an answer is chosen from a list: it cannot fail.

A thought is what a model writes, greedily, between the tags; at a limit it is closed. What stands
before the answer is split into tokens with the thought as a whole, as answers are when they are
learned, since tokens reach over the tags.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from emocli.llm import answers, generation
from emocli.llm.candidates import Candidates
from emocli.llm.language_model import LanguageModel
from emocli.llm.soft_tokens import Soft

LIMIT = 160  # tokens of a thought of two sentences, and more; our choice
TAGS = tuple(f"<{slash}{name}>" for name in (answers.THINK, answers.ANSWER) for slash in ("", "/"))


class Thought(NamedTuple):
    """What a model thought, and whether it came to an end before the limit."""

    text: str
    ended: bool


def of(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    opening: str,
    limit: int = LIMIT,
    soft: Soft | None = None,
) -> list[Thought]:
    """Return a thought after each prompt, which `opening` begins: at most `limit` tokens.

    A thought ends at any of the tags, which it never has.
    """
    begun = [[*prompt, *model.tokens(opening)] for prompt in prompts]
    made = generation.greedy(model, begun, limit, f"</{answers.THINK}>", soft)
    return [Thought(_untagged(completion.text), completion.ended) for completion in made]


def _untagged(text: str) -> str:
    places = [place for tag in TAGS if (place := text.find(tag)) >= 0]
    return text[: min(places, default=len(text))]


class Closing:
    """What leads from a thought to the answer, as tokens: the end of the thought, the tags.

    `listed` are the answers as they stand in a completion, `before` stands between thought and
    answer, `first` is the first answer.
    """

    def __init__(
        self, tokens: Callable[[str], Sequence[int]], listed: Candidates, before: str, first: str
    ) -> None:
        self.tokens, self.stem = tokens, listed.stem
        self.before, self.first = before, first
        # The tokens of the first answer behind the stem, without the mark of an end.
        self.row = tuple(tokens(before + first))[len(listed.stem) :]
        self.candidates = dataclasses.replace(listed, stem=())

    @property
    def room(self) -> int:
        """The number of tokens that a thought and all behind it need at most, but the opening."""
        return LIMIT + len(self.stem) + self.candidates.depth

    def __call__(self, opening: str, thought: str) -> list[int]:
        """Return the tokens of a thought and what leads to the answer."""
        whole = list(self.tokens(f"{opening}{thought}{self.before}{self.first}"))
        head = whole[: len(whole) - len(self.row)]
        begun = list(self.tokens(opening))
        fits = len(head) <= len(begun) + LIMIT + len(self.stem)
        if fits and tuple(whole[len(head) :]) == self.row:
            return head
        inside = list(self.tokens(opening + thought))[: len(begun) + LIMIT]
        return [*inside, *self.stem]
