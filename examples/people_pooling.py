"""How people combine voice and face: python3 examples/people_pooling.py (seconds).

CREMA-D (EMOCLI_DATA/crema_d_votes, https://github.com/CheyneyComputerScience/CREMA-D): different
people judged the voice, the face and both. Shares among those who heard the voice and among those
who saw the face are pooled into the shares among those who had both, log-linearly,

    log p(both) = a log p(face) + b log p(voice) + constant,

or linearly. Weights maximise the likelihood of the votes on both, by five folds of actors; NLL is
in nats a vote, of the actors left out. SMOOTHED votes are added to every emotion, as a share of 0
has no logarithm; how large the weights are depends on that, their ratio hardly does, as the second
table shows. Intervals are 95 %, over actors: of NLL by a bootstrap, of weights by the sandwich
estimate of their covariance (White 1982, https://doi.org/10.2307/1912526).

The weights are those of people, who are about equally good observers of either; a network that
sees worse than people deserves less than the face has here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from emocli.datasets import crema_d
from emocli.metrics import bootstrap

EMOTIONS = tuple(crema_d.LETTERS.values())
STREAMS = {"face": "video", "voice": "audio"}  # the order of the weights
BOTH = "audio-video"
SMOOTHED = 0.5  # votes added to each emotion
OTHER_SMOOTHED = (0.1, 0.25, 0.5, 1.0, 2.0)
FOLDS, RESAMPLES, STEPS = 5, 2000, 50
NEAR = 1e-9  # a step of the weights at which Newton's method ends
SHARES = np.linspace(0, 1, 101)  # of the face, tried in the linear pool
Z_95 = 1.96

Floats = NDArray[np.float64]


def read(folder: Path) -> tuple[Floats, Floats, list[str]]:
    """Return votes on face and voice (2, clips, emotions), on both (clips, emotions), actors."""
    found = list(crema_d.read(folder))
    votes = [[_counts(record, kind) for record in found] for kind in (*STREAMS.values(), BOTH)]
    streams = np.array(votes, float)
    return streams[:-1], streams[-1], [str(record["speaker"]) for record in found]


def _counts(record: dict[str, Any], kind: str) -> list[float]:
    counts = record["label"]["votes_by_modality"][kind]
    return [counts[emotion] for emotion in EMOTIONS]


def logs(votes: Floats, smoothed: float = SMOOTHED) -> Floats:
    """Return the logarithms of smoothed shares."""
    more = votes + smoothed
    return np.log(more / more.sum(-1, keepdims=True))


def pooled(weights: Sequence[float] | Floats, streams: Floats) -> Floats:
    """Return log shares (clips, emotions), pooled of those of streams (n, clips, emotions)."""
    mixed: Floats = log_softmax(np.tensordot(np.asarray(weights), streams, 1), axis=1)
    return mixed


def fitted(streams: Floats, both: Floats) -> Floats:
    """Return the weights (n,) that make the votes on both likeliest: it is convex."""
    weights = np.full(len(streams), 1 / len(streams))
    for _ in range(STEPS):
        slopes, curve = _slopes(weights, streams, both)
        step = np.linalg.solve(curve, slopes.sum(axis=0))
        weights = weights + step
        if np.abs(step).max() < NEAR:
            break
    return weights


def _slopes(weights: Floats, streams: Floats, both: Floats) -> tuple[Floats, Floats]:
    """Return each clip's slope (clips, n) of the log likelihood, and the curvature (n, n)."""
    shares, count = np.exp(pooled(weights, streams)), both.sum(axis=1)
    means = np.einsum("kce,ce->kc", streams, shares)
    slopes = np.einsum("kce,ce->ck", streams, both) - (means * count).T
    apart = streams - means[..., None]
    return slopes, np.einsum("kce,lce,ce,c->kl", apart, apart, shares, count)


def errors(weights: Floats, streams: Floats, both: Floats, actors: Sequence[str]) -> Floats:
    """Return standard errors (n,) of weights: the sandwich estimate, clustered by actor."""
    slopes, curve = _slopes(weights, streams, both)
    names, place = np.unique(np.array(actors), return_inverse=True)
    by_actor = np.stack([np.bincount(place, s, len(names)) for s in slopes.T], axis=1)
    bread = np.linalg.inv(curve)
    found: Floats = np.sqrt(np.diag(bread @ (by_actor.T @ by_actor) @ bread))
    return found


def linear(share: float, streams: Floats) -> Floats:
    """Return log shares of the linear pool that gives the face such a share."""
    mixed: Floats = np.log(share * np.exp(streams[0]) + (1 - share) * np.exp(streams[1]))
    return mixed


def best_share(streams: Floats, both: Floats) -> float:
    """Return the share of the face in the likeliest linear pool."""
    return float(max(SHARES, key=lambda share: (both * linear(share, streams)).sum()))


def folds(actors: Sequence[str]) -> Iterator[NDArray[np.bool_]]:
    """Yield which clips are left out, five times; all clips of an actor together."""
    names = np.random.default_rng(0).permutation(np.unique(np.array(actors)))
    of = {name: number % FOLDS for number, name in enumerate(names)}
    place = np.array([of[actor] for actor in actors])
    yield from (place == number for number in range(FOLDS))


def held_out(streams: Floats, both: Floats, actors: Sequence[str]) -> dict[str, Floats]:
    """Return log shares (clips, emotions) by each way, fitted to other actors where it is."""
    ways = {
        "face alone": streams[0],
        "voice alone": streams[1],
        "log-linear, weights 1 and 1": pooled([1, 1], streams),
    }
    fitted_ways = ("log-linear, one weight for both", "linear, fitted", "log-linear, fitted")
    ways |= {name: np.empty_like(both) for name in fitted_ways}
    for held in folds(actors):
        there, rest = streams[:, held], streams[:, ~held]
        same = fitted(rest.sum(axis=0)[None], both[~held])
        answers = (
            pooled(same, there.sum(axis=0)[None]),
            linear(best_share(rest, both[~held]), there),
            pooled(fitted(rest, both[~held]), there),
        )
        for name, answer in zip(fitted_ways, answers, strict=True):
            ways[name][held] = answer
    return ways


def nll(answer: Floats, both: Floats, actors: Sequence[str], less: Floats | None = None) -> str:
    """Return the NLL of answers as text, or how much larger it is than that of others, paired."""
    lost = -(both * (answer if less is None else answer - less)).sum(axis=1)
    form = ".3f" if less is None else "+.3f"
    return ratio(lost, both.sum(axis=1), actors, form)


def ratio(above: Floats, below: Floats, actors: Sequence[str], form: str) -> str:
    """Return the ratio of two sums over clips, with its interval over actors."""
    place, count = bootstrap.clusters(np.unique(np.array(actors), return_inverse=True)[1], seed=0)
    sums = np.stack([np.bincount(place, column, count) for column in (above, below)], axis=1)
    drawn = np.concatenate(list(bootstrap.resampled(sums, RESAMPLES, seed=0)))
    low, high = bootstrap.interval(drawn[:, 0] / drawn[:, 1])
    point = above.sum() / below.sum()
    return f"{point:{form}} [{low:{form}}, {high:{form}}]"


def winners(streams: Floats, both: Floats, actors: Sequence[str]) -> list[list[str]]:
    """Return who wins where the majorities of face and voice differ, a row each.

    Clips with a tie in the face or in the voice are left out; a tie in both is split.
    """
    clear = np.all([_top(votes).sum(axis=1) == 1 for votes in streams], axis=0)
    differ = clear & (streams[0].argmax(axis=1) != streams[1].argmax(axis=1))
    won = _top(both) / _top(both).sum(axis=1, keepdims=True)
    rows = [["of clips with a majority in each, they differ", *_share(differ, clear, actors)]]
    by = {
        name: won[np.arange(len(won)), votes.argmax(axis=1)]
        for name, votes in zip(STREAMS, streams, strict=True)
    }
    rows += [
        [f"of these, both go with the {name}", *_share(v, differ, actors)] for name, v in by.items()
    ]
    return [*rows, ["of these, with neither", *_share(1 - sum(by.values()), differ, actors)]]


def _top(votes: Floats) -> NDArray[np.bool_]:
    top: NDArray[np.bool_] = votes == votes.max(axis=1, keepdims=True)
    return top


def _share(values: Any, among: NDArray[np.bool_], actors: Sequence[str]) -> tuple[str, str]:
    return ratio(values * among, among.astype(float), actors, ".2f"), str(int(among.sum()))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the first column is text."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def report(votes: Floats, both: Floats, actors: Sequence[str]) -> str:
    """Return the tables of votes on face and voice (2, clips, emotions) and on both."""
    streams = logs(votes)
    ways = held_out(streams, both, actors)
    best = list(ways)[-1]
    rows = [
        [n, nll(a, both, actors), "" if n == best else nll(a, both, actors, ways[best])]
        for n, a in ways.items()
    ]
    size = f"{len(both)} clips, {len(set(actors))} actors"
    first = markdown(["", "NLL of new actors", f"more than {best}"], rows)
    sizes = [_weights(logs(votes, more), both, actors, more) for more in OTHER_SMOOTHED]
    second = markdown(["votes added", *(f"weight of the {n}" for n in STREAMS), "ratio"], sizes)
    third = markdown(["", "share", "clips"], winners(votes, both, actors))
    return (
        f"## Both from voice and face: {size}, {SMOOTHED} votes added\n\n{first}\n"
        f"## Weights of log-linear pooling, all actors\n\n{second}\n"
        f"## Who wins\n\n{third}"
    )


def _weights(streams: Floats, both: Floats, actors: Sequence[str], more: float) -> list[str]:
    weights = fitted(streams, both)
    sides = Z_95 * errors(weights, streams, both, actors)
    cells = [f"{w:.2f} [{w - s:.2f}, {w + s:.2f}]" for w, s in zip(weights, sides, strict=True)]
    return [f"{more:g}", *cells, f"{weights[0] / weights[1]:.2f}"]


def main() -> None:
    """Print the tables of CREMA-D's votes."""
    if not (data := os.environ.get("EMOCLI_DATA")):
        sys.exit("EMOCLI_DATA is not set: the folder that has crema_d_votes/")
    print(report(*read(Path(data) / "crema_d_votes")), end="")


if __name__ == "__main__":
    main()
