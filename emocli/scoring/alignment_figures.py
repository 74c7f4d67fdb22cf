"""The figures of `score --alignment`: parts of a metrics record from arrays of votes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.metrics import agreement, alignment, bootstrap, distribution
from emocli.records import Record
from emocli.records.labels import ordered

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

COVERED = 0.9  # n is on the curve if this share of the records has n synthetic votes
AMBIGUITY = ("low", "middle", "high")


class Figures:
    """The votes of the records as arrays, and their figures."""

    def __init__(self, kept: list[Record], resamples: int, seed: int) -> None:
        words = {w for record in kept for side in ("human", "synthetic") for w in record[side]}
        words |= {w for record in kept for w in record["predicted"] or ()}
        self.labels = ordered(words)
        self.human, self.synthetic = (
            np.array([[r[side].get(w, 0) for w in self.labels] for r in kept], np.float64)
            for side in ("human", "synthetic")
        )
        self.predicted = np.array([self._row(r["predicted"]) for r in kept])
        self.truth = agreement.shares(self.human)
        number_of = {pair: i for i, pair in enumerate(dict.fromkeys(r["cluster"] for r in kept))}
        numbers = np.array([number_of[r["cluster"]] for r in kept])
        self.clusters, self.count = bootstrap.clusters(numbers, seed)
        self.resamples, self.seed = resamples, seed

    def _row(self, probabilities: Any) -> list[float]:
        """Return a prediction over the labels, adding to one; NaN if there is none."""
        if probabilities is None:
            return [float("nan")] * len(self.labels)
        total = sum(probabilities.values())
        return [probabilities.get(word, 0.0) / total for word in self.labels]

    def curve(self) -> Record:
        """Return the divergence by number of synthetic votes, and the fitted saturation."""
        totals = self.synthetic.sum(1)
        longest = int(np.quantile(totals, 1 - COVERED, method="lower"))
        enough = totals >= longest
        bits = alignment.by_votes(
            self.truth[enough], self.synthetic[enough].astype(np.int64), longest, self.seed
        )
        means = bits.mean(0)
        fit = alignment.saturation(means)
        low, high = self._mean_intervals(bits, self.clusters[enough])
        columns = zip(means, low, high, strict=True)
        points = [
            {"votes": i + 1, "jsd_bits": _number(mean), "interval": [_number(a), _number(b)]}
            for i, (mean, a, b) in enumerate(columns)
        ]
        reached = fit.votes is not None and fit.votes <= longest
        return {
            "by_votes": {"records": int(enough.sum()), "points": points},
            "saturation": {
                "a": _number(fit.a),
                "b": _number(fit.b),
                "c": _number(fit.c),
                "asymptote_jsd_bits": _number(means.max() - fit.a),
                "r2": _number(alignment.r2(fit, means)),
                "votes": fit.votes,
                "reached": reached,  # else `votes` is an extrapolation
            },
        }

    def sources(self) -> Record:
        """Return Fleiss' kappa, mean entropy and votes per record, by who voted."""
        sources = {}
        both = self.human + self.synthetic
        for name, votes in (
            ("human", self.human),
            ("synthetic", self.synthetic),
            ("combined", both),
        ):
            entropies = agreement.entropies(votes)[:, None]
            sums = agreement.kappa_sums(votes, self.clusters, self.count)
            sources[name] = {
                "votes_per_record": float(votes.sum(1).mean()),
                "fleiss_kappa": _number(agreement.fleiss_kappa(votes)),
                "entropy_bits": _number(entropies.mean()),
                "intervals": {
                    "fleiss_kappa": self._interval(sums, agreement.kappa_of),
                    "entropy_bits": [
                        _number(float(np.ravel(edge)[0]))
                        for edge in self._mean_intervals(entropies, self.clusters)
                    ],
                },
            }
        return sources

    def thirds(self) -> list[Record]:
        """Return the divergence of annotators and of predictions, by people's ambiguity."""
        ambiguity = agreement.relative_entropies(self.human)
        third = alignment.thirds(ambiguity)
        rows = []
        for number, name in enumerate(AMBIGUITY):
            inside = third == number
            row: Record = {"ambiguity": name, "records": int(inside.sum())}
            if inside.any():
                row["relative_entropy"] = _number(ambiguity[inside].mean())
            sides = {"synthetic": agreement.shares(self.synthetic), "prediction": self.predicted}
            for side, shares in sides.items():
                at = np.flatnonzero(inside & ~np.isnan(shares).any(1))
                if len(at):
                    bits = distribution.divergences(self.truth[at], shares[at]) / np.log(2.0)
                    low, high = self._mean_intervals(bits[:, None], self.clusters[at])
                    row[side] = {
                        "jsd_bits": _number(bits.mean()),
                        "interval": [_number(low[0]), _number(high[0])],
                    }
            rows.append(row)
        return rows

    def _mean_intervals(self, values: Floats, clusters: Indices) -> tuple[Floats, Floats]:
        """Return the 95 % intervals of the means of columns (records, columns)."""
        columns = [np.ones(len(values)), *values.T]
        sums: Floats = np.stack(
            [np.bincount(clusters, column, self.count) for column in columns], 1
        ).astype(np.float64)
        edges = [
            self._interval(
                sums[:, [0, i]].astype(np.float64), lambda total: total[..., 1] / total[..., 0]
            )
            for i in range(1, sums.shape[1])
        ]
        low, high = np.array(edges, np.float64).T  # None becomes NaN
        return low, high

    def _interval(self, sums: Floats, figure: Callable[[Floats], Floats]) -> list[float | None]:
        """Return the interval of a figure of sums over resampled clusters."""
        if self.count < 2 or self.resamples < 1:
            return [None, None]
        with np.errstate(invalid="ignore"):  # a resample without any record of a third
            blocks = bootstrap.resampled(sums, self.resamples, self.seed)
            low, high = bootstrap.interval(np.concatenate([figure(block) for block in blocks]))
        return [_number(low), _number(high)]


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)
