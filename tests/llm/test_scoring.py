"""Scores of answers: those of one answer at a time, whatever the batch, the padding, the cache."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emocli.llm import candidates, scoring
from emocli.llm.language_model import LanguageModel
from emocli.llm.scoring import Scorer
from tests.llm import tiny_language

TOLERANCE = 1e-4
LABELS = ["joy", "joyful", "sadness", "anger", "neutral"]
COMMON = list(range(5, 17))
# Of different lengths, with a common beginning; longer than the Mistral's window together.
PROMPTS = [COMMON + [40 + i] * n for i, n in enumerate((1, 7, 3, 20, 2))]


def listed(model: LanguageModel) -> candidates.Candidates:
    return candidates.of(LABELS, model.tokens, before="Emotion: ", ending=model.ends)


def by_hand(model: LanguageModel, prompt: list[int], row: tuple[int, ...]) -> float:
    """Return the sum of the log-probabilities of tokens, from one pass over one sequence."""
    with torch.inference_mode():
        logs = model.network(torch.tensor([[*prompt, *row]])).logits[0].double().log_softmax(-1)
    return sum(float(logs[len(prompt) - 1 + i, token]) for i, token in enumerate(row))


def expected(model: LanguageModel) -> np.ndarray:
    found = listed(model)
    return np.array(
        [[by_hand(model, [*p, *found.stem], row) for row in found.rows] for p in PROMPTS]
    )


@pytest.fixture(params=tiny_language.KINDS)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return tiny_language.model(request.param)


def test_scores_are_those_of_one_answer_at_a_time(model: LanguageModel) -> None:
    found = Scorer(model, listed(model))(PROMPTS)
    np.testing.assert_allclose(found, expected(model), atol=TOLERANCE)
    assert np.ptp(found) > 1  # they do differ


def test_batch_padding_and_neighbours_do_not_change_scores(model: LanguageModel) -> None:
    scorer = Scorer(model, listed(model))
    together = scorer(PROMPTS)
    alone = np.concatenate([scorer([prompt]) for prompt in PROMPTS])
    backwards = scorer(PROMPTS[::-1])[::-1]
    np.testing.assert_allclose(together, alone, atol=TOLERANCE)
    np.testing.assert_allclose(together, backwards, atol=TOLERANCE)


@pytest.mark.parametrize("beginning", [COMMON, COMMON[:5], [*COMMON, 300], [3]])
def test_what_is_remembered_does_not_change_scores(
    model: LanguageModel, beginning: list[int]
) -> None:
    scorer = Scorer(model, listed(model))
    scorer.remember([[*beginning, 300], [*beginning, 301, 302]])
    assert scorer.prefix in ((), tuple(beginning))
    np.testing.assert_allclose(scorer(PROMPTS), expected(model), atol=TOLERANCE)
    np.testing.assert_allclose(scorer(PROMPTS), expected(model), atol=TOLERANCE)  # it stays whole


def test_a_prompt_that_is_all_remembered_is_scored(model: LanguageModel) -> None:
    scorer = Scorer(model, listed(model))
    scorer.remember([PROMPTS[1] + [1], PROMPTS[1] + [2]])
    np.testing.assert_allclose(scorer(PROMPTS[1:2]), expected(model)[1:2], atol=TOLERANCE)


def test_the_cache_is_used_where_the_attention_is_plain() -> None:
    for kind, plain in (("llama", True), ("gpt2", True), ("bloom", False)):
        assert scoring.attends(tiny_language.model(kind), 400) is plain
    short = tiny_language.model("mistral")
    assert scoring.attends(short, tiny_language.WINDOW - 1)
    assert not scoring.attends(short, tiny_language.WINDOW)


def test_numbers_are_scored_as_labels_are(model: LanguageModel) -> None:
    scale = candidates.numbers({"least": -1.0, "most": 1.0, "step": 0.5})
    found = candidates.of(list(scale), model.tokens, before="Rating: ")
    scores = Scorer(model, found)(PROMPTS[:2])
    wanted = [[by_hand(model, [*p, *found.stem], row) for row in found.rows] for p in PROMPTS[:2]]
    np.testing.assert_allclose(scores, wanted, atol=TOLERANCE)
    shares = np.exp(wanted) / np.exp(wanted).sum(1, keepdims=True)
    means = candidates.expectation(scores, list(scale.values()))
    np.testing.assert_allclose(means, shares @ [-1.0, -0.5, 0.0, 0.5, 1.0], atol=TOLERANCE)
