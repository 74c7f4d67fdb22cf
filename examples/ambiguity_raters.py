"""Raters that are known: do votes of three recover the distribution that they were drawn from.

A record has a latent score for each of four emotions, whose softmax is what raters draw their votes
from. Text and audio show these scores, each along directions of its own and with noise. Where
modalities conflict, in half the records one of the two shows the scores of somebody else, and a
number beside them tells, softly, that it does.

The truth is not where the mean JS to votes is least: of three votes drawn with chances 0.9 and 0.1
the nearest answer says 0.965 (of ten, 0.92); cross-entropy is least at 0.9. So JS alone makes
answers too sure where votes are few. The modality loss pulls the other way, towards experts who
know less.

Every choice (when to stop, lambda_MAI and kappa) is made on the votes for other records, by their
log loss; the true distributions only judge in the end.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import distribution
from examples import ambiguity_tables as tables
from examples.ambiguity_models import ARMS, Arm, Part, fitted, predicted

EMOTIONS, DIM = 4, 16
RATERS = 3
SIZES = (1000, 300, 2000)  # records to train, to choose on, to test
SPREAD = 2.0  # of the scores: their entropies are 0.9 bits in the mean
NOISE = 1.0  # standard deviation
CUE = 2.0  # how loud it is that a modality shows somebody else's scores
LAMBDAS, KAPPAS = (0.3, 0.5, 0.7), (2.0, 4.0, 8.0)  # the paper's
AMBER2 = "votes, AmbER2"
ABLATIONS = {
    "votes, AmbER2, all experts alike": {"uniform": True},
    "votes, AmbER2, gradients pass": {"stop_gradient": False},
    "votes, AmbER2, audio the student": {"student": "audio"},
}

Floats = NDArray[np.float64]
Figures = dict[str, float]


@dataclass(frozen=True)
class Raters:
    """Records to train, to choose on and to test, each with its true distributions."""

    train: Part
    dev: Part
    test: Part
    truth: Floats  # of test


def make(seed: int, *, conflict: bool, sizes: tuple[int, ...] = SIZES) -> Raters:
    """Return records whose raters are known; the same for the same seed."""
    random = np.random.default_rng(seed)
    names = ("text", "audio")
    ways = {name: np.linalg.qr(random.normal(size=(DIM, DIM)))[0][: EMOTIONS + 1] for name in names}

    def part(rows: int) -> tuple[Part, Floats]:
        scores = SPREAD * random.normal(size=(rows, EMOTIONS))
        truth = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        false = random.integers(0, 2 * len(names), rows) if conflict else np.full(rows, -1)
        streams = {}
        for place, name in enumerate(names):
            wrong = (false == place)[:, None]
            others = SPREAD * random.normal(size=(rows, EMOTIONS))
            code = np.concatenate([np.where(wrong, others, scores), CUE * wrong], axis=1)
            streams[name] = code @ ways[name] + NOISE * random.normal(size=(rows, DIM))
        votes = np.stack([random.multinomial(RATERS, row) for row in truth])
        return (streams, votes), truth

    train, dev, (test, truth) = part(sizes[0])[0], part(sizes[1])[0], part(sizes[2])
    return Raters(train, dev, test, truth)


def log_loss(votes: Floats, answers: Floats) -> float:
    """Return the mean of -log of what was said of each vote: least for the true shares."""
    shares = votes / votes.sum(axis=1, keepdims=True)
    return float(-(shares * np.log(np.maximum(answers, 1e-12))).sum(axis=1).mean())


def judged(raters: Raters, arm: Arm, seed: int, **changes: float) -> Figures:
    """Return the figures of an arm: against votes for the dev records, and against the truth."""
    model = fitted(arm, raters.train, raters.dev, seed, **{"hidden": 64, **changes})
    streams, votes = raters.dev
    answers = predicted(model, raters.test[0])
    test_votes = raters.test[1] / raters.test[1].sum(axis=1, keepdims=True)
    return {
        "dev": log_loss(votes, predicted(model, streams)),
        "jsd": distribution.jsd_bits(raters.truth, answers),
        "bc": distribution.bhattacharyya(raters.truth, answers),
        "votes": distribution.jsd_bits(test_votes, answers),
    }


def chosen(raters: Raters, seed: int, **changes: int) -> tuple[Figures, dict[str, float]]:
    """Return AmbER2's figures with the lambda and kappa that the dev votes prefer, and those."""
    grid = [{"modality": la, "kappa": k} for la, k in itertools.product(LAMBDAS, KAPPAS)]
    found = [judged(raters, ARMS[AMBER2], seed, **pair, **changes) for pair in grid]
    best = min(range(len(grid)), key=lambda i: found[i]["dev"])
    return found[best], grid[best]


def run(
    conflict: bool, seeds: int, sizes: tuple[int, ...] = SIZES, **changes: int
) -> dict[str, list[Figures]]:
    """Return the figures of every arm, one per seed; `changes` are of the settings."""
    lines: defaultdict[str, list[Figures]] = defaultdict(list)
    for seed in range(seeds):
        raters = make(seed, conflict=conflict, sizes=sizes)
        for name, arm in ARMS.items():
            if name != AMBER2:
                lines[name].append(judged(raters, arm, seed, **changes))
        best, pair = chosen(raters, seed, **changes)
        lines[AMBER2].append(best | pair)
        for name, change in ABLATIONS.items():
            arm = replace(ARMS[AMBER2], config={**pair, **change})
            lines[name].append(judged(raters, arm, seed, **changes))
    return dict(lines)


def table(lines: dict[str, list[Figures]]) -> str:
    """Return the table: means over seeds, SD, and differences to AmbER2 with their intervals."""
    rows = []
    for name, found in lines.items():
        values = {key: [one[key] for one in found] for key in ("jsd", "bc", "votes")}
        best = [one["jsd"] for one in lines[AMBER2]]
        apart = [a - b for a, b in zip(values["jsd"], best, strict=True)]
        spread = np.std(values["jsd"], ddof=min(1, len(best) - 1))
        rows.append(
            [
                name,
                f"{np.mean(values['jsd']):.4f} ± {spread:.4f}",
                "" if name == AMBER2 else tables.shown(tables.over_seeds(apart), "+.4f"),
                f"{np.mean(values['bc']):.4f}",
                f"{np.mean(values['votes']):.4f}",
            ]
        )
    head = ["", "JSD to truth, bits", "less AmbER2's [95 %]", "BC to truth", "JSD to votes"]
    pairs = ", ".join(f"{one['modality']:g}/{one['kappa']:g}" for one in lines[AMBER2])
    return tables.markdown(head, rows) + f"\nlambda_MAI/kappa chosen on votes, by seed: {pairs}\n"


def main(quick: bool) -> None:
    """Print both tables."""
    seeds, sizes, changes = (1, (100, 50, 100), {"epochs": 1}) if quick else (5, SIZES, {})
    for conflict, title in ((False, "that agree"), (True, "that conflict")):
        print(f"## Simulated raters, modalities {title}: {seeds} seeds, {RATERS} votes a record\n")
        print(table(run(conflict, seeds, sizes, **changes)))
