"""Group relative policy optimisation: what completions teach, by how much better than others.

GRPO: Shao et al. 2024, DeepSeekMath, https://arxiv.org/abs/2402.03300, with the clipped ratio of
PPO (Schulman et al. 2017, https://arxiv.org/abs/1707.06347); second stage of VowelPrompt (Wang et
al. 2026, https://arxiv.org/abs/2602.06270), whose weight of KL is 0.25. The loss is a mean over the
tokens of a completion, then over completions, as published. Sources do not say which standard
deviation: it is that of a sample (n - 1), as in trl. Our choice: a group whose rewards are all
equal teaches nothing, and is not held to the reference either.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

CLIP = 0.2  # of the ratio; PPO's
KL_WEIGHT = 0.25  # VowelPrompt's
STABLE = 1e-4  # added to a standard deviation; trl's
SAME = 1e-6  # rewards that differ by less are equal: what float32 sums of weighted ones differ by


def advantages(rewards: Tensor) -> tuple[Tensor, Tensor]:
    """Return the advantage of each completion (prompts, group), and which groups differ (prompts,).

    Rewards (prompts, group) are compared within a group; where all are equal advantages are 0.

    >>> advantages(torch.tensor([[0.0, 1.0], [2.0, 2.0]]))[1].tolist()
    [True, False]
    """
    if rewards.shape[1] < 2 or not len(rewards):  # nothing to compare
        return torch.zeros_like(rewards), rewards.new_zeros(len(rewards), dtype=torch.bool)
    differ = rewards.amax(1) - rewards.amin(1) > SAME
    centred = rewards - rewards.mean(1, keepdim=True)
    scaled = centred / (rewards.std(1, keepdim=True) + STABLE)
    return torch.where(differ[:, None], scaled, 0.0), differ


def divergence(new: Tensor, reference: Tensor) -> Tensor:
    """Return an estimate of the KL divergence of a policy from a reference at each token, >= 0.

    From the log-probabilities of sampled tokens: unbiased, of low variance ("k3": Schulman 2020,
    http://joschu.net/blog/kl-approx.html).
    """
    difference = reference - new
    return difference.exp() - difference - 1


class Terms(NamedTuple):
    """The terms of a loss, and what is told of them: sums over completions, but for `loss`."""

    loss: Tensor  # of the policy, clipped
    kl: Tensor  # weighted
    told: dict[str, float]  # learned (completions), ratio, clipped, kl, entropy (nats)


def terms(
    logs: tuple[Tensor, Tensor, Tensor],
    learned: Tensor,
    advantage: Tensor,
    *,
    clip: float = CLIP,
    kl_weight: float = KL_WEIGHT,
) -> Terms:
    """Return the terms of the loss of some completions, as sums over completions.

    `logs` are log-probabilities (completions, tokens) of the policy, of the policy that the
    completions were drawn from, and of the reference; `learned` (completions, tokens) says which
    tokens are the completion's, `advantage` (completions,) what each is worth.
    """
    new, old, reference = logs
    ratio = torch.where(learned, new - old, 0.0).exp()
    worth = advantage[:, None]
    gained = torch.minimum(ratio * worth, ratio.clamp(1 - clip, 1 + clip) * worth)
    far = torch.where(learned, divergence(new, torch.where(learned, reference, new)), 0.0)
    loss, kl = -_mean(gained, learned).sum(), _mean(far, learned).sum()
    outside = ((ratio < 1 - clip) & (worth < 0)) | ((ratio > 1 + clip) & (worth > 0))
    with torch.no_grad():
        told = {
            "learned": float(len(new)),
            "ratio": float(_mean(ratio.detach(), learned).sum()),
            "clipped": float(_mean(outside.to(new.dtype), learned).sum()),
            "kl": float(kl.detach()),
            "entropy": -float(_mean(new.detach(), learned).sum()),  # of what was drawn, an estimate
        }
    return Terms(loss, kl_weight * kl, told)


def _mean(values: Tensor, learned: Tensor) -> Tensor:
    """Return the mean (completions,) over the tokens of each completion; 0 without any."""
    return (values * learned).sum(1) / learned.sum(1).clamp_min(1)
