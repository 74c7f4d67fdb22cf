"""The alignment of `annotations` with people's votes: the rows of `score --alignment`.

Everything is measured against people's votes, never against merged votes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from emocli.errors import EmptyInputError
from emocli.records import Record
from emocli.scoring.columns import field
from emocli.scoring.options import ScoreOptions

CLUSTERS = ("speaker", "dialogue")  # the fields to resample by, the first that a record has


def row(records: Iterable[Record], options: ScoreOptions) -> Record:
    """Return the row of figures: divergence by number of votes, sources, thirds of ambiguity.

    Uses the options cluster, bootstrap and seed. Records without people's votes or without
    synthetic ones are counted in `skipped`, by reason.
    """
    kept, skipped = _kept(records, options.cluster_fields(CLUSTERS))
    counts: Record = {
        "task": "alignment",
        "records": len(kept) + sum(skipped.values()),
        "scored": len(kept),
        "skipped": dict(skipped),
        "truth": "votes of people",
    }
    if not kept:
        return counts
    from emocli.scoring.alignment_figures import Figures  # imports numpy only when needed

    figures = Figures(kept, options.bootstrap, options.seed)
    return {
        **counts,
        "annotators": sorted({name for record in kept for name in record["names"]}),
        **figures.curve(),
        "sources": figures.sources(),
        "ambiguity": figures.thirds(),
        "resampled": "+".join(sorted({record["cluster"][0] for record in kept})),
        "clusters": figures.count,
        "bootstrap": figures.resamples,
        "seed": options.seed,
    }


def check(row: Record, say: Callable[[str], None]) -> None:
    """Raise EmptyInputError if there is nothing to compare; report what was skipped."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in row["skipped"].items())
    if not row["scored"]:
        hint = "run emocli annotate first" if "no_annotations" in row["skipped"] else ""
        raise EmptyInputError(f"nothing to score in {row['records']} records: {reasons}", hint=hint)
    if reasons:
        say(f"scored {row['scored']} of {row['records']} records; skipped {reasons}")


def _kept(records: Iterable[Record], cluster: tuple[str, ...]) -> tuple[list[Record], Counter[str]]:
    """Return the needed fields of records with votes of both kinds, and why others are skipped."""
    kept: list[Record] = []
    skipped: Counter[str] = Counter()
    for number, record in enumerate(records):
        human, synthetic = _human(record), _synthetic(record)
        if record.get("error"):
            skipped["error"] += 1
        elif not human:
            skipped["no_votes"] += 1
        elif not synthetic:
            skipped["no_annotations"] += 1
        else:
            fields = ((name, str(field(record, name))) for name in cluster)
            clusters = [pair for pair in fields if pair[1] != "None"]
            names = {str(a.get("annotator")) for a in record["annotations"] if a.get("label")}
            kept.append(
                {
                    "human": human,
                    "synthetic": synthetic,
                    "predicted": _predicted(record),
                    "names": names,
                    "cluster": [*clusters, ("record", str(number))][0],
                }
            )
    return kept, skipped


def _human(record: Record) -> dict[str, int] | None:
    """Return people's votes; None if there are none, or they are not counts."""
    votes = field(record, "label.votes_by_source.human") or field(record, "label.votes")
    if not isinstance(votes, dict) or not any(votes.values()):
        return None
    return votes if all(isinstance(v, int) and v >= 0 for v in votes.values()) else None


def _synthetic(record: Record) -> Counter[str]:
    annotations = record.get("annotations")
    if not isinstance(annotations, list):
        return Counter()
    labels = (a.get("label") for a in annotations if isinstance(a, dict))
    return Counter(label for label in labels if isinstance(label, str))


def _predicted(record: Record) -> dict[str, float] | None:
    """Return the probabilities of the prediction; None if there are none, or they are invalid."""
    probabilities = field(record, "prediction.probabilities")
    values = probabilities.values() if isinstance(probabilities, dict) else ()
    if not all(isinstance(value, int | float) for value in values):
        return None
    return probabilities if min(values, default=-1) >= 0 and any(values) else None
