"""Greedy answers: the same alone and in a batch, and never without an end."""

from __future__ import annotations

import pytest

from emocli.llm import generation
from tests.llm import tiny_language

PROMPTS = [list(range(5, 5 + n)) for n in (3, 9, 17)]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_an_answer_does_not_depend_on_its_batch(kind: str) -> None:
    model = tiny_language.model(kind)
    together = generation.greedy(model, PROMPTS, 12)
    alone = [generation.greedy(model, [prompt], 12)[0] for prompt in PROMPTS]
    assert [answer.text for answer in together] == [answer.text for answer in alone]


def test_an_answer_that_never_ends_is_cut() -> None:
    model = tiny_language.model("llama")
    found = generation.greedy(model, PROMPTS, 5)
    assert all(answer.tokens <= 5 for answer in found)
    assert all(answer.ended == (answer.tokens < 5) for answer in found)


def test_an_answer_ends_at_the_text_that_closes_it() -> None:
    model = tiny_language.model("llama")
    [whole] = generation.greedy(model, PROMPTS[:1], 12)
    stop = whole.text[2:4]
    [cut] = generation.greedy(model, PROMPTS[:1], 12, stop)
    assert cut.text == whole.text[: whole.text.index(stop) + len(stop)]
    assert cut.ended
