"""Questions about records whose answers are drawn and rewarded, for training and for looking on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from emocli.llm.language_model import LanguageModel
from emocli.llm.rewards import Rewards, rewards
from emocli.llm.sampling import Sample, sample
from emocli.llm.voice_levels import Measured
from emocli.stages.language_predictor.answering import CLOSING
from emocli.training.language.settings import Settings

DRAWN = 128  # completions that are drawn at a time; our choice
NAMES = ("accuracy", "format", "truth")  # of the rewards, as settings have them


class Question(NamedTuple):
    """What is asked about a record, its label, and what was measured of the voice."""

    prompt: Sequence[int]
    gold: str
    measured: Measured


@dataclass(frozen=True)
class Asked:
    """Questions, the labels to answer with, and the instruction that a thought must not repeat."""

    questions: Sequence[Question]
    labels: Sequence[str]
    instruction: str

    def rewards(self, place: int, text: str) -> Rewards:
        """Return the rewards of an answer to a question."""
        asked = self.questions[place]
        return rewards(text, asked.gold, self.labels, self.instruction, asked.measured)

    def sorted(self, places: Sequence[int]) -> list[int]:
        """Return places of questions, the shortest question first."""
        return sorted(places, key=lambda place: len(self.questions[place].prompt))


def total(table: Tensor, settings: Settings) -> Tensor:
    """Return the weighted sum (...) of rewards (..., kinds)."""
    weights = [settings.accuracy, settings.format, settings.truth]
    return table @ torch.tensor(weights, dtype=table.dtype)


def drawn(
    model: LanguageModel, asked: Asked, places: Sequence[int], settings: Settings, seed: int
) -> list[list[Sample]]:
    """Return a group of answers to each of some questions.

    What is drawn for a question depends on the seed and its place alone.
    """
    made = []
    at_once = max(1, DRAWN // settings.group)
    with still(model.network):
        for start in range(0, len(places), at_once):
            chosen = places[start : start + at_once]
            made += sample(
                model,
                [asked.questions[place].prompt for place in chosen],
                settings.group,
                settings.length,
                seeds=[seed + place for place in chosen],
                stop=CLOSING,
                temperature=settings.temperature,
            )
    return made


def evaluated(model: LanguageModel, asked: Asked, settings: Settings) -> dict[str, float]:
    """Return dev_loss, minus the mean reward of the likeliest answers, and each mean."""
    places = asked.sorted(range(len(asked.questions)))
    found = []
    for start in range(0, len(places), DRAWN):
        chosen = places[start : start + DRAWN]
        prompts = [asked.questions[place].prompt for place in chosen]
        answers = sample(
            model, prompts, 1, settings.length, seeds=chosen, stop=CLOSING, temperature=0.0
        )
        found += [asked.rewards(place, s.text) for place, (s,) in zip(chosen, answers, strict=True)]
    means = torch.tensor(found, dtype=torch.float64).mean(0)
    told = {f"dev_{name}": mean for name, mean in zip(NAMES, means.tolist(), strict=True)}
    return {"dev_loss": -float(total(means, settings)), **told}


@contextlib.contextmanager
def still(network: Any) -> Iterator[None]:
    """Put a network into evaluation mode for a while."""
    before = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(before)
