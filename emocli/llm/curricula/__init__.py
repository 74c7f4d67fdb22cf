"""Curricula: which task a record of a corpus is asked, and how often a corpus is drawn; data.

A curriculum is a TOML file, beside this one or of your own: `tasks`, names and weights; `corpora`,
each with `weight` and, if it has tasks of its own, `tasks`; and `other`, the weight of corpora that
are not listed (1). The shipped ones are the two stages of Emotion-LLaMAv2 (2026,
https://arxiv.org/abs/2601.16449).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocli.errors import UsageError
from emocli.llm import instructions

FOLDER = Path(__file__).parent
KEYS = {"tasks", "corpora", "other"}
OWN = {"tasks", "weight"}  # of a corpus
Weights = Mapping[str, float]


@dataclass(frozen=True)
class Curriculum:
    """Tasks with their weights, by corpus, and the weight of each corpus."""

    name: str
    common: Weights
    corpora: Mapping[str, Mapping[str, Any]]
    other: float = 1.0

    def tasks(self, corpus: str | None) -> Weights:
        """Return the tasks of a corpus, those of all others for one that is not listed."""
        own: Weights = self.corpora.get(corpus or "", {}).get("tasks", self.common)
        return own

    def weight(self, corpus: str | None) -> float:
        """Return how often a corpus is drawn, relative to others."""
        return float(self.corpora.get(corpus or "", {}).get("weight", self.other))


def names() -> list[str]:
    """Return the names of the shipped curricula, in the order of their stages."""
    return sorted((path.stem for path in FOLDER.glob("*.toml")), reverse=True)


def curriculum(asked: str) -> Curriculum:
    """Return a curriculum by its name or file; UsageError for none, or one of another form."""
    where = f"--curriculum {asked:.80}"
    if asked not in names() and Path(asked).suffix != ".toml":
        raise UsageError(f"{where}: unknown", hint=f"{', '.join(names())}, or a TOML file")
    path = FOLDER / f"{asked}.toml" if asked in names() else Path(asked)
    try:
        read = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise UsageError(f"{where}: {error.strerror}") from None
    except ValueError as error:  # of TOML and of UTF-8
        raise UsageError(f"{where} is not a TOML file: {error}") from None
    if wrong := fault(read):
        raise UsageError(f"{where}: {wrong}", hint="see emocli/llm/curricula for examples")
    corpora = {name.casefold(): about for name, about in read.get("corpora", {}).items()}
    return Curriculum(path.stem, read["tasks"], corpora, read.get("other", 1.0))


def fault(read: Mapping[str, Any]) -> str:
    """Return the first fault of what a file has, "" if it has none."""
    if more := set(read) - KEYS:
        return f"no setting {min(more)}"
    corpora = read.get("corpora", {})
    if not isinstance(corpora, dict):
        return "corpora is no table"
    if not _is_weight(read.get("other", 1.0)):
        return f"other {read['other']!r:.40} is no weight"
    if wrong := _tasks_fault(read.get("tasks")):
        return wrong
    for name, about in corpora.items():
        if not isinstance(about, dict) or set(about) - OWN:
            return f"corpora.{name} has other settings than weight and tasks"
        if not _is_weight(about.get("weight", 1.0)):
            return f"corpora.{name}: weight {about['weight']!r:.40} is no weight"
        if "tasks" in about and (wrong := _tasks_fault(about["tasks"])):
            return f"corpora.{name}: {wrong}"
    return ""


def _tasks_fault(tasks: Any) -> str:
    if not isinstance(tasks, dict) or not tasks:
        return "no table of tasks"
    if unknown := [name for name in tasks if name not in instructions.names()]:
        return f"no task {unknown[0]:.40}; there are {', '.join(instructions.names())}"
    for name, weight in tasks.items():
        if not _is_weight(weight) or not weight:
            return f"{name}: {weight!r:.40} is no weight above 0"
    return ""


def _is_weight(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value < float("inf")
