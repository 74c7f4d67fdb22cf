"""Candidates: the answers that a language model chooses from, as sequences of tokens in one trie.

An answer is a label, or a number of fixed width; both are whole strings. Tokenizers split some of
them, so nothing is assumed about tokens: strings are split with what stands before them, what all
begin with goes to the end of the prompt, and the rest is a trie whose inner nodes are computed
together. Where one answer begins with another (joy, joyful), all end in the same mark, so that
none wins by being shorter.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emocli.errors import ConfigError

LARGEST = 10_000  # candidates; our choice
ROOT = -1  # the node before all: the last token of the prompt
Row = tuple[int, ...]


class Node(NamedTuple):
    """An inner node of the trie: a token that some candidates share, and more follow."""

    token: int
    depth: int  # 0 for the first token after the prompt
    parent: int


@dataclass(frozen=True)
class Candidates:
    """Candidates as tokens: `stem` ends every prompt, `rows` follow it, one for each candidate."""

    stem: Row
    rows: tuple[Row, ...]

    @functools.cached_property
    def nodes(self) -> list[Node]:
        """The inner nodes of the trie, parents first."""
        return list(self._trie[0])

    @functools.cached_property
    def steps(self) -> list[list[tuple[int, int]]]:
        """For each candidate: at which node which token follows, from the root on."""
        return self._trie[1]

    @functools.cached_property
    def _trie(self) -> tuple[list[Node], list[list[tuple[int, int]]]]:
        places: dict[Row, int] = {(): ROOT}
        nodes: list[Node] = []
        steps = []
        for row in self.rows:
            for depth in range(len(row) - 1):
                prefix = row[: depth + 1]
                if prefix not in places:
                    places[prefix] = len(nodes)
                    nodes.append(Node(row[depth], depth, places[row[:depth]]))
            steps.append([(places[row[:depth]], token) for depth, token in enumerate(row)])
        return nodes, steps

    @functools.cached_property
    def ancestors(self) -> NDArray[np.bool_]:
        """Which nodes each node sees (nodes, nodes): those that lead to it, and itself."""
        seen = np.eye(len(self.nodes), dtype=bool)
        for place, node in enumerate(self.nodes):
            if node.parent != ROOT:
                seen[place] |= seen[node.parent]
        return seen

    @property
    def depth(self) -> int:
        """The number of tokens of the longest candidate."""
        return max(map(len, self.rows))


def of(
    answers: Sequence[str],
    tokens: Callable[[str], Sequence[int]],
    *,
    before: str = "",
    ending: Sequence[int] = (),
) -> Candidates:
    """Return the candidates of answers that follow the text `before`.

    `tokens` splits a text; `ending` is put behind each answer if one begins with another. Raises
    ConfigError for no answers, answers twice, or two that are the same tokens.
    """
    if not answers or any(not answer.strip() for answer in answers):
        raise ConfigError("no labels to choose from", hint="--labels A,B names them")
    if len(answers) > LARGEST:
        raise ConfigError(f"{len(answers)} answers to choose from, at most {LARGEST} are possible")
    if twice := [a for i, a in enumerate(answers) if a in answers[:i]]:
        raise ConfigError(f"the label {twice[0]!r} is there twice")
    rows = [tuple(tokens(before + answer)) for answer in answers]
    if same := [i for i, row in enumerate(rows) if row in rows[:i] or not row]:
        raise ConfigError(f"the tokenizer does not tell {answers[same[0]]!r} from other labels")
    if _some_begin_others(rows):
        rows = [(*row, *ending) for row in rows]
        if not ending or _some_begin_others(rows):
            raise ConfigError("some labels begin with others, and the model has no mark of an end")
    shared = common_prefix(rows) if len(rows) > 1 else rows[0][:-1]
    return Candidates(shared, tuple(row[len(shared) :] for row in rows))


def _some_begin_others(rows: Sequence[Row]) -> bool:
    ordered = sorted(rows)
    return any(b[: len(a)] == a for a, b in itertools.pairwise(ordered))


def common_prefix(rows: Sequence[Sequence[int]]) -> Row:
    """Return the tokens that all rows begin with.

    >>> common_prefix([(1, 2, 3), (1, 2, 4), (1, 2)])
    (1, 2)
    """
    ordered = sorted(map(tuple, rows))
    least, most = ordered[0], ordered[-1]
    for i, (a, b) in enumerate(zip(least, most, strict=False)):
        if a != b:
            return least[:i]
    return least


def numbers(scale: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers of a scale by how they are written: all of the same width.

    >>> list(numbers({"least": -1, "most": 1, "step": 0.5}))
    ['-1.0', '-0.5', '+0.0', '+0.5', '+1.0']
    """
    least, most, step = (float(scale[key]) for key in ("least", "most", "step"))
    count = math.floor((most - least) / step + 1e-9) + 1
    values = [least + i * step for i in range(min(count, LARGEST + 1))]
    decimals = max(_decimals(value) for value in (least, step))
    sign = "+" if least < 0 else ""
    digits = max(len(f"{abs(value):.{decimals}f}") for value in values) + len(sign)
    written = [f"{round(value, decimals) + 0.0:{sign}0{digits}.{decimals}f}" for value in values]
    return dict(zip(written, values, strict=True))


def nearest(scale: Mapping[str, float], value: float) -> str:
    """Return the number of a scale that is nearest to a value, as it is written.

    >>> nearest({"least": 1, "most": 5, "step": 0.1}, 4.26)
    '4.3'
    """
    listed = numbers(scale)
    return min(listed, key=lambda written: abs(listed[written] - value))


def _decimals(value: float) -> int:
    """Return how many digits a number has behind its point, at most six."""
    return len(f"{value:.6f}".rstrip("0").partition(".")[2])


def expectation(logs: NDArray[np.float64], values: Sequence[float]) -> NDArray[np.float64]:
    """Return the mean of numbers (candidates,) under log-probabilities (..., candidates)."""
    weights = np.exp(logs - logs.max(-1, keepdims=True))
    mean: NDArray[np.float64] = weights @ np.asarray(values, np.float64) / weights.sum(-1)
    return mean
