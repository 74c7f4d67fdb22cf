"""Score predictions against labels: accuracy, UAR, F1, log loss, calibration, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emocli import options
from emocli.commands._score_columns import Columns, field
from emocli.errors import EmptyInputError, ExitStatus, UsageError, worst
from emocli.writing import place

if TYPE_CHECKING:
    pass

Record = dict[str, Any]

FEW_CLUSTERS = 10  # below this, percentile intervals are known to be too narrow

By = Annotated[
    str | None, typer.Option(metavar="FIELD", help="One line per value of FIELD, such as dataset.")
]
Min = Annotated[
    list[str] | None,
    typer.Option("--min", metavar="METRIC=X", help="Exit 6 if METRIC is below X; repeatable."),
]
Max = Annotated[
    list[str] | None,
    typer.Option("--max", metavar="METRIC=X", help="Exit 6 if METRIC is above X; repeatable."),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD|none",
        help="Resample by FIELD (default: speaker, else dialogue, else the record).",
        show_default=False,
    ),
]
Bootstrap = Annotated[int, typer.Option(metavar="N", min=0, help="Resamples for intervals.")]
Stream = Annotated[
    str | None, typer.Option(metavar="NAME", help="Score unimodal.NAME, not prediction.")
]
Labels = Annotated[
    str, typer.Option(metavar="present|all", help="Whether absent labels lower macro F1.")
]
Restrict = Annotated[
    str | None,
    typer.Option(metavar="present", help="Choose only among the labels that the truth has."),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the resampling.")]
Json = Annotated[bool, typer.Option("--json", help="JSON even on a terminal.")]
Table = Annotated[bool, typer.Option("--table", help="A table even in a pipe.")]


@options.filter()
def command(
    run: options.Run,
    by: By = None,
    minimum: Min = None,
    maximum: Max = None,
    cluster: Cluster = None,
    bootstrap: Bootstrap = 1000,
    stream: Stream = None,
    labels: Labels = "present",
    restrict: Restrict = None,
    seed: Seed = 0,
    json: Json = False,
    table: Table = False,
) -> int:
    """Score predictions against labels: accuracy, UAR, F1, log loss, calibration, with intervals.

    Reads label.emotion and prediction (or unimodal.NAME). Writes one metrics record, or one per
    value of --by; nothing when a line of the input is malformed. Buffers numbers, not records.

    Records with an error, without a label or without a prediction are not scored; `skipped` counts
    them by reason, and so does a line on stderr. An id that comes twice is an error.

    Labels that truth or prediction lack are left out of macro F1 (--labels all counts them as 0),
    those the truth lacks out of UAR, as in scikit-learn. Log loss, Brier score and ECE (15 bins of
    equal width, closed at the right; `reliability` has them) are over the records that have
    probabilities. Intervals are 95 % percentiles of a bootstrap over clusters; `resampled` says of
    what. Undefined is null. `emocli plot` draws confusions and bins.

    Example:

        emocli predict clips.jsonl | emocli score --by dataset --min uar=0.6
    """
    _check(labels, restrict)
    limits = [*_limits("min", minimum), *_limits("max", maximum)]
    place(run.flags["output"])  # refused before the work rather than after it
    rows = list(_rows(run))
    show = table or (run.world.stdout.isatty() and not json and not run.flags["output"])
    status: int = ExitStatus.OK
    if not show or run.flags["output"]:
        status = run.write(rows)
    elif not rows and not run.flags["allow_empty"]:
        raise EmptyInputError("no input records", hint="--allow-empty makes that fine")
    if show and rows:
        from emocli.commands._score_table import draw

        draw(rows, run.world.stdout)
    missed = [text for row in rows for limit in limits if (text := _missed(row, *limit))]
    for text in missed:
        _say(run, text)
    return worst(status, ExitStatus.THRESHOLD) if missed else status


def _check(labels: str, restrict: str | None) -> None:
    if labels not in ("present", "all"):
        raise UsageError(f"--labels {labels}: neither present nor all")
    if restrict not in (None, "present"):
        raise UsageError(f"--restrict {restrict}: only 'present' is known")


def _limits(flag: str, specs: list[str] | None) -> Iterator[tuple[str, str, float]]:
    """Yield (flag, metric, value) of each "uar=0.6" or "per_class.fear.recall=0.3"."""
    from emocli.metrics.report import NAMES

    for spec in specs or []:
        name, _, value = spec.partition("=")
        if name not in NAMES and not name.startswith("per_class."):
            raise UsageError(f"--{flag} {spec}: no metric '{name}'", hint=", ".join(NAMES))
        try:
            yield flag, name, float(value)
        except ValueError:
            raise UsageError(f"--{flag} {spec}: not like {name}=0.6") from None


def _missed(row: Record, flag: str, name: str, limit: float) -> str | None:
    """Return what to say when a metric misses its threshold; an undefined one always does."""
    value = field(row, name)
    if value is not None and (value >= limit if flag == "min" else value <= limit):
        return None
    place = f" ({', '.join(f'{k} {v}' for k, v in row['by'].items())})" if "by" in row else ""
    shown = "undefined" if value is None else f"{value:.4f}"
    return f"{name}{place} is {shown}, --{flag} is {limit:g}"


def _say(run: options.Run, message: str) -> None:
    run.world.stderr.write(f"emocli score: {message}\n")


def _rows(run: options.Run) -> Iterator[Record]:
    """Read the whole input and yield a metrics record per group."""
    own = run.own
    cluster = ("speaker", "dialogue") if own["cluster"] is None else (own["cluster"],)
    columns = Columns(own["stream"], own["by"], () if own["cluster"] == "none" else cluster)
    source = run.source()
    for _, record in source:
        columns.add(record)
    if source.problem is not None:
        raise source.problem
    if not columns.records:
        return
    from emocli.commands._score_rows import rows

    found = list(rows(columns, own))
    _warn(run, found, columns.given)
    yield from found


def _warn(run: options.Run, rows: list[Record], given: set[str]) -> None:
    """Say on stderr what was not scored and which intervals not to trust."""
    skipped: dict[str, int] = {}
    for row in rows:
        for reason, count in row["skipped"].items():
            skipped[reason] = skipped.get(reason, 0) + count
    total, scored = (sum(row[key] for row in rows) for key in ("records", "scored"))
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    if not scored:
        hint = "run emocli predict first" if "no_prediction" in skipped else ""
        raise EmptyInputError(f"nothing to score in {total} records: {reasons}", hint=hint)
    if skipped:
        _say(run, f"scored {scored} of {total} records; skipped {reasons}")
    beyond = {k for row in rows for k, v in row["per_class"].items() if v["support"]} - given
    if beyond:
        _say(run, f"no prediction names {', '.join(sorted(beyond))}: such records count as wrong")
    fewest = min(row["clusters"] for row in rows if row["scored"])
    if run.own["bootstrap"] and fewest < FEW_CLUSTERS:
        _say(run, f"only {fewest} clusters to resample: intervals are too narrow or undefined")
