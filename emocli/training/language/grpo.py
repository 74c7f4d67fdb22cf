"""GRPO: answers are drawn, rewarded, and those that are better than their group are learned.

Second stage of VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270), with the reward
for truth beside those for label and form; see `llm.policy` and `llm.rewards`. The reference is the
adapter that training starts from. Our choices: no dropout, so that the first ratio is 1; held-out
records are answered with the likeliest tokens, and their dev_loss is minus their mean reward; with
several updates the same answers are learned in as many steps, whose own records are passed over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emocli.llm import policy, tuning
from emocli.llm.language_model import LanguageModel
from emocli.llm.sampling import Sample
from emocli.llm.tuning import IGNORED, Batch, Example
from emocli.training import distributed
from emocli.training.language.rewarded import NAMES, Asked, drawn, still, total
from emocli.training.language.settings import Settings
from emocli.training.language.sharding import together

COUNTS = ("completions", "groups", "learned")
MEANS = {  # what is told, and the count that its sum is divided by
    "reward": "completions",
    **{f"reward_{name}": "completions" for name in NAMES},
    "length": "completions",
    "ended": "completions",
    "skipped": "groups",
    "kl": "learned",
    "ratio": "learned",
    "clipped": "learned",
    "entropy": "learned",
}
SEEDS = 1 << 62  # seeds of a step are drawn below this


@dataclass
class Part:
    """Completions that are learned together."""

    rows: Batch
    advantage: Tensor  # (completions,)
    reference: Tensor  # (completions, tokens): log-probabilities
    old: Tensor | None = None  # those of the policy that drew them; None is that of the first pass


class GroupRelative:
    """The loss of GRPO, a mean over all completions of a batch, of which equal groups give 0."""

    def __init__(self, model: LanguageModel, asked: Asked, settings: Settings) -> None:
        self.model, self.asked, self.settings = model, asked, settings
        self.weights = tuning.trained(model.network)
        self.reference = {name: w.detach().clone() for name, w in self.weights.items()}
        self.parts: list[Part] = []
        self.left = self.total = 0  # updates with these completions; completions of all processes
        self.sums: dict[str, float] = {}
        for module in model.network.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    def __call__(self, indices: Tensor) -> Iterator[dict[str, Tensor]]:
        """Draw answers to the questions of a batch; yield the terms of the loss of each part.

        Nothing if all groups are equal.
        """
        self.sums = {}
        if not self.left:
            with together(self.model.network):
                self._draw(indices)
            self.left = self.settings.updates
        self.left -= 1
        (most,) = distributed.all_reduce_max([len(self.parts)])
        for part in self.parts:
            yield self._terms(part)
        for _ in range(most - len(self.parts)):  # all processes call the network equally often
            nothing = tuning.nothing(self.model)
            yield {"policy": nothing, "kl": nothing.detach()}

    def told(self) -> dict[str, float]:
        """Return the number of completions, and means over the last batch of all processes.

        Of all completions: reward, its kinds, length in tokens, the share that ended; of groups:
        the share that was skipped; of completions that are learned, by token: kl to the reference,
        ratio, the share that is clipped, entropy in nats.
        """
        sums = {name: distributed.add(self.sums.get(name, 0.0)) for name in (*COUNTS, *MEANS)}
        told = {name: sums[name] / sums[of] for name, of in MEANS.items() if sums[of]}
        return {"completions": sums["completions"], **told}

    def _draw(self, indices: Tensor) -> None:
        """Draw answers, reward them, and keep the groups that differ."""
        rank, count = distributed.world()
        group, size = self.settings.group, self.settings.part_size
        seed = int(torch.randint(SEEDS, ()))  # the same in all processes
        self.total = len(indices) * group
        places = self.asked.sorted(indices[rank::count].tolist())
        answers = drawn(self.model, self.asked, places, self.settings, seed)
        found = [
            [self.asked.rewards(place, each.text) for each in of]
            for place, of in zip(places, answers, strict=True)
        ]
        table = torch.tensor(found, dtype=torch.float64).view(-1, group, len(NAMES))
        rewards = total(table, self.settings)
        worths, differ = policy.advantages(rewards)
        self._note(answers, table, rewards, differ)
        kept = [
            (Example(self.asked.questions[places[row]].prompt, each.tokens), worth)
            for row in differ.nonzero()[:, 0].tolist()
            for each, worth in zip(answers[row], worths[row].tolist(), strict=True)
        ]
        self.parts = [self._part(kept[start : start + size]) for start in range(0, len(kept), size)]

    def _part(self, kept: list[tuple[Example, float]]) -> Part:
        examples, worths = zip(*kept, strict=True)
        rows = tuning.batch(self.model, examples, share=self.settings.shares)
        with torch.no_grad(), _swapped(self.weights, self.reference), still(self.model.network):
            reference = self._logs(rows)
        return Part(rows, torch.tensor(worths, device=reference.device), reference)

    def _logs(self, rows: Batch) -> Tensor:
        return tuning.log_probabilities(self.model, rows, self.settings.temperature)

    def _terms(self, part: Part) -> dict[str, Tensor]:
        new = self._logs(part.rows)
        if part.old is None:
            part.old = new.detach()
        found = policy.terms(
            (new, part.old, part.reference),
            part.rows.targets != IGNORED,
            part.advantage,
            clip=self.settings.clip,
            kl_weight=self.settings.kl,
        )
        self._add(found.told)
        return {"policy": found.loss / self.total, "kl": found.kl / self.total}

    def _note(
        self, answers: list[list[Sample]], table: Tensor, rewards: Tensor, differ: Tensor
    ) -> None:
        made = [each for of in answers for each in of]
        about = {
            "completions": len(made),
            "groups": len(answers),
            "skipped": int((~differ).sum()),
            "reward": float(rewards.sum()),
            "length": sum(len(each.tokens) for each in made),
            "ended": sum(each.ended for each in made),
        }
        kinds = table.sum((0, 1)).tolist()
        self._add(about | {f"reward_{n}": kind for n, kind in zip(NAMES, kinds, strict=True)})

    def _add(self, more: Mapping[str, float]) -> None:
        for name, value in more.items():
            self.sums[name] = self.sums.get(name, 0.0) + value


@contextlib.contextmanager
def _swapped(weights: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> Iterator[None]:
    """Put other values into weights for a while; no gradient may be on its way."""

    def swap() -> None:
        for name, weight in weights.items():
            weight.data, others[name].data = others[name].data, weight.data

    swap()
    try:
        yield
    finally:
        swap()
