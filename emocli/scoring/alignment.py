"""The alignment of `annotations` with people's votes: the rows of `score --alignment`.

Everything is measured against people's votes, never against merged votes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from emocli import records
from emocli.errors import EmocliError, EmptyInputError, RecordError
from emocli.records import Record, label_reading
from emocli.records.problems import failed_before
from emocli.scoring.columns import REPORTED, field
from emocli.scoring.options import ScoreOptions

CLUSTERS = ("speaker", "dialogue")  # the fields to resample by, the first that a record has


def row(
    source: Iterable[Record], options: ScoreOptions, say: Callable[[str], None] = lambda _: None
) -> Record:
    """Return the row of figures: divergence by number of votes, sources, thirds of ambiguity.

    Uses the options cluster, bootstrap and seed. Records without people's votes or without
    synthetic ones are counted in `skipped`, by reason. Those with malformed ones are counted there
    and in `failed`; `say` reports the first of them.
    """
    kept, skipped, faults = _kept(source, options.cluster_fields(CLUSTERS))
    for text in faults[:REPORTED]:
        say(text)
    counts: Record = {
        "task": "alignment",
        "records": len(kept) + sum(skipped.values()),
        "scored": len(kept),
        "skipped": dict(skipped),
        **({"failed": len(faults)} if faults else {}),
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
        kind = EmocliError if row.get("failed") else EmptyInputError
        raise kind(f"nothing to score in {row['records']} records: {reasons}", hint=hint)
    if reasons:
        say(f"scored {row['scored']} of {row['records']} records; skipped {reasons}")


def _kept(
    source: Iterable[Record], cluster: tuple[str, ...]
) -> tuple[list[Record], Counter[str], list[str]]:
    """Return the needed fields of records with votes of both kinds, why others are skipped, faults.

    The faults name the records whose votes, annotations or prediction are malformed.
    """
    kept: list[Record] = []
    skipped: Counter[str] = Counter()
    faults: list[str] = []
    for number, record in enumerate(source):
        try:
            reason, fields = _fields(record)
        except RecordError as error:
            reason = error.code
            faults.append(f"{records.name_of(record)}: {error}")
        if reason is not None:
            skipped[reason] += 1
            continue
        pairs = ((name, str(field(record, name))) for name in cluster)
        clusters = [pair for pair in pairs if pair[1] != "None"]
        kept.append({**fields, "cluster": [*clusters, ("record", str(number))][0]})
    return kept, skipped, faults


def _fields(record: Record) -> tuple[str | None, Record]:
    """Return why a record is not compared, or None, and what is compared."""
    if failed_before(record):
        return "error", {}
    label = label_reading.label(record)
    sources = label_reading.side(label.get("votes_by_source"), "label.votes_by_source")
    human = label_reading.counts(sources, "human") or label_reading.counts(label)
    if not human:
        return "no_votes", {}
    if not (synthetic := label_reading.annotated(record)):
        return "no_annotations", {}
    prediction = label_reading.side(record.get("prediction"), "prediction")
    predicted = label_reading.numbers(prediction, "probabilities", "prediction")
    usable = min(predicted.values(), default=-1) >= 0 and any(predicted.values())
    answers = label_reading.answers(record)
    return None, {
        "human": human,
        "synthetic": synthetic,
        "predicted": predicted if usable else None,
        "names": {str(answer.get("annotator")) for answer in answers if answer.get("label")},
    }
