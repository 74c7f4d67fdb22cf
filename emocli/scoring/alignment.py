"""How near `annotations` come to people's votes: the rows of `score --alignment`.

Everything is measured against people's votes, never against votes that annotators had a part in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from emocli.records import Record
from emocli.scoring.columns import field

CLUSTERS = ("speaker", "dialogue")  # what is resampled, the first that a record has


def rows(records: Iterable[Record], flags: Record) -> list[Record]:
    """Return the one row of figures: divergence by number of votes, sources, thirds of ambiguity.

    Takes from flags, where they are there: cluster (a field, or none), bootstrap, seed. Records
    without people's votes or without synthetic ones are counted in `skipped`, by reason.
    """
    kept, skipped = _kept(records, flags.get("cluster"))
    seed = int(flags.get("seed") or 0)
    found: Record = {
        "task": "alignment",
        "records": len(kept) + sum(skipped.values()),
        "scored": len(kept),
        "skipped": dict(skipped),
        "truth": "votes of people",
    }
    if not kept:
        return [found]
    from emocli.scoring.alignment_figures import Figures  # numpy, when it is needed

    table = Figures(kept, int(flags.get("bootstrap", 1000)), seed)
    found["annotators"] = sorted({name for record in kept for name in record["names"]})
    found |= table.curve()
    found["sources"] = table.sources()
    found["ambiguity"] = table.thirds()
    return [
        found
        | {
            "resampled": "+".join(sorted({record["cluster"][0] for record in kept})),
            "clusters": table.count,
            "bootstrap": table.resamples,
            "seed": seed,
        }
    ]


def _kept(records: Iterable[Record], cluster: str | None) -> tuple[list[Record], Counter[str]]:
    """Return what is needed of each record with votes of both kinds, and why others have none."""
    kept: list[Record] = []
    skipped: Counter[str] = Counter()
    fields = CLUSTERS if cluster is None else () if cluster == "none" else (cluster,)
    for number, record in enumerate(records):
        human, synthetic = _human(record), _synthetic(record)
        if record.get("error"):
            skipped["error"] += 1
        elif not human:
            skipped["no_votes"] += 1
        elif not synthetic:
            skipped["no_annotations"] += 1
        else:
            cluster_of = ((name, str(field(record, name))) for name in fields)
            named = [pair for pair in cluster_of if pair[1] != "None"]
            names = {str(a.get("annotator")) for a in record["annotations"] if a.get("label")}
            kept.append(
                {
                    "human": human,
                    "synthetic": synthetic,
                    "predicted": _predicted(record),
                    "names": names,
                    "cluster": [*named, ("record", str(number))][0],
                }
            )
    return kept, skipped


def _human(record: Record) -> dict[str, int] | None:
    """Return people's votes; None where there are none, or what is there is not counts."""
    votes = field(record, "label.votes_by_source.human") or field(record, "label.votes")
    if not isinstance(votes, dict) or not any(votes.values()):
        return None
    return votes if all(isinstance(v, int) and v >= 0 for v in votes.values()) else None


def _synthetic(record: Record) -> Counter[str]:
    said = record.get("annotations")
    given = (a.get("label") for a in said if isinstance(a, dict)) if isinstance(said, list) else ()
    return Counter(label for label in given if isinstance(label, str))


def _predicted(record: Record) -> dict[str, float] | None:
    """Return the probabilities of the prediction; None where there are none to use."""
    given = field(record, "prediction.probabilities")
    if not isinstance(given, dict) or not all(isinstance(v, int | float) for v in given.values()):
        return None
    return given if min(given.values(), default=-1) >= 0 and any(given.values()) else None
