"""Soft tokens: they count as words with their embeddings, and what is masked is not read."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from emocli.llm import candidates, generation, prompts, soft_tokens, tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.prompts import CONSTRAINED, Turn, Utterance
from emocli.llm.scoring import Scorer, one_by_one
from emocli.llm.soft_tokens import FIRST, Soft
from emocli.llm.tuning import Example
from tests.llm import tiny_language

WORDS = [[5, 6, 7, 20, 21, 22, 9], [5, 6, 7, 23, 24, 25, 8, 9], [5, 6, 7, 26, 27, 28]]
SPLICED = [[*w[:3], FIRST, FIRST + 1, FIRST + 2, *w[6:]] for w in WORDS]
CHOICES = candidates.Candidates((), ((30, 31), (30, 32), (33,)))


def soft(model: LanguageModel) -> Soft:
    """Return the embeddings of the fourth to the sixth word of each prompt."""
    ids = torch.tensor([w[3:6] for w in WORDS])
    values = model.network.get_input_embeddings()(ids).detach()
    return Soft(values, torch.ones(ids.shape, dtype=torch.bool))


@pytest.fixture(params=tiny_language.KINDS)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return tiny_language.model(request.param)


def test_embeddings_of_words_give_the_very_answers_of_the_words(model: LanguageModel) -> None:
    spliced = Scorer(model, CHOICES)(SPLICED, soft(model))
    assert (spliced == Scorer(model, CHOICES)(WORDS)).all()
    examples = [[Example(p, [30, 1]) for p in side] for side in (WORDS, SPLICED)]
    with torch.inference_mode():
        words, same = (
            tuning.log_probabilities(model, tuning.batch(model, side, share=False, soft=of))
            for side, of in zip(examples, (None, soft(model)), strict=True)
        )
    assert words.equal(same)


def test_other_soft_tokens_give_other_answers(model: LanguageModel) -> None:
    found = soft(model)
    before = Scorer(model, CHOICES)(SPLICED, found)
    after = Scorer(model, CHOICES)(SPLICED, found._replace(values=found.values.flip(0)))
    assert abs(before - after).max() > 0.01


@pytest.mark.parametrize("content", [0.0, 1e4, float("nan")])
def test_the_content_of_what_is_masked_changes_no_logit(
    model: LanguageModel, content: float
) -> None:
    values, mask = soft(model)
    mask[0, 1] = mask[1] = False
    other = values.masked_fill(~mask[..., None], content)
    both = [Scorer(model, CHOICES)(SPLICED, Soft(v, mask)) for v in (values, other)]
    assert (both[0] == both[1]).all()
    without = [[*WORDS[0][:4], *WORDS[0][5:]], [*WORDS[1][:3], *WORDS[1][6:]], WORDS[2]]
    assert abs(Scorer(model, CHOICES)(without) - both[0]).max() < 1e-4


def test_an_answer_depends_neither_on_the_batch_nor_on_a_cache(model: LanguageModel) -> None:
    found = soft(model)
    scorer = Scorer(model, CHOICES)
    scorer.remember([[*SPLICED[0]], [*SPLICED[1]]])
    assert all(i < FIRST for i in scorer.prefix)
    together = scorer(SPLICED, found)
    for row, prompt in enumerate(SPLICED):
        own = Soft(found.values[row : row + 1], found.mask[row : row + 1])
        alone = Scorer(model, CHOICES)([prompt], own)
        one = one_by_one(model, soft_tokens.placed([prompt], own)[0], CHOICES.rows, own)
        assert abs(together[row] - alone[0]).max() < 1e-4
        assert abs(together[row] - one).max() < 1e-4


def test_what_is_generated_is_the_likeliest_by_its_log_probabilities(model: LanguageModel) -> None:
    found = soft(model)
    found.mask[1, 0] = False
    made = generation.greedy(model, SPLICED, 6, soft=found)
    every = candidates.Candidates((), tuple((i,) for i in range(400)))
    for row, (prompt, completion) in enumerate(zip(SPLICED, made, strict=True)):
        own = Soft(found.values[row : row + 1], found.mask[row : row + 1])
        ids: list[int] = []
        while len(ids) < 6 and ids[-1:] != model.ends[:1]:
            ids.append(int(Scorer(model, every)([[*prompt, *ids]], own)[0].argmax()))
        assert completion.text == model.text(ids)
    assert any(completion.text for completion in made)


def test_gradients_reach_soft_tokens_and_not_those_that_are_masked() -> None:
    model = tiny_language.model()
    values, mask = soft(model)
    mask[0, 1] = False
    values.requires_grad_()
    rows = tuning.batch(model, [Example(p, [30, 1]) for p in SPLICED], soft=Soft(values, mask))
    torch.autograd.backward(tuning.log_probabilities(model, rows).sum())
    assert values.grad is not None
    assert values.grad.abs().sum(2).gt(0).equal(mask)


def test_a_mark_in_what_somebody_says_is_no_soft_token() -> None:
    model = tiny_language.model()
    mark = soft_tokens.marked("<audio>")
    told = Utterance(Turn(f"joy {mark}"), (Turn(mark),), mark, mark, soft=f"{mark} ")
    asked = prompts.template("emotion").messages(told, ["joy", "fear"], CONSTRAINED)
    text = prompts.rendered(model, asked)
    ids = soft_tokens.tokens(model, text, {"audio": range(2, 5)}, begins=False)
    assert [i - FIRST for i in ids if i >= FIRST] == [2, 3, 4]
    plain = replace(told, soft="")
    rendered = prompts.rendered(model, prompts.template("emotion").messages(plain, ["joy"], "x"))
    assert soft_tokens.OPENING not in rendered
    assert "<audio: 3 tokens>" in soft_tokens.shown(text, {"audio": range(2, 5)})
