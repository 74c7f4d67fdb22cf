"""Where synthetic votes help and where they do not: python3 examples/proxies.py.

Prints Markdown tables of the Jensen-Shannon divergence (bits) between what votes give and what is
true, for few and many raters, clear and ambiguous records, and three ways to merge: people's votes
alone, all votes counted alike, and synthetic votes weighed (emocli/metrics/pooling.py).

1. Simulated: every record has a distribution that its raters are drawn from. Proxies draw from
   softmax((log p + e) / T), T as `emocli annotate` has it; e, with a standard deviation of `error`,
   is how a record is misheard, alike by all of them, for they are one model. They come as near as
   good proxies might, or as far from people as Zhang et al. 2026 publish for Gemini and IEMOCAP
   (kappa .54 and .80, 0.36 bits; https://arxiv.org/abs/2601.14620).
2. CREMA-D (EMOCLI_DATA/crema_d_votes, https://github.com/CheyneyComputerScience/CREMA-D): half of
   the people who heard and saw a clip are the truth, some of the other half are the raters, and
   those who only heard it, or only saw it, stand in for proxies. Nothing is scored against a vote
   that was merged.

Thirds of ambiguity are by the entropy of the true distribution, and for CREMA-D by that of the
modality which is not used otherwise, so that they do not depend on the votes that are scored.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np

from emocli import datasets
from emocli.llm import personas
from emocli.metrics import agreement, alignment, bootstrap, distribution, pooling

CLASSES, RECORDS, PROXIES = 4, 600, 8
RATERS = (1, 3, 5, 10, 20)
SPLITS = 5  # of the people who heard and saw a clip into truth and raters
SHARPNESS = (0.05, 0.15, 0.5)  # of Dirichlet distributions, a third of the records each
LEAST = 0.005  # of a true share
ERRORS = {"near the truth": 1.0, "as far off as published": 3.0}
THIRDS = ("low", "middle", "high")
T_95 = 1.96  # of a mean over seeds; a little too narrow for few
COLUMNS = ("raters", "ambiguity", "people alone", "count", "shrinkage", "weight")
HEAD = f"| {' | '.join(COLUMNS)} | count helps | shrinkage helps |\n{'|---' * 8}|"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="five seeds, two splits")
    parser.add_argument("--data", type=Path, default=os.environ.get("EMOCLI_DATA"))
    flags = parser.parse_args()
    seeds, splits = (5, 2) if flags.quick else (flags.seeds, SPLITS)
    for kind, error in ERRORS.items():
        simulated(kind, error, seeds)
    votes = flags.data and flags.data / "crema_d_votes"
    if votes and votes.exists():
        crema_d(votes, splits)
    else:
        print("\nCREMA-D: EMOCLI_DATA names no folder with crema_d_votes; left out.")


def simulated(kind: str, error: float, seeds: int) -> None:
    """Print how far from the true distribution each merge is, mean and 95 % interval over seeds."""
    runs = [_simulated(seed, error) for seed in range(seeds)]
    kappas = np.mean([run["kappa"] for run in runs], 0)
    print(
        f"\n### Simulated: {PROXIES} proxies {kind} (error {error:g}), {RECORDS} records"
        f" x {seeds} seeds\n\nKappa of people {kappas[0]:.2f}, of proxies {kappas[1]:.2f}; "
        f"proxies are {np.mean([run['bits'] for run in runs]):.2f} bits from five people.\n\n{HEAD}"
    )
    for raters in RATERS:
        weight = np.mean([run[raters][1] for run in runs])
        for third, name in enumerate(THIRDS):
            bits = np.array([run[raters][0][third] for run in runs])  # (seeds, merges)
            half = T_95 * bits.std(0, ddof=1) / np.sqrt(seeds)
            cells = [f"{m:.3f} ± {h:.3f}" for m, h in zip(bits.mean(0), half, strict=True)]
            gains = [interval_of(bits[:, 0] - bits[:, merge]) for merge in (1, 2)]
            print(row(raters, name, cells, weight, gains))


def _simulated(seed: int, error: float) -> dict[Any, Any]:
    """Return for each number of raters the bits (thirds, merges) and the weight chosen."""
    random = np.random.default_rng(seed)
    shape = np.repeat(SHARPNESS, RECORDS // 3)[:, None]  # from one clear emotion to a mixture
    drawn_from = random.gamma(shape, size=(RECORDS, CLASSES)) + 1e-9
    drawn_from /= drawn_from.sum(1, keepdims=True)
    truth = (1 - CLASSES * LEAST) * drawn_from + LEAST
    third = alignment.thirds(agreement.entropies(truth))
    synthetic = proxies_of(truth, error, random)
    found: dict[Any, Any] = {}
    for raters in RATERS:
        human = random.multinomial(raters, truth)
        bits, weight = merged(truth, human, synthetic)
        found[raters] = np.array([bits[third == t].mean(0) for t in range(3)]), weight
    five = random.multinomial(5, truth)
    found["kappa"] = agreement.fleiss_kappa(five), agreement.fleiss_kappa(synthetic)
    found["bits"] = distribution.jsd_bits(agreement.shares(five), agreement.shares(synthetic))
    return found


def proxies_of(truth: np.ndarray, error: float, random: np.random.Generator) -> np.ndarray:
    """Return the votes of all proxies (records, classes)."""
    heard = np.log(truth) + error * random.normal(size=truth.shape)
    votes = np.zeros_like(truth)
    for rater in range(PROXIES):
        scores = heard / personas.temperature(rater)
        likely = np.exp(scores - scores.max(1, keepdims=True))
        votes += random.multinomial(1, likely / likely.sum(1, keepdims=True))
    return votes


def merged(truth: np.ndarray, human: np.ndarray, synthetic: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the bits (records, merges) off the truth, and the weight that shrinkage chose.

    With one rater to a record there is nothing to choose by, and the weight is 1.
    """
    weight = pooling.best_weight(human, synthetic)
    weight = 1.0 if np.isnan(weight) else weight
    columns = [
        distribution.divergences(truth, pooling.pooled(human, synthetic, w)) / np.log(2)
        for w in (0.0, 1.0, weight)
    ]
    return np.stack(columns, 1), weight


def crema_d(folder: Path, splits: int) -> None:
    """Print the tables of real votes; intervals from a bootstrap over the 91 actors."""
    records = list(datasets.load("crema-d").read(folder))
    labels = list(records[0]["label"]["votes"])
    votes = {
        name: np.array(
            [[r["label"]["votes_by_modality"][name][w] for w in labels] for r in records]
        )
        for name in ("audio", "video", "audio-video")
    }
    _, actors = np.unique([record["speaker"] for record in records], return_inverse=True)
    for proxy, other in (("audio", "video"), ("video", "audio")):
        heard = {"audio": "heard", "video": "saw"}[proxy]
        print(
            f"\n### CREMA-D, {len(records)} clips: those who only {heard} it as proxies "
            f"({votes[proxy].sum(1).mean():.1f} a clip), {splits} splits\n\n{HEAD}"
        )
        third = alignment.thirds(agreement.entropies(votes[other]))
        for raters in (1, 3, None):
            runs = [_held_out(votes["audio-video"], votes[proxy], raters, s) for s in range(splits)]
            bits = np.mean([run[0] for run in runs], 0)
            weight = np.mean([run[1] for run in runs])
            for t, name in enumerate(THIRDS):
                inside = third == t
                columns = np.c_[bits[inside], bits[inside, :1] - bits[inside, 1:]]
                edges = clustered(columns, actors[inside])
                cells = [
                    f"{mean:.3f} [{low:.3f}, {high:.3f}]"
                    for mean, (low, high) in zip(bits[inside].mean(0), edges[:3], strict=True)
                ]
                print(row(raters or "half", name, cells, weight, edges[3:]))


def _held_out(
    people: np.ndarray, proxies: np.ndarray, raters: int | None, seed: int
) -> tuple[np.ndarray, float]:
    """Return the bits (records, merges) off a random half of the people, and the weight."""
    random = np.random.default_rng(seed)
    truth = drawn(people, people.sum(1) // 2, random)
    rest = people - truth
    human = rest if raters is None else drawn(rest, np.minimum(rest.sum(1), raters), random)
    return merged(agreement.shares(truth), human, proxies)


def drawn(votes: np.ndarray, count: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return `count` of each record's votes, drawn without replacement."""
    pairs = zip(votes, count, strict=True)
    return np.array([random.multivariate_hypergeometric(v, n) for v, n in pairs])


def clustered(columns: np.ndarray, actors: np.ndarray) -> list[tuple[float, float]]:
    """Return the 95 % interval of the mean of each column, over resampled actors."""
    clusters, count = bootstrap.clusters(actors, 0)
    values = np.c_[np.ones(len(columns)), columns]
    sums = np.stack([np.bincount(clusters, v, count) for v in values.T], 1)
    totals = np.concatenate(list(bootstrap.resampled(sums, 1000, 0)))
    return [bootstrap.interval(totals[:, i] / totals[:, 0]) for i in range(1, values.shape[1])]


def interval_of(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a mean over seeds."""
    half = T_95 * values.std(ddof=1) / np.sqrt(len(values))
    return values.mean() - half, values.mean() + half


def row(
    raters: int | str,
    third: str,
    cells: list[str],
    weight: float,
    gains: list[tuple[float, float]],
) -> str:
    """Return a line of a table; a merge helps, harms, or neither by the interval of its gain."""
    words = ["yes" if low > 0 else "harms" if high < 0 else "no difference" for low, high in gains]
    return f"| {raters} | {third} | {' | '.join(cells)} | {weight:.2f} | {' | '.join(words)} |"


if __name__ == "__main__":
    main()
