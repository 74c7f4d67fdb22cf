"""Layouts of soft tokens: which placeholders a prompt has, and what they stand for.

A layout is a TOML file, of a system that is shipped or of your own: `prompt`, a text with
placeholders such as <audio>, that begins what is told of a record; `words`, whether its transcript
is told as well; `optional`, whether a placeholder may be left out if no record has its streams; and
for each placeholder a table [slots.NAME] with `tokens`, `streams`, and how they become tokens:
`projector` (linear, mlp, low-rank), `merge`, `fusion` (a model) with its `settings`, `frozen`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emocli.errors import UsageError
from emocli.llm.soft_tokens import PLACEHOLDER

FOLDER = Path(__file__).with_name("soft")
HINT = "a system, a TOML file, or STREAM=TOKENS"
PLAIN_PROJECTOR = "low-rank"  # where only a stream and a number are given; our choice
Layout = dict[str, Any]


def names() -> list[str]:
    """Return the names of the shipped layouts."""
    return sorted(path.stem.replace("_", "-") for path in FOLDER.glob("*.toml"))


def layout(asked: str) -> Layout:
    """Return the layout of a flag: SYSTEM, SYSTEM=TOKENS, FILE.toml, or STREAM=TOKENS,...

    SYSTEM:BUNDLE, SYSTEM=TOKENS:BUNDLE begin with the weights of a fusion model that was trained by
    itself. Raises UsageError for another one.
    """
    name, _, start = asked.partition(":")
    system, _, size = name.partition("=")
    if system in names():
        read = _read(FOLDER / f"{system.replace('-', '_')}.toml")
        if size:
            read["slots"] = {n: _sized(s, _count(asked, size)) for n, s in read["slots"].items()}
        if start:
            read["slots"] = {n: _begun(s, start) for n, s in read["slots"].items()}
        return read
    if Path(asked).suffix == ".toml":
        return _read(Path(asked))
    return _plain(asked)


def _plain(asked: str) -> Layout:
    """Return the layout of STREAM=TOKENS,...: a placeholder for each stream."""
    slots = {}
    for part in asked.split(","):
        name, _, count = part.strip().partition("=")
        if not PLACEHOLDER.fullmatch(f"<{name}>") or not count:
            hint = f"{HINT}; systems: {', '.join(names())}"
            raise UsageError(f"--soft {asked:.80}: unknown", hint=hint)
        slots[name] = {"tokens": _count(asked, count), "streams": [name]}
        slots[name] |= {"projector": PLAIN_PROJECTOR}
    prompt = "".join(f"<{name}>" for name in slots) + "\n"
    return {"prompt": prompt, "words": True, "slots": slots}


def _count(asked: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 4096:
        raise UsageError(f"--soft {asked:.80}: {text:.20} is not a number of tokens", hint=HINT)
    return int(text)


def _sized(slot: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Return a slot of another number of tokens; one that has a single token keeps it."""
    sized = {**slot, "tokens": count}
    return sized if slot["tokens"] > 1 else dict(slot)


def _begun(slot: Mapping[str, Any], start: str) -> dict[str, Any]:
    """Return a slot whose fusion begins with the weights of a bundle."""
    return {**slot, "start": start} if slot.get("fusion") else dict(slot)


def _read(path: Path) -> Layout:
    try:
        read = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise UsageError(f"--soft {path}: {error.strerror}", hint=HINT) from None
    except ValueError as error:  # of TOML and of UTF-8
        raise UsageError(f"--soft {path} is not a TOML file: {error}") from None
    return {"words": True, **read}


def fault(found: Mapping[str, Any]) -> str:
    """Return how placeholders and slots of a layout disagree, "" if they agree."""
    placed, slots = PLACEHOLDER.findall(found["prompt"]), found["slots"]
    if twice := [n for i, n in enumerate(placed) if n in placed[:i]]:
        return f"<{twice[0]}> is in the prompt twice"
    if more := [n for n in placed if n not in slots]:
        return f"<{more[0]}> is in the prompt, and there is no table slots.{more[0]}"
    if more := [n for n in slots if n not in placed]:
        return f"slots.{more[0]} has no placeholder <{more[0]}> in the prompt"
    return "" if slots else "no slots"


def without(found: Layout, names: list[str]) -> Layout:
    """Return a layout without some placeholders."""
    prompt = found["prompt"]
    for name in names:
        prompt = prompt.replace(f"<{name}> ", "").replace(f"<{name}>", "")
    slots = {n: slot for n, slot in found["slots"].items() if n not in names}
    return {**found, "prompt": prompt, "slots": slots}
