"""Completions drawn at random: their probabilities, their ends, and what they depend on."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from emocli.errors import ConfigError
from emocli.llm import generation
from emocli.llm.language_model import LanguageModel
from emocli.llm.sampling import Sample, sample
from tests.llm import tiny_language

BEGINNING = [5, 6, 7]
PROMPTS = [[*BEGINNING, *range(9, 9 + n)] for n in (1, 9, 17)]
SEEDS = [3, 4, 5]
KINDS = ["llama", "gpt2"]  # positions by rotation, and learned ones


def flat(made: list[list[Sample]]) -> list[Sample]:
    return [each for group in made for each in group]


def logs(model: LanguageModel, prompt: list[int], tokens: list[int], temperature: float) -> Any:
    with torch.inference_mode():
        logits = model.network(input_ids=torch.tensor([prompt + tokens])).logits
    values = (logits[0, len(prompt) - 1 : -1] / temperature).log_softmax(-1)
    return values.gather(1, torch.tensor(tokens)[:, None])[:, 0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_each_token_has_the_probability_that_the_model_gives_it(
    kind: str, temperature: float
) -> None:
    model = tiny_language.model(kind)
    made = sample(model, PROMPTS, 4, 12, seeds=SEEDS, temperature=temperature)
    for prompt, group in zip(PROMPTS, made, strict=True):
        assert len(group) == 4
        for each in group:
            expected = logs(model, prompt, each.tokens, temperature)
            assert torch.tensor(each.logs).sub(expected).abs().max() < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_a_completion_depends_on_its_prompt_and_seed_and_not_on_the_batch(kind: str) -> None:
    model = tiny_language.model(kind)
    together = sample(model, PROMPTS, 4, 12, seeds=SEEDS)
    alone = [
        sample(model, [prompt], 4, 12, seeds=[seed])[0]
        for prompt, seed in zip(PROMPTS, SEEDS, strict=True)
    ]
    texts = [[each.text for each in group] for group in together]
    assert texts == [[each.text for each in group] for group in alone]
    assert len({tuple(group) for group in texts}) == 3
    others = sample(model, PROMPTS, 4, 12, seeds=[6, 7, 8])
    assert [each.text for each in flat(others)] != [each.text for each in flat(together)]


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    model = tiny_language.model()
    with torch.inference_mode():
        expected = model.network(input_ids=torch.tensor(PROMPTS[:1])).logits[0, -1].softmax(-1)
    drawn = flat(sample(model, PROMPTS[:1], 4000, 1, seeds=[1]))
    counts = torch.bincount(torch.tensor([each.tokens[0] for each in drawn]), minlength=400)
    error = (expected * (1 - expected) / 4000).sqrt()
    assert ((counts / 4000 - expected).abs() < 4.5 * error + 1e-3).all()


@pytest.mark.parametrize("kind", KINDS)
def test_without_temperature_the_likeliest_tokens_are_drawn(kind: str) -> None:
    model = tiny_language.model(kind)
    made = flat(sample(model, PROMPTS, 1, 12, seeds=SEEDS, temperature=0))
    assert [each.text for each in made] == [
        each.text for each in generation.greedy(model, PROMPTS, 12)
    ]


def test_a_completion_ends_at_the_end_token_or_the_closing_text_or_the_limit() -> None:
    model = tiny_language.model()
    drawn = flat(sample(model, PROMPTS, 40, 12, seeds=SEEDS))
    assert {each.ended for each in drawn} == {True, False}
    for each in drawn:
        assert each.ended == (each.tokens[-1] in model.ends)
        assert not set(each.tokens[:-1]) & set(model.ends)
        assert each.ended or len(each.tokens) == 12
    stop = "er"
    closed = flat(sample(model, PROMPTS, 40, 12, seeds=SEEDS, stop=stop))
    assert any(stop in each.text for each in closed)
    for each, whole in zip(closed, drawn, strict=True):
        assert whole.text.startswith(each.text)
        if stop in whole.text:
            assert each.ended
            assert each.text == whole.text[: whole.text.index(stop) + len(stop)]
            assert stop not in model.text(each.tokens[:-1])


def test_prompts_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_language.model()
    computed = []
    forward = model.network.forward

    def counting(*args: Any, **given: Any) -> Any:
        computed.append(tuple(given["input_ids"].shape))
        return forward(*args, **given)

    monkeypatch.setattr(model.network, "forward", counting)
    monkeypatch.setattr(
        "emocli.llm.scoring.takes", lambda *_: True
    )  # the signature of the real one
    made = sample(model, PROMPTS, 4, 3, seeds=SEEDS)
    assert computed[:2] == [(1, 3), (3, 17)]  # the beginning once, the rests once
    assert all(shape[1] == 1 for shape in computed[2:])
    ended = sum(len(each.tokens) for each in flat(made))
    assert sum(rows for rows, _ in computed[2:]) == ended - len(
        flat(made)
    )  # and nothing behind the end


def test_what_does_not_fit_or_cannot_be_repeated_is_refused() -> None:
    with pytest.raises(ConfigError, match="512 are possible"):
        sample(tiny_language.model(), PROMPTS, 2, 512, seeds=SEEDS)
    with pytest.raises(ConfigError, match="see all before them"):
        sample(tiny_language.model("bloom"), PROMPTS, 2, 5, seeds=SEEDS)
    with pytest.raises(ConfigError, match="see all before them"):
        sample(tiny_language.model("mistral"), PROMPTS, 2, 12, seeds=SEEDS)
