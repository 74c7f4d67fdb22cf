"""Emotion wheels: which sector of a wheel a word for a feeling belongs to.

As MER-UniBench compares open vocabularies (AffectGPT, 2025, https://arxiv.org/abs/2501.16566; used
by Emotion-LLaMAv2, https://arxiv.org/abs/2601.16449): a word is reduced to the words of a wheel
through synonyms, and these to the inner ring. Words that lead nowhere are dropped. The wheels here
are four published ones (`wheels/`), the synonyms come from WordNet 3.0 (`synonyms.toml`): figures
are not those of the benchmark, which has five wheels and a table of its own. Our choices: everyday
words beside those of a wheel (`also`); a word of the wheel counts for its own sector, a synonym for
the sector that most of its words have, and for none if two have as many; neutral is in no sector.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("wheels")
SYNONYMS = Path(__file__).with_name("synonyms.toml")


class Overlap(NamedTuple):
    """How two sets of words agree on one wheel: sectors that both have, and those of each."""

    common: int
    predicted: int
    gold: int


def names() -> list[str]:
    """Return the names of the wheels."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@functools.cache
def sectors(wheel: str) -> Mapping[str, str]:
    """Return the sector of every word that a wheel knows, synonyms included."""
    contents = tomllib.loads((FOLDER / f"{wheel}.toml").read_bytes().decode())
    tables = (contents["also"], contents["clusters"])
    own = {word: name for table in tables for name, words in table.items() for word in words}
    votes: dict[str, Counter[str]] = {}
    for word, name in own.items():
        for form in _synonyms().get(word, ()):
            votes.setdefault(form, Counter())[name] += 1
    led = {form: _agreed(counts) for form, counts in votes.items()}
    return {form: name for form, name in led.items() if name} | own


@functools.cache
def _synonyms() -> Mapping[str, list[str]]:
    return tomllib.loads(SYNONYMS.read_bytes().decode())


def _agreed(counts: Counter[str]) -> str | None:
    """Return the sector with the most votes, None where two have as many."""
    (first, most), *rest = counts.most_common(2)
    return None if rest and rest[0][1] == most else first


def of(words: Iterable[str], wheel: str) -> set[str]:
    """Return the sectors of words on a wheel.

    >>> sorted(of(["Furious", "happily", "table"], "plutchik"))
    ['anger', 'joy']
    """
    known = sectors(wheel)
    found = (known.get(" ".join(word.casefold().split())) for word in words)
    return {sector for sector in found if sector is not None}


def overlap(predicted: Iterable[str], gold: Iterable[str], wheel: str) -> Overlap:
    """Return how predicted and gold words agree on a wheel."""
    ours, theirs = of(predicted, wheel), of(gold, wheel)
    return Overlap(len(ours & theirs), len(ours), len(theirs))


_BEFORE = re.compile(
    r"(?:\b(?:not|never|no|without|neither|nor|than|instead of)|n['’]t)\s*(?:\w+\s)?$"
)


def named(text: str) -> list[str]:
    """Return the words for feelings that a text names, but for those that it denies.

    >>> named("She is furious, not happy.")
    ['furious']
    """
    text = text.casefold()
    known = [sectors(wheel) for wheel in names()]
    return [
        match[0]
        for match in re.finditer(r"[a-z]+(?:-[a-z]+)?", text)
        if any(match[0] in table for table in known)
        and not _BEFORE.search(text, max(0, match.start() - 24), match.start())
    ]
