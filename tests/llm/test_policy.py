"""GRPO against a computation by hand and against trl."""

from __future__ import annotations

import math
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from emocli.encoders.transformers_import import imported
from emocli.llm import policy, sampling, tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.tuning import Example
from tests.llm import tiny_language

REWARDS = torch.tensor([[0.0, 1.0, 2.0, 1.0], [3.0, 3.0, 3.0, 3.0], [0.5, 0.5, 0.5, 3.0]])


def logs(seed: int, spread: float = 0.4) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """Return log-probabilities of six completions under three policies, and what is learned."""
    generator = torch.Generator().manual_seed(seed)
    new = -3 * torch.rand(6, 5, generator=generator)
    old, reference = (new + spread * torch.randn(6, 5, generator=generator) for _ in range(2))
    learned = torch.arange(5)[None] >= torch.tensor([0, 1, 4, 2, 0, 3])[:, None]
    return (new.requires_grad_(), old, reference), learned


WORTH = torch.tensor([1.5, -0.5, 0.0, -1.0, 0.7, 2.0])


def test_an_advantage_is_a_z_score_within_its_group() -> None:
    found, differ = policy.advantages(REWARDS)
    spread = math.sqrt((1 + 0 + 1 + 0) / 3)  # of a sample
    assert found[0].tolist() == pytest.approx([v / (spread + 1e-4) for v in (-1, 0, 1, 0)])
    assert differ.tolist() == [True, False, True]
    assert found[1].tolist() == [0, 0, 0, 0]
    assert found.sum(1).abs().max() < 1e-5
    moved, _ = policy.advantages(REWARDS[:1] + 7)
    assert torch.allclose(moved, found[:1], atol=1e-5)


def test_rewards_that_differ_by_rounding_are_equal_and_one_completion_has_no_group() -> None:
    third = torch.tensor([[1 / 3 + 1 / 3 + 1 / 3, 1.0, 1.0 + 1e-7]])
    assert policy.advantages(third)[1].tolist() == [False]
    alone, differs = policy.advantages(torch.tensor([[2.0], [0.0]]))
    assert alone.tolist() == [[0.0], [0.0]]
    assert differs.tolist() == [False, False]


def by_hand(index: int, seed: int, clip: float) -> tuple[float, float, float, float]:
    """Return loss, KL, ratio and clipped share of one completion, in Python's numbers."""
    (new, old, reference), learned = logs(seed)
    loss, kl, ratios, clipped, worth = [], [], [], 0, float(WORTH[index])
    for place in range(5):
        if not learned[index, place]:
            continue
        n, o, r = (float(values.detach()[index, place]) for values in (new, old, reference))
        ratio = math.exp(n - o)
        bounded = min(max(ratio, 1 - clip), 1 + clip)
        loss.append(-min(ratio * worth, bounded * worth))
        clipped += bounded * worth < ratio * worth
        kl.append(math.exp(r - n) - (r - n) - 1)
        ratios.append(ratio)
    count = len(loss)
    return sum(loss) / count, sum(kl) / count, sum(ratios) / count, clipped / count


def test_ratio_clip_kl_and_loss_are_what_a_hand_computes() -> None:
    values, learned = logs(0)
    found = policy.terms(values, learned, WORTH, clip=0.2, kl_weight=0.25)
    loss, kl, ratio, clipped = (
        sum(c) for c in zip(*(by_hand(i, 0, 0.2) for i in range(6)), strict=True)
    )
    assert float(found.loss.detach()) == pytest.approx(loss, rel=1e-5)
    assert float(found.kl.detach()) == pytest.approx(0.25 * kl, rel=1e-5)
    expected = {"learned": 6, "ratio": ratio, "clipped": clipped, "kl": kl}
    assert {n: found.told[n] for n in expected} == pytest.approx(expected, rel=1e-5)
    assert clipped > 0


def test_the_first_step_is_the_gradient_of_the_policy_times_the_advantage() -> None:
    (new, _, reference), learned = logs(1)
    found = policy.terms((new, new.detach(), reference), learned, WORTH, kl_weight=0.0)
    assert found.told["ratio"] == pytest.approx(6)
    assert found.told["clipped"] == 0
    (gradient,) = torch.autograd.grad(found.loss, new)
    expected = -WORTH[:, None] * learned / learned.sum(1, keepdim=True)
    assert torch.allclose(gradient, expected)


def test_what_is_clipped_has_no_gradient() -> None:
    new = torch.tensor([[0.5, -0.5], [0.5, -0.5]], requires_grad=True)
    old, learned = torch.zeros(2, 2), torch.ones(2, 2, dtype=torch.bool)
    found = policy.terms((new, old, old), learned, torch.tensor([1.0, -1.0]), kl_weight=0.0)
    (gradient,) = torch.autograd.grad(found.loss, new)
    assert (gradient != 0).tolist() == [[False, True], [True, False]]
    assert found.told["clipped"] == 1


def test_the_divergence_is_unbiased_and_never_negative() -> None:
    generator = torch.Generator().manual_seed(0)
    new, reference = (torch.randn(20, generator=generator).log_softmax(-1) for _ in range(2))
    each = policy.divergence(new, reference)
    assert (each >= 0).all()
    exact = (new.exp() * (new - reference)).sum()
    assert float((new.exp() * each).sum()) == pytest.approx(float(exact), rel=1e-4)
    assert policy.divergence(new, new).abs().max() == 0


def test_tokens_that_are_not_learned_do_not_count_whatever_they_are() -> None:
    values, learned = logs(2)
    found = policy.terms(values, learned, WORTH)
    broken = tuple(torch.where(learned, v, torch.inf) for v in values)
    with torch.no_grad():
        again = policy.terms((values[0], *broken[1:]), learned, WORTH)
    assert torch.equal(found.loss, again.loss)
    assert torch.equal(found.kl, again.kl)


@pytest.fixture(scope="module")
def trl_trainer() -> Any:
    imported()  # else a torchaudio that cannot be loaded breaks it
    pytest.importorskip("trl", reason="trl, the other implementation, is not installed")
    from trl.trainer import grpo_trainer

    return grpo_trainer


def theirs(trainer: Any, logs: Any, beta: float, inputs: dict[str, Any]) -> Tensor:
    """Return the loss that trl computes from log-probabilities of the completions."""
    args = SimpleNamespace(use_bias_correction_kl=False, delta=None)
    alone = SimpleNamespace(gather=lambda x: x, reduce=lambda x, reduction: x)
    told: dict[str, Any] = defaultdict(list)
    fake = SimpleNamespace(
        _get_per_token_logps_and_entropies=logs,
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=beta,
        args=args,
        loss_type="grpo",
        epsilon_low=0.2,
        epsilon_high=0.2,
        use_vllm=False,
        model=SimpleNamespace(training=True),
        current_gradient_accumulation_steps=1,
        _entropy_bonus_enabled=False,
        accelerator=alone,
        _metrics={"train": told},
    )
    loss: Tensor = trainer.GRPOTrainer._compute_loss(fake, None, inputs)
    return loss


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("beta", [0.25, 0.04])
def test_loss_and_gradient_are_those_of_trl(trl_trainer: Any, seed: int, beta: float) -> None:
    (new, old, reference), learned = logs(seed)
    inputs = {
        "prompt_ids": torch.zeros(6, 1),
        "prompt_mask": torch.ones(6, 1),
        "completion_ids": torch.zeros(6, 5),
        "completion_mask": learned.long(),
        "advantages": WORTH,
        "old_per_token_logps": old,
        "ref_per_token_logps": reference,
    }
    other = theirs(trl_trainer, lambda *_, **__: (new, torch.zeros(6, 5), None), beta, inputs)
    found = policy.terms((new, old, reference), learned, WORTH, kl_weight=beta)
    ours = (found.loss + found.kl) / 6
    assert float(ours.detach()) == pytest.approx(float(other.detach()), rel=1e-5)
    (mine,), (its,) = (torch.autograd.grad(loss, new) for loss in (ours, other))
    assert torch.allclose(mine, its, atol=1e-6)


def test_a_network_gets_the_gradient_that_trl_gives_it(trl_trainer: Any) -> None:
    """Prompts of many lengths, padded on both sides, in one plain pass; ours share a prefix."""
    model = LanguageModel(tiny_language.network(), tiny_language.tokenizer())
    prompts = [[5, 6, *range(7, 7 + n)] for n in (1, 4, 9)]
    groups = sampling.sample(model, prompts, 2, 7, seeds=[1, 2, 3], temperature=1.0)
    rows = [
        Example(prompt, each.tokens)
        for prompt, group in zip(prompts, groups, strict=True)
        for each in group
    ]
    made = tuning.batch(model, rows)
    learned = made.targets != tuning.IGNORED
    new = tuning.log_probabilities(model, made)
    reference = new.detach() + 0.3 * torch.sin(torch.arange(new.numel())).view(new.shape)
    found = policy.terms((new, new.detach(), reference), learned, WORTH)
    ours = gradients(model, (found.loss + found.kl) / 6)

    width, last = max(len(r.prompt) for r in rows), new.shape[1]
    ids, seen = (torch.zeros(6, width + last, dtype=torch.long) for _ in range(2))
    moved = torch.zeros(6, last)
    for i, row in enumerate(rows):
        start, end = width - len(row.prompt), width + len(row.completion)
        ids[i, start:end] = torch.tensor([*row.prompt, *row.completion])
        seen[i, start:end] = 1
        moved[i, : end - width] = reference[i, last - (end - width) :]

    def plain(_: Any, ids: Tensor, mask: Tensor, kept: int, **__: Any) -> Any:
        places = (mask.cumsum(1) - 1).clamp_min(0)
        output = model.network(input_ids=ids, attention_mask=mask, position_ids=places)
        values = output.logits[:, -kept - 1 : -1].log_softmax(-1)
        return values.gather(2, ids[:, -kept:, None])[..., 0], torch.zeros(6, kept), None

    inputs = {
        "prompt_ids": ids[:, :width],
        "prompt_mask": seen[:, :width],
        "completion_ids": ids[:, width:],
        "completion_mask": seen[:, width:],
        "advantages": WORTH,
        "ref_per_token_logps": moved,
    }
    its = gradients(model, theirs(trl_trainer, plain, policy.KL_WEIGHT, inputs))
    assert set(ours) == set(its)
    for name, gradient in ours.items():
        scale = float(its[name].abs().max())
        assert float((gradient - its[name]).abs().max()) < 2e-4 * scale + 1e-7, name


def gradients(model: LanguageModel, loss: Tensor) -> dict[str, Tensor]:
    model.network.zero_grad()
    loss.backward()
    named = model.network.named_parameters()
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


def test_advantages_are_those_of_trl(trl_trainer: Any) -> None:
    expected = (REWARDS - REWARDS.mean(1, keepdim=True)) / (
        trl_trainer.nanstd(REWARDS, dim=1)[:, None] + 1e-4
    )
    assert torch.allclose(policy.advantages(REWARDS)[0], expected, atol=1e-5)
