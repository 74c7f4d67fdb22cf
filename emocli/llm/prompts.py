"""Prompts: what a language model is asked about an utterance, by a template that is data.

The order is that of VowelPrompt (Wang et al. 2026, https://arxiv.org/abs/2602.06270): role, context
with anonymous speakers, utterance, clauses about its vowels. Our choice: labels and format stand
with the role, at the beginning, so that prompts differ as late as possible and their common part
is computed once; and all wordings, which the paper does not publish.
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
from emocli.llm.language_model import LanguageModel

FOLDER = Path(__file__).with_name("templates")
CONSTRAINED, GREEDY = "constrained", "greedy"
DIGEST_LENGTH = 16  # hexadecimal digits
SPEAKER = "Speaker_{}"
# What a template must have: the names in each table, and the fields that each text may name.
TEXTS: dict[str, dict[str, set[str]]] = {
    "format": {CONSTRAINED: {"labels"}, GREEDY: {"labels"}},
    "user": {
        "context": {"turns"},
        "turn": {"speaker", "text"},
        "text": {"speaker", "text"},
        "summary": {"speaker", "text"},
        "vowels": {"speaker", "text"},
    },
    "answer": {CONSTRAINED: {"answer"}, GREEDY: {"answer"}},
}


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
        text = json.dumps(self.contents, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]

    def around(self, decode: str) -> tuple[str, str]:
        """Return what stands before and after the answer in a completion."""
        before, _, after = self.contents["answer"][decode].partition("$answer")
        return before, after

    def messages(
        self, utterance: Utterance, labels: Sequence[str], decode: str
    ) -> list[dict[str, str]]:
        """Return the conversation that asks about an utterance: role, then content."""
        listed = ", ".join(labels)
        asked = [self.contents["system"], self.contents["format"][decode]]
        system = "\n".join(_filled(text, labels=listed).strip() for text in asked)
        user = self._user(utterance)
        return [{"role": "system", "content": system}, {"role": "user", "content": user}]

    def _user(self, utterance: Utterance) -> str:
        texts = self.contents["user"]
        names = _anonymous([*utterance.before, utterance.said])
        lines = [
            _filled(texts["turn"], speaker=name, text=turn.text)
            for name, turn in zip(names, utterance.before, strict=False)
        ]
        said = {"text": utterance.said.text, "summary": utterance.summary}
        said["vowels"] = utterance.vowels
        parts = [_filled(texts["context"], turns="\n".join(lines))] if lines else []
        for key, text in said.items():
            if text is not None:
                parts.append(_filled(texts[key], speaker=names[-1], text=text))
        return "".join(parts).strip()


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
        contents = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"template {path}: {error.strerror}") from None
    except ValueError as error:  # of TOML and of UTF-8
        raise ConfigError(f"template {path} is not a TOML file: {error}") from None
    return checked(contents, str(path))


def names() -> list[str]:
    """Return the names of the shipped templates."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def checked(contents: Mapping[str, Any], where: str) -> Template:
    """Return the template with these contents; ConfigError, naming `where`, if they are wrong."""

    def refuse(fault: str) -> ConfigError:
        shown = f"see {FOLDER / 'emotion.toml'}"
        return ConfigError(f"template {where}: {fault}", hint=shown)

    for key in ("name", "system"):
        if not isinstance(contents.get(key), str):
            raise refuse(f"no text {key}")
    for table, texts in TEXTS.items():
        for key, known in texts.items():
            text = (contents.get(table) or {}).get(key)
            if not isinstance(text, str):
                raise refuse(f"no text {table}.{key}")
            if unknown := set(Pattern(text).get_identifiers()) - known:
                raise refuse(f"{table}.{key} names ${min(unknown)}")
    if any("$answer" not in text for text in contents["answer"].values()):
        raise refuse("a text of answer has no $answer")
    if not _is_list_of_texts(contents.get("labels", [])):
        raise refuse("labels is not a list of words")
    if fault := _numbers_fault(contents.get("numbers")):
        raise refuse(fault)
    for rule, listed in (contents.get("prior") or {}).items():
        if not _is_list_of_texts(listed):
            raise refuse(f"prior.{rule} is not a list of texts")
    return Template(dict(contents))


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _numbers_fault(numbers: Any) -> str:
    if numbers is None:
        return ""
    sides = [numbers.get(k) for k in ("least", "most", "step")] if hasattr(numbers, "get") else []
    if not sides or any(not isinstance(side, int | float) for side in sides):
        return "numbers has no least, most and step"
    least, most, step = sides
    return "" if step > 0 and least < most else "numbers: least, most and step make no range"


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
