"""Instructions: what a language model is trained to do, by tasks that are data.

A task is a TOML file beside this one: what is asked, in several wordings, where a label has the
answer, and of what kind it is. The tasks are those of MMEVerse (Emotion-LLaMAv2, 2026,
https://arxiv.org/abs/2601.16449), which draws a wording at random from 10 to 30 per task; the
wordings here are our own. Everything that is drawn depends on seed, epoch and id alone.
"""

from __future__ import annotations

import functools
import hashlib
import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from emocli.errors import UsageError

FOLDER = Path(__file__).parent
SHARED = "_shared"
CHOICE, NUMBER, WORDS = "choice", "number", "words"  # kinds of answers
PLAIN, THOUGHT = "plain", "thought"  # forms of answers
DIGEST_LENGTH = 16  # hexadecimal digits
SPEAKER = "Speaker_{}"


class Turn(NamedTuple):
    """What somebody said."""

    text: str
    speaker: str | None = None


class Told(NamedTuple):
    """What an instruction tells of an utterance: words, turns before, the voice in words."""

    said: Turn
    before: Sequence[Turn] = ()
    summary: str | None = None
    vowels: str | None = None


@dataclass(frozen=True)
class Task:
    """A task: the contents of its file."""

    name: str
    contents: Mapping[str, Any]
    digest: str  # of its file and of the shared one

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

    def system(
        self, wording: int, labels: Sequence[str], ends: tuple[float, float], form: str
    ) -> str:
        """Return what is asked, and the form of the answer."""
        fields = {"labels": listed(labels)}
        fields |= {name: rating(end) for name, end in zip(("least", "most"), ends, strict=True)}
        asked = (self.wordings[wording], self.contents["format"][form])
        return "\n".join(_filled(text, **fields).strip() for text in asked)


def names() -> list[str]:
    """Return the names of the tasks."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != SHARED)


@functools.cache
def task(name: str) -> Task:
    """Return a task; UsageError for an unknown one."""
    if name not in names():
        raise UsageError(f"--task: unknown task {name:.40}", hint=f"one of {', '.join(names())}")
    raw = [(FOLDER / f"{stem}.toml").read_bytes() for stem in (name, SHARED)]
    digest = hashlib.sha256(b"\0".join(raw)).hexdigest()[:DIGEST_LENGTH]
    return Task(name, tomllib.loads(raw[0].decode()), digest)


@functools.cache
def shared() -> Mapping[str, Mapping[str, str]]:
    """Return what the instructions of all tasks have in common."""
    return tomllib.loads((FOLDER / f"{SHARED}.toml").read_bytes().decode())


def draws(seed: int, epoch: int, identity: str) -> random.Random:
    """Return the generator of everything that is drawn for a record."""
    text = f"{seed}/{epoch}/{identity}".encode("utf-8", "surrogatepass")
    return random.Random(hashlib.blake2b(text, digest_size=16).digest())


def candidates(
    labels: Sequence[str], gold: str, neutral: str | None, leaves_out: bool
) -> list[str]:
    """Return the labels to choose from: without neutral where it is left out and not the answer.

    >>> candidates(["neutral", "joy", "anger"], "joy", "neutral", True)
    ['joy', 'anger']
    >>> candidates(["neutral", "joy"], "neutral", "neutral", True)
    ['neutral', 'joy']
    """
    without = [label for label in labels if label != neutral]
    return without if leaves_out and gold != neutral and gold in without else list(labels)


def rating(value: float) -> str:
    """Return a number as it is asked for and answered: one decimal.

    >>> rating(3), rating(-0.04)
    ('3.0', '0.0')
    """
    return f"{round(value, 1) + 0.0:.1f}"


def listed(labels: Sequence[str]) -> str:
    """Return labels as a list in a text."""
    return ", ".join(labels)


def question(told: Told) -> str:
    """Return what is told of an utterance; its speakers are anonymous, as in VowelPrompt."""
    texts = shared()["user"]
    names = _anonymous([*told.before, told.said])
    lines = [
        _filled(texts["turn"], speaker=name, text=turn.text)
        for name, turn in zip(names, told.before, strict=False)
    ]
    parts = [_filled(texts["context"], turns="\n".join(lines))] if lines else []
    for key, text in (("text", told.said.text), ("summary", told.summary), ("vowels", told.vowels)):
        if text:
            parts.append(_filled(texts[key], speaker=names[-1], text=text))
    return "".join(parts).strip()


def answer(text: str, thought: str | None = None) -> str:
    """Return an answer, with its thought if it has one.

    >>> answer("joy"), answer("joy", "Pitch is high.")
    ('joy', '<think>Pitch is high.</think><answer>joy</answer>')
    """
    forms = shared()["answer"]
    if thought is None:
        return _filled(forms[PLAIN], answer=text)
    return _filled(forms[THOUGHT], answer=text, thought=thought)


def messages(system: str, user: str, assistant: str) -> list[dict[str, str]]:
    """Return a conversation of one question and its answer."""
    turns = (("system", system), ("user", user), ("assistant", assistant))
    return [{"role": role, "content": content} for role, content in turns]


def _filled(pattern: str, /, **fields: str) -> str:
    return Template(pattern).safe_substitute(fields)


def _anonymous(turns: Sequence[Turn]) -> list[str]:
    known: dict[str | None, str] = {}
    return [known.setdefault(t.speaker, SPEAKER.format(len(known) + 1)) for t in turns]
