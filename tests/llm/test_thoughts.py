"""Thoughts: free up to a tag, then the answers are scored as they are learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emocli.llm import candidates, generation, prompts, thoughts
from emocli.llm.prompts import THINKING
from emocli.llm.scoring import Scorer, one_by_one
from tests.llm import tiny_language

TEMPLATE = prompts.template("emotion")
OPENING, CLOSED = TEMPLATE.thinking
BEFORE, AFTER = CLOSED + TEMPLATE.around(THINKING)[0], TEMPLATE.around(THINKING)[1]
PROMPTS = [list(range(5, 5 + n)) for n in (3, 9, 17)]
LISTS = (["joy", "anger", "sadness"], ["joy", "joyful"], ["joy", "joyful", "fear"], ["x"])


def closing(labels: list[str]) -> tuple[thoughts.Closing, candidates.Candidates]:
    tokens, ends = tiny_language.model().tokens, tiny_language.model().tokens(AFTER)
    listed = candidates.of(labels, tokens, before=BEFORE, ending=ends)
    return thoughts.Closing(tokens, listed, BEFORE, labels[0]), listed


@pytest.mark.parametrize("labels", LISTS)
@pytest.mark.parametrize("thought", ["", "Pitch is high.", "joy", "a\n ", "?", "(...) <"])
def test_an_answer_is_scored_in_the_tokens_in_which_it_is_learned(
    labels: list[str], thought: str
) -> None:
    model = tiny_language.model()
    end, _ = closing(labels)
    for label, row in zip(labels, end.candidates.rows, strict=True):
        learned = model.tokens(TEMPLATE.completion(label, thought))
        assert [*end(OPENING, thought), *row] == learned[: len(end(OPENING, thought)) + len(row)]


def test_scores_behind_a_thought_are_those_of_one_label_at_a_time() -> None:
    model = tiny_language.model()
    end, _ = closing(LISTS[2])
    prompt = [*PROMPTS[1], *end(OPENING, "It is high.")]
    found = Scorer(model, end.candidates)([prompt])[0]
    np.testing.assert_allclose(found, one_by_one(model, prompt, end.candidates.rows), atol=1e-4)


def test_a_thought_is_the_same_alone_and_in_a_batch_and_has_no_tags() -> None:
    model = tiny_language.model()
    together = thoughts.of(model, PROMPTS, OPENING, 12)
    assert together == [thoughts.of(model, [prompt], OPENING, 12)[0] for prompt in PROMPTS]


@pytest.mark.parametrize(
    "said", ["a</think>", "a<answer>joy</answer>", "a<think>b</think>", "a", "a</answer></think>"]
)
def test_a_thought_ends_at_any_tag(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: Any) -> list[generation.Completion]:
        return [generation.Completion(said, True, 3)]

    monkeypatch.setattr(generation, "greedy", greedy)
    assert thoughts.of(tiny_language.model(), PROMPTS[:1], OPENING) == [("a", True)]


def test_a_thought_of_more_tokens_than_it_was_written_in_is_cut() -> None:
    end, listed = closing(LISTS[0])
    opened = len(tiny_language.model().tokens(OPENING))
    long = "\ufffd" * thoughts.LIMIT  # three tokens each
    found = end(OPENING, long)
    assert len(found) + listed.depth == opened + end.room
    assert found[-len(listed.stem) :] == list(listed.stem)
