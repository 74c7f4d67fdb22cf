"""Prompts: what a language model is asked about an utterance, by a template that is data.

The order is that of VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270): role, context
with anonymous speakers, utterance, clauses about its vowels. Our choice: all wordings, and labels
and format with the role, so that what prompts have in common is long.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template as Pattern
from typing import Any, NamedTuple

from emocli.errors import ConfigError
from emocli.llm import template_rules
from emocli.llm.language_model import LanguageModel
from emocli.llm.soft_tokens import unmarked
from emocli.llm.template_rules import CLOSING, PLAIN, THOUGHT

FOLDER = Path(__file__).with_name("templates")
SHARED = "_shared"  # what all templates have in common, unless they have their own
# Ways to find an answer: labels scored; a thought and an answer written; a thought written, labels
# scored; one word written. What is WRITTEN has no probability.
CONSTRAINED, GREEDY, THINKING, WORD = "constrained", "greedy", "thought", "word"
WRITTEN = (GREEDY, WORD)
DIGEST_LENGTH = 16  # hexadecimal digits
SPEAKER = "Speaker_{}"


class Turn(NamedTuple):
    """What somebody said."""

    text: str
    speaker: str | None = None


@dataclass(frozen=True)
class Utterance:
    """What a prompt says of an utterance: its words, the turns before, the voice in words."""

    said: Turn
    before: Sequence[Turn] = field(default=())
    summary: str | None = None  # a sentence about the whole
    vowels: str | None = None  # a clause for each vowel
    soft: str = ""  # a text with marks where soft tokens go


@dataclass(frozen=True)
class Template:
    """A template: the contents of its TOML file, checked by `template`."""

    contents: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, which for numbers is also what is predicted: valence, sentiment."""
        return str(self.contents["name"])

    @property
    def labels(self) -> list[str]:
        """The labels that are asked for unless others are given; none if numbers are."""
        return list(self.contents.get("labels") or ())

    @property
    def numbers(self) -> Mapping[str, float] | None:
        """The least, the most and the step of the numbers that are asked for, or None."""
        return self.contents.get("numbers")

    def prior_texts(self, rule: str) -> list[str]:
        """Return the texts whose answers are the prior, by its rule; none for another rule."""
        return list((self.contents.get("prior") or {}).get(rule.replace("-", "_")) or ())

    @functools.cached_property
    def digest(self) -> str:
        """The first digits of the sha256 over its contents."""
        return digest(self.contents)

    def around(self, decode: str) -> tuple[str, str]:
        """Return what stands before and after the answer in a completion, without the thought."""
        text = self.contents["answer"][form(decode)]
        before, _, after = text.removeprefix("$thought".join(self.thinking)).partition("$answer")
        return before, after

    @property
    def thinking(self) -> tuple[str, str]:
        """What stands before and after the thought in a completion."""
        before, _, rest = self.contents["answer"][THOUGHT].partition("$thought")
        blanks, tag, _ = rest.partition(CLOSING)
        return before, blanks + tag

    def completion(self, answer: str, thought: str | None = None) -> str:
        """Return an answer as a model should write it, with its thought if it has one."""
        return completion(self.contents["answer"], answer, thought)

    def messages(
        self, utterance: Utterance, labels: Sequence[str], decode: str
    ) -> list[dict[str, str]]:
        """Return the conversation that asks about an utterance: role, then content."""
        asked = [self.contents["system"], self.contents["format"][form(decode)]]
        system = asking(asked, labels=", ".join(labels))
        user = told(self.contents["user"], utterance)
        return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def digest(contents: Mapping[str, Any]) -> str:
    """Return the first digits of the sha256 over the contents of a file."""
    text = json.dumps(contents, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def form(decode: str) -> str:
    """Return the form of the answers of a decoding: plain, or with a thought."""
    return PLAIN if decode in (CONSTRAINED, WORD) else THOUGHT


def asking(texts: Sequence[str], **fields: str) -> str:
    """Return what a model is asked to do, of some texts with fields to fill in."""
    return "\n".join(_filled(text, **fields).strip() for text in texts)


def told(texts: Mapping[str, str], utterance: Utterance) -> str:
    """Return what is told of an utterance by the texts `user`: what it has, speakers anonymous."""
    names = _anonymous([*utterance.before, utterance.said])
    lines = [
        _filled(texts["turn"], speaker=name, text=unmarked(turn.text))
        for name, turn in zip(names, utterance.before, strict=False)
    ]
    said = {"text": utterance.said.text, "summary": utterance.summary, "vowels": utterance.vowels}
    parts = [utterance.soft] if utterance.soft else []
    parts += [_filled(texts["context"], turns="\n".join(lines))] if lines else []
    for key, text in said.items():
        if text:
            parts.append(_filled(texts[key], speaker=names[-1], text=unmarked(text)))
    return "".join(parts).strip()


def completion(texts: Mapping[str, str], answer: str, thought: str | None = None) -> str:
    """Return an answer as a model should write it, by the texts `answer` of a template.

    >>> texts = {"plain": "Emotion: $answer", "thought": "<think>$thought</think>$answer"}
    >>> completion(texts, "joy"), completion(texts, "joy", "Pitch is high.")
    ('Emotion: joy', '<think>Pitch is high.</think>joy')
    """
    if thought is None:
        return _filled(texts[PLAIN], answer=answer)
    return _filled(texts[THOUGHT], answer=answer, thought=thought)


def template(name: str) -> Template:
    """Return a template by the name of a shipped one, or from a TOML file.

    Raises ConfigError for one that is not there, is damaged or lacks something.
    """
    path = Path(name)
    if name in names():
        path = FOLDER / f"{name}.toml"
    elif path.suffix != ".toml":
        hint = f"one of {', '.join(names())}, or a TOML file"
        raise ConfigError(f"unknown template {name!r:.60}", hint=hint)
    try:
        contents = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"template {path}: {error.strerror}") from None
    except ValueError as error:  # of TOML and of UTF-8
        raise ConfigError(f"template {path} is not a TOML file: {error}") from None
    return checked(completed(contents, shared()), str(path))


def names() -> list[str]:
    """Return the names of the shipped templates."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != SHARED)


def checked(contents: Mapping[str, Any], where: str) -> Template:
    """Return the template with these contents; ConfigError, naming `where`, if they are wrong."""
    if fault := template_rules.fault(contents):
        hint = f"see {FOLDER / 'emotion.toml'} and {SHARED}.toml"
        raise ConfigError(f"template {where}: {fault}", hint=hint)
    return Template(dict(contents))


@functools.cache
def shared() -> Mapping[str, Mapping[str, Any]]:
    """Return what templates and instructions have in common: tables of texts."""
    return tomllib.loads((FOLDER / f"{SHARED}.toml").read_bytes().decode())


def completed(contents: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """Return contents with what they lack of the tables that are common to all.

    >>> completed({"name": "a", "user": {"turn": "b"}}, {"user": {"turn": "c", "text": "d"}})
    {'name': 'a', 'user': {'turn': 'b', 'text': 'd'}}
    """
    whole = dict(contents)
    for name, table in common.items():
        own = contents.get(name, {})
        whole[name] = {**table, **own} if isinstance(own, Mapping) else own
    return whole


def _filled(pattern: str, /, **fields: str) -> str:
    return Pattern(pattern).safe_substitute(fields)


def _anonymous(turns: Sequence[Turn]) -> list[str]:
    """Return a name for the speaker of each turn, by the order in which they first speak.

    >>> _anonymous([Turn("a", "Joey"), Turn("b", "Ross"), Turn("c", "Joey")])
    ['Speaker_1', 'Speaker_2', 'Speaker_1']
    """
    known: dict[str | None, str] = {}
    return [known.setdefault(t.speaker, SPEAKER.format(len(known) + 1)) for t in turns]


def rendered(model: LanguageModel, messages: Sequence[dict[str, str]]) -> str:
    """Return a conversation as the text that a model reads, up to where its answer begins.

    A model without a chat template, or one whose template knows no system, gets the role and the
    question in one text.
    """
    messages = [{**m, "content": model.harmless(m["content"])} for m in messages]
    if model.has_chat_template:
        for turns in (messages, [{"role": "user", "content": _joined(messages)}]):
            try:
                # What a template does not know is ignored: that thought is not wanted first.
                return str(
                    model.tokenizer.apply_chat_template(
                        turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
                    )
                )
            except Exception:  # jinja's own errors, raised by templates that want no system
                continue
    return f"{_joined(messages)}\n\n"


def _joined(messages: Sequence[dict[str, str]]) -> str:
    return "\n\n".join(message["content"] for message in messages)


def tokens(model: LanguageModel, messages: Sequence[dict[str, str]]) -> list[int]:
    """Return the ids of a conversation; see `rendered`."""
    return model.tokens(rendered(model, messages), begins=not model.has_chat_template)
