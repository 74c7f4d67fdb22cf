"""GRPO on a task that can be solved: rewards rise, equal groups do not move, shares add up."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from emocli.llm import policy, tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import IGNORED, Example
from emocli.training import distributed
from emocli.training.language import rewarded
from emocli.training.language.grpo import GroupRelative
from emocli.training.language.settings import Settings
from tests.training import tiny_answers

SETTINGS = Settings(group=8, length=16, part_size=16, kl=0.04)


@functools.cache
def taught() -> dict[str, Any]:
    """Return weights that have the form, and are right by half."""
    return tiny_answers.weights(tiny_answers.taught(tiny_answers.model()))


@pytest.fixture
def model() -> LanguageModel:
    made = tiny_answers.model()
    made.network.load_state_dict(taught(), strict=False)
    return made


def stepped(objective: GroupRelative, optimiser: Any, indices: torch.Tensor) -> dict[str, float]:
    """Take a step as the loop does; return what is told."""
    optimiser.zero_grad()
    objective.model.network.train()
    for terms in objective(indices):
        torch.stack(list(terms.values())).sum().backward()
    optimiser.step()
    return objective.told()


@pytest.mark.parametrize("seed", range(3))
def test_rewards_rise_on_a_task_that_can_be_solved(model: LanguageModel, seed: int) -> None:
    torch.manual_seed(seed)
    objective = GroupRelative(model, tiny_answers.asked(model), SETTINGS)
    optimiser = torch.optim.AdamW(model.network.parameters(), lr=3e-3)
    told = [stepped(objective, optimiser, torch.randperm(12)[:6]) for _ in range(25)]
    for kind in ("reward", "reward_accuracy", "reward_truth"):
        before, after = (sum(t[kind] for t in part) / 3 for part in (told[:3], told[-3:]))
        assert after > before + 0.15, kind
    assert after > 0.85
    assert told[-1]["reward_accuracy"] > 0.8
    assert told[-1]["kl"] > 0.01
    likeliest = rewarded.evaluated(model, tiny_answers.asked(model), SETTINGS)
    assert likeliest["dev_loss"] < -2.8
    assert likeliest["dev_format"] == 1


def test_the_first_step_has_ratio_one_and_no_divergence(model: LanguageModel) -> None:
    objective = GroupRelative(model, tiny_answers.asked(model), SETTINGS)
    list(objective(torch.arange(6)))
    told = objective.told()
    assert told["completions"] == 48
    assert told["ratio"] == 1
    assert told["kl"] == told["clipped"] == 0
    assert 0 < told["entropy"] < 3
    assert 0 <= told["skipped"] < 1
    assert 5 <= told["length"] <= 16
    kinds = [told[f"reward_{name}"] for name in ("accuracy", "format", "truth")]
    assert told["reward"] == pytest.approx(sum(kinds))


def test_equal_groups_move_nothing_and_are_told(model: LanguageModel) -> None:
    asked = tiny_answers.asked(model)
    unsolvable = replace(asked, questions=[q._replace(gold="awe") for q in asked.questions])
    blind = replace(SETTINGS, format=0.0, truth=0.0)
    objective = GroupRelative(model, unsolvable, blind)
    optimiser = torch.optim.AdamW(model.network.parameters(), lr=1e-2, weight_decay=0.1)
    before = tiny_answers.weights(model)
    told = stepped(objective, optimiser, torch.arange(12))
    assert all(torch.equal(before[n], w) for n, w in model.network.named_parameters())
    assert told["skipped"] == 1
    assert told["reward"] == 0
    assert "kl" not in told


def test_a_group_that_is_equal_adds_nothing_to_the_others(model: LanguageModel) -> None:
    asked = tiny_answers.asked(model)
    mixed = replace(asked, questions=[asked.questions[0], asked.questions[1]._replace(gold="awe")])
    blind = replace(SETTINGS, format=0.0, truth=0.0)
    torch.manual_seed(0)
    both = gradients(model, GroupRelative(model, mixed, blind), torch.arange(2))
    torch.manual_seed(0)
    one = gradients(model, GroupRelative(model, mixed, blind), torch.arange(1))
    for name, gradient in one.items():  # the mean is over twice as many
        assert torch.allclose(both[name], gradient / 2, atol=1e-7)


def gradients(
    model: LanguageModel, objective: Callable[..., Any], indices: torch.Tensor
) -> dict[str, torch.Tensor]:
    model.network.zero_grad()
    for terms in objective(indices):
        torch.stack(list(terms.values())).sum().backward()
    return {n: w.grad.clone() for n, w in model.network.named_parameters() if w.grad is not None}


def moved(model: LanguageModel, objective: GroupRelative) -> None:
    """Move the weights away from the reference."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in objective.weights.values():
            weight += 0.02 * torch.randn(weight.shape, generator=generator)


def test_the_loss_is_that_of_a_plain_pass_over_each_completion(model: LanguageModel) -> None:
    objective = GroupRelative(model, tiny_answers.asked(model), replace(SETTINGS, temperature=0.8))
    moved(model, objective)
    reference = tiny_answers.model()
    reference.network.load_state_dict(taught(), strict=False)
    indices = torch.tensor([3, 0, 7, 5])
    torch.manual_seed(5)
    seed = int(torch.randint(1 << 62, ()))
    torch.manual_seed(5)
    terms = [{n: float(v.detach()) for n, v in each.items()} for each in objective(indices)]

    losses, divergences = [], []
    for place in objective.asked.sorted(indices.tolist()):
        (group,) = rewarded.drawn(model, objective.asked, [place], objective.settings, seed)
        rewards = torch.tensor([objective.asked.rewards(place, s.text) for s in group]).sum(1)
        prompt = list(objective.asked.questions[place].prompt)
        spread = rewards.std() + 1e-4
        for each, reward in zip(group, rewards, strict=True):
            worth = (reward - rewards.mean()) / spread
            if rewards.max() == rewards.min():
                continue
            new, ref = (plain(m, prompt, each.tokens, 0.8) for m in (model, reference))
            assert torch.allclose(new, torch.tensor(each.logs), atol=1e-5)
            losses.append(-float(worth))
            divergences.append(float(((ref - new).exp() - (ref - new) - 1).mean()))
    assert losses
    assert sum(t["policy"] for t in terms) == pytest.approx(sum(losses) / 32, abs=1e-5)
    assert sum(t["kl"] for t in terms) == pytest.approx(0.04 * sum(divergences) / 32, rel=1e-3)


def plain(
    model: LanguageModel, prompt: list[int], tokens: list[int], temperature: float
) -> torch.Tensor:
    with torch.no_grad():
        logits = model.network(input_ids=torch.tensor([prompt + tokens])).logits[0]
    logs = (logits[len(prompt) - 1 : -1] / temperature).log_softmax(-1)
    return logs.gather(1, torch.tensor(tokens)[:, None])[:, 0]


def test_the_reference_stays_and_the_weights_come_back(model: LanguageModel) -> None:
    objective = GroupRelative(model, tiny_answers.asked(model), SETTINGS)
    moved(model, objective)
    now = tiny_answers.weights(model)
    list(objective(torch.arange(6)))
    assert objective.told()["kl"] > 0
    for name, weight in model.network.named_parameters():
        assert torch.equal(weight, now[name])
    for name, weight in objective.reference.items():
        assert torch.equal(weight, taught()[name])


def test_several_updates_learn_the_same_completions(model: LanguageModel) -> None:
    objective = GroupRelative(
        model, tiny_answers.asked(model), replace(SETTINGS, updates=2, part_size=64)
    )
    optimiser = torch.optim.AdamW(model.network.parameters(), lr=3e-3)
    first = stepped(objective, optimiser, torch.arange(6))
    drawn = objective.parts
    second = stepped(objective, optimiser, torch.arange(6, 12))
    assert objective.parts is drawn
    assert first["ratio"] == 1
    assert second["ratio"] != 1
    assert second["completions"] == 0
    stepped(objective, optimiser, torch.arange(6))
    assert objective.parts is not drawn


@pytest.mark.parametrize("count", [2, 8])
def test_shares_of_processes_add_up_to_the_step_of_one(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    indices = torch.tensor([3, 0, 7, 5, 8, 1])
    asked = tiny_answers.asked(model)
    torch.manual_seed(2)
    whole = gradients(model, GroupRelative(model, asked, SETTINGS), indices)
    sums = {name: torch.zeros_like(value) for name, value in whole.items()}
    for rank in range(count):  # of which some have no record
        monkeypatch.setattr(distributed, "world", lambda rank=rank: (rank, count))
        monkeypatch.setattr(distributed, "all_reduce_max", lambda sizes: [max(*sizes, 1)])
        torch.manual_seed(2)
        share = gradients(model, GroupRelative(model, asked, SETTINGS), indices)
        assert set(share) == set(whole)
        for name, value in share.items():
            sums[name] += value
    for name, value in whole.items():
        assert torch.allclose(sums[name], value, atol=1e-6)


def test_what_is_drawn_is_learned_as_it_was_drawn(model: LanguageModel) -> None:
    asked = tiny_answers.asked(model)
    groups = rewarded.drawn(model, asked, [0, 1, 2], replace(SETTINGS, temperature=0.6), 9)
    rows = [
        (Example(asked.questions[place].prompt, each.tokens), each.logs)
        for place, group in enumerate(groups)
        for each in group
    ]
    made = tuning.batch(model, [example for example, _ in rows])
    with torch.no_grad():
        found = tuning.log_probabilities(model, made, 0.6)
    for row, learned, (_, logs) in zip(found, made.targets != IGNORED, rows, strict=True):
        assert torch.allclose(row[learned], torch.tensor(logs), atol=1e-5)


def test_dropout_is_off_while_answers_are_learned(model: LanguageModel) -> None:
    model.network.dropout = torch.nn.Dropout(0.5)
    GroupRelative(model, tiny_answers.asked(model), SETTINGS)
    assert model.network.dropout.p == 0


def test_settings_are_those_of_the_paper() -> None:
    assert (Settings().clip, Settings().kl) == (policy.CLIP, policy.KL_WEIGHT) == (0.2, 0.25)
