"""A consolidator: a model makes one description of measured facts, and is told the label.

As in MMEVerse (Emotion-LLaMAv2, 2026, https://arxiv.org/abs/2601.16449), whose prompt is not
published; the template, `consolidator.toml`, is ours. What it writes teaches the words of the
label, since it was told that: it is no evidence for it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from emocli.errors import ConfigError
from emocli.llm import prompts

SHIPPED = Path(__file__).with_name("consolidator.toml")
LIMIT = 200  # tokens of a description; our choice
FACTS = ("label", "text", "voice", "face")


def template(file: Path | None = None) -> Mapping[str, Any]:
    """Return the template of a TOML file, the shipped one without; ConfigError for another form."""
    path = file or SHIPPED
    try:
        contents = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise ConfigError(f"template {path}: {error.strerror}") from None
    except ValueError as error:  # of TOML and of UTF-8
        raise ConfigError(f"template {path} is not a TOML file: {error}") from None
    texts = [contents.get("system"), contents.get("ask")]
    lines = contents.get("user")
    whole = all(isinstance(text, str) for text in texts) and isinstance(lines, list)
    if not whole or not all(isinstance(line, str) for line in lines or ()):
        hint = f"texts system and ask, and a list of texts user, as in {SHIPPED}"
        raise ConfigError(f"template {path}: something is missing", hint=hint)
    if not any("$label" in line for line in lines or ()):
        raise ConfigError(f"template {path}: user has no $label")
    return contents


def digest(contents: Mapping[str, Any]) -> str:
    """Return the first digits of the sha256 over a template."""
    return prompts.digest(contents)


def messages(contents: Mapping[str, Any], facts: Mapping[str, str]) -> list[dict[str, str]]:
    r"""Return the conversation about some facts; a line is left out where one of its is not there.

    >>> asked = {"system": "s", "user": ["A: $text", "B: $face"], "ask": "Well?"}
    >>> messages(asked, {"text": "hm"})[1]["content"]
    'A: hm\nWell?'
    """
    known = {name: facts[name] for name in FACTS if facts.get(name)}
    lines = [
        Template(line).safe_substitute(known)
        for line in contents["user"]
        if not any(f"${name}" in line for name in FACTS if name not in known)
    ]
    user = "\n".join([*lines, contents["ask"].strip()])
    return [
        {"role": "system", "content": contents["system"].strip()},
        {"role": "user", "content": user},
    ]
