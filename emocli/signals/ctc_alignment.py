"""Align a sequence of tokens with the frames of a CTC network.

A. Graves et al., "Connectionist Temporal Classification", ICML 2006,
https://doi.org/10.1145/1143844.1143891: between tokens there may be blanks, and between two equal
ones there is at least one. The best path is found by the Viterbi algorithm over those states, in
torch, or by torchaudio if it is installed; both find a path of the same score.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from emocli.errors import RecordError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

BLANK = -1  # the place of a frame that belongs to no token


class Path(NamedTuple):
    """For each frame the index of its token, BLANK for none; and the misfit of the path."""

    places: list[int]
    misfit: float  # nats per frame below the likeliest symbol of each frame


Viterbi = Callable[["Tensor", Sequence[int], int], list[int]]


def best_path(log_probs: Tensor, tokens: Sequence[int], blank: int) -> Path:
    """Return the likeliest path of `tokens` through `log_probs` (time, symbols), natural logs.

    Raises RecordError cannot_align where there are fewer frames than the tokens need.
    """
    import torch

    frames = len(log_probs)
    least = len(tokens) + sum(a == b for a, b in pairwise(tokens))
    if least > frames:
        message = f"{frames} frames are too few for {len(tokens)} tokens, which need {least}"
        raise RecordError("cannot_align", message, hint="does the text match the audio?")
    places = backends()[0](log_probs, tokens, blank) if tokens else [BLANK] * frames
    symbols = torch.tensor([blank if p == BLANK else tokens[p] for p in places])
    taken = log_probs.gather(1, symbols.to(log_probs.device)[:, None])[:, 0]
    misfit = float((log_probs.amax(1) - taken).mean()) if frames else 0.0
    return Path(places, misfit)


def backends() -> list[Viterbi]:
    """Return the available implementations, the preferred one first."""
    if sys.modules.get("torchaudio", sys) is None:  # masked, since it cannot be loaded
        return [viterbi]
    try:
        functional = importlib.import_module("torchaudio.functional")
    except (ImportError, OSError, AttributeError):
        return [viterbi]
    return [with_torchaudio, viterbi] if hasattr(functional, "forced_align") else [viterbi]


def with_torchaudio(log_probs: Tensor, tokens: Sequence[int], blank: int) -> list[int]:
    """Return the place of each frame by torchaudio's forced_align."""
    import torch

    functional = importlib.import_module("torchaudio.functional")
    targets = torch.tensor([list(tokens)], device=log_probs.device)
    symbols, _ = functional.forced_align(log_probs[None], targets, blank=blank)
    return places_of(symbols[0].tolist(), blank)


def places_of(symbols: Sequence[int], blank: int) -> list[int]:
    """Return the places along a path given as symbols: a new one wherever the symbol changes.

    >>> places_of([0, 7, 7, 0, 7, 8, 0], 0)
    [-1, 0, 0, -1, 1, 2, -1]
    """
    places, place, before = [], -1, blank
    for symbol in symbols:
        if symbol != blank and symbol != before:
            place += 1
        places.append(BLANK if symbol == blank else place)
        before = symbol
    return places


def viterbi(log_probs: Tensor, tokens: Sequence[int], blank: int) -> list[int]:
    """Return the place of each frame, computing all states of a frame at once.

    State 2i is the blank before token i, state 2i + 1 the token. From one frame to the next a path
    stays, goes on to the next state, or passes over a blank between two tokens that differ.
    """
    import torch

    states = torch.full((2 * len(tokens) + 1,), blank, dtype=torch.long, device=log_probs.device)
    states[1::2] = torch.tensor(list(tokens), device=log_probs.device)
    impossible = float("-inf")
    may_skip = torch.zeros(len(states), dtype=torch.bool, device=log_probs.device)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    scores = log_probs[:, states]  # (time, states)
    best = torch.full_like(scores[0], impossible)
    best[:2] = scores[0, :2]
    steps = torch.zeros(scores.shape, dtype=torch.uint8, device=log_probs.device)
    barred = torch.zeros_like(best).masked_fill_(~may_skip, impossible)[2:]
    for time in range(1, len(scores)):
        step, now = steps[time], best.clone()
        step[1:] = best[:-1] > best[1:]
        torch.maximum(best[1:], best[:-1], out=now[1:])
        skipped = best[:-2] + barred
        step[2:].masked_fill_(skipped > now[2:], 2)
        torch.maximum(now[2:], skipped, out=now[2:])
        best = now.add_(scores[time])
    return _traced(steps.cpu().numpy(), len(states) - 1 - int(best[-2] > best[-1]))


def _traced(steps: npt.NDArray[np.uint8], state: int) -> list[int]:
    """Return the places from the last state back to the first frame."""
    places = []
    for time in range(len(steps) - 1, -1, -1):
        places.append(state // 2 if state % 2 else BLANK)
        state -= int(steps[time][state])
    return places[::-1]


def runs(places: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Return the first frame and the one after the last of each of `count` tokens.

    >>> runs([-1, 0, 0, -1, 1], 2)
    [(1, 3), (4, 5)]
    """
    spans: dict[int, tuple[int, int]] = {}
    for frame, place in enumerate(places):
        if place != BLANK:
            spans[place] = (spans.get(place, (frame, 0))[0], frame + 1)
    return [spans[place] for place in range(count)]


def stretched(
    spans: Sequence[tuple[float, float]], words: Sequence[int], limit_s: float, end_s: float
) -> list[tuple[float, float]]:
    """Widen spans into the blanks beside them, since CTC marks sounds by short spikes.

    Within a word a gap is halved between its neighbours; at the border of a word each span takes
    at most `limit_s` of it. `words` has the word of each span.
    """
    widened = []
    for index, (start, end) in enumerate(spans):
        before = spans[index - 1][1] if index else 0.0
        after = spans[index + 1][0] if index + 1 < len(spans) else end_s
        inside_before = index > 0 and words[index - 1] == words[index]
        inside_after = index + 1 < len(spans) and words[index + 1] == words[index]
        early, late = (start - before) / 2, (after - end) / 2
        first = start - (early if inside_before else min(early, limit_s))
        widened.append((first, end + (late if inside_after else min(late, limit_s))))
    return widened
