"""Instructions: what a language model is trained to do, by tasks that are data.

A task is a TOML file beside this one: what is asked, in several wordings, where a label has the
answer, and of what kind it is. How an utterance is told and the form of an answer are those of
templates, so that what is trained is what `emocli.llm.prompts` asks. The tasks are those of
MMEVerse (Emotion-LLaMAv2, 2026, https://arxiv.org/abs/2601.16449), which draws a wording at random
from 10 to 30 per task; the wordings here are our own. Everything that is drawn depends on seed,
epoch and id alone.
"""

from __future__ import annotations

import functools
import hashlib
import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocli.errors import UsageError
from emocli.llm import prompts
from emocli.llm.prompts import Utterance

FOLDER = Path(__file__).parent
TAKEN = ("user", "format", "answer")  # tables of a template
CHOICE, SEVERAL, NUMBER, WORDS = "choice", "several", "number", "words"  # kinds of answers
DESCRIPTION = "description"  # another one: what a machine wrote
LISTED = (CHOICE, SEVERAL)  # those with labels to choose from


@dataclass(frozen=True)
class Task:
    """A task: the contents of its file, with what it takes from its template."""

    name: str
    contents: Mapping[str, Any]
    digest: str  # of its contents

    @property
    def kind(self) -> str:
        """The kind of its answers."""
        return str(self.contents["kind"])

    @property
    def labels(self) -> list[str]:
        """The labels of a choice, unless others are given."""
        return list(self.contents.get("labels", ()))

    @property
    def wordings(self) -> list[str]:
        """What is asked, in all wordings."""
        return list(self.contents["ask"])

    @property
    def explains(self) -> bool:
        """Say whether a thought has to come before the answer."""
        return bool(self.contents.get("explains"))

    @property
    def thought(self) -> str | None:
        """Where its thoughts come from, None for a task without or with those of a template."""
        return self.contents.get("thought")

    @property
    def describes(self) -> list[str]:
        """The keys of `descriptions` of which the first is its answer."""
        return list(self.contents.get("describes", ()))

    @property
    def falls_back(self) -> list[str]:
        """The tasks that take its place where a record has no description of use."""
        return list(self.contents.get("falls_back", ()))

    @property
    def sees(self) -> list[str] | None:
        """The streams that may go with the question, by name or modality; None for all."""
        return self.contents.get("sees")

    @property
    def voice(self) -> str | None:
        """How much of the voice is told at most; None for what is asked for."""
        return self.contents.get("voice")

    def neutral(self, dataset: str | None) -> tuple[str | None, float]:
        """Return the neutral label, and the share of lists that lack it, for a corpus."""
        neutral = self.contents.get("neutral", {})
        special = neutral.get("left_out_of", {})
        return neutral.get("word"), special.get(dataset, neutral.get("left_out", 0.0))

    def scale(self, dataset: str | None) -> tuple[float, float]:
        """Return the ends of the scale of a corpus, for numbers."""
        scales = self.contents["scale"]
        least, most = scales.get(dataset, scales["default"])
        return least, most

    def written(self, value: float, ends: tuple[float, float]) -> str:
        """Return a number as `predict` would score it on a scale: the nearest of its steps."""
        from emocli.llm import candidates  # numpy

        scale = dict(zip(("least", "most"), ends, strict=True)) | {"step": self.contents["step"]}
        return candidates.nearest(scale, value)

    def system(
        self, wording: int, labels: Sequence[str], ends: tuple[float, float], form: str
    ) -> str:
        """Return what is asked, and the form of the answer."""
        fields = {"labels": listed(labels)}
        fields |= {name: rating(end) for name, end in zip(("least", "most"), ends, strict=True)}
        asked = (self.wordings[wording], self.contents["format"][form])
        return prompts.asking(asked, **fields)

    def messages(
        self, system: str, utterance: Utterance, answer: str, thought: str | None = None
    ) -> list[dict[str, str]]:
        """Return a conversation of one question and its answer, told as prompts tell it."""
        user = prompts.told(self.contents["user"], utterance)
        said = prompts.completion(self.contents["answer"], answer, thought)
        turns = (("system", system), ("user", user), ("assistant", said))
        return [{"role": role, "content": content} for role, content in turns]


def names() -> list[str]:
    """Return the names of the tasks."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@functools.cache
def task(name: str) -> Task:
    """Return a task; UsageError for an unknown one."""
    if name not in names():
        raise UsageError(f"--task: unknown task {name:.40}", hint=f"one of {', '.join(names())}")
    own = tomllib.loads((FOLDER / f"{name}.toml").read_bytes().decode())
    common: Mapping[str, Any] = prompts.shared()
    if asked := own.get("template"):
        common = prompts.template(asked).contents
    texts = {table: common[table] for table in TAKEN if table in common}
    taken = {"labels": common.get("labels", []), **(common.get("numbers") or {})}
    contents = prompts.completed({**taken, **own}, texts)
    return Task(name, contents, prompts.digest(contents))


def draws(seed: int, epoch: int, identity: str) -> random.Random:
    """Return the generator of everything that is drawn for a record."""
    text = f"{seed}/{epoch}/{identity}".encode("utf-8", "surrogatepass")
    return random.Random(hashlib.blake2b(text, digest_size=16).digest())


def choices(labels: Sequence[str], gold: str, neutral: str | None, leaves_out: bool) -> list[str]:
    """Return the labels to choose from: without neutral where it is left out and not the answer.

    >>> choices(["neutral", "joy", "anger"], "joy", "neutral", True)
    ['joy', 'anger']
    >>> choices(["neutral", "joy"], "neutral", "neutral", True)
    ['neutral', 'joy']
    """
    without = [label for label in labels if label != neutral]
    return without if leaves_out and gold != neutral and gold in without else list(labels)


def rating(value: float) -> str:
    """Return the end of a scale as it is asked for: one decimal.

    >>> rating(3), rating(-0.04)
    ('3.0', '0.0')
    """
    return f"{round(value, 1) + 0.0:.1f}"


def listed(labels: Sequence[str]) -> str:
    """Return labels as a list in a text."""
    return ", ".join(labels)
