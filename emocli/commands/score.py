"""Score predictions against labels, with intervals, whatever kind of answer they are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emocli.cli import options
from emocli.errors import EmptyInputError, ExitStatus, UsageError, worst
from emocli.io.writing import place

FORMATS = ("json", "table", "latex")
TASKS = "auto|classification|distribution|blend|regression|multilabel|mosi|sims|ecf"

TaskName = Annotated[str, typer.Option("--task", metavar=TASKS, help="What to score.")]
By = Annotated[
    str | None,
    typer.Option(metavar="FIELD,...", help="One line per value: a field, modalities, ambiguity."),
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
Compare = Annotated[
    str | None, typer.Option(metavar="FILE", help="Test the difference to FILE's predictions.")
]
Train = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Warn of speakers, dialogues, texts shared with FILE."),
]
Alignment = Annotated[
    bool, typer.Option("--alignment", help="How near annotations come to people's votes.")
]
Threshold = Annotated[
    float, typer.Option(metavar="P", min=0, max=1, help="Of --task multilabel, from P on.")
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="json|table|latex", help="What to write, wherever to."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON even on a terminal.")]
Table = Annotated[bool, typer.Option("--table", help="A table even in a pipe.")]

Latex = Annotated[bool, typer.Option("--latex", help="A LaTeX table (booktabs).")]


@options.filter()
def command(
    run: options.Run,
    task: TaskName = "auto",
    by: By = None,
    minimum: Min = None,
    maximum: Max = None,
    cluster: Cluster = None,
    bootstrap: Bootstrap = 1000,
    compare: Compare = None,
    train: Train = None,
    stream: Stream = None,
    labels: Labels = "present",
    restrict: Restrict = None,
    threshold: Threshold = 0.5,
    alignment: Alignment = False,
    seed: Seed = 0,
    form: Format = None,
    json: Json = False,
    table: Table = False,
    latex: Latex = False,
) -> int:
    """Score predictions against labels, with intervals, whatever kind of answer they are.

    Reads label and prediction (or unimodal.NAME). Writes one metrics record, or one per value of
    each field of --by; nothing when a line of the input is malformed. Buffers numbers, not records.

    Without --task the first 256 records tell it. Each task's figures, for --min and --max:

    classification (label.emotion): accuracy, uar, weighted_f1, macro_f1, log_loss, brier, ece,
    adaptive_ece (15 bins of equal width, or of equally many records). Labels that truth and
    prediction lack are left out of macro F1 (--labels all counts them as 0), those the truth lacks
    out of UAR, as in scikit-learn.

    distribution (label.distribution; label.votes where there is none, or where machines voted):
    bhattacharyya, jsd_bits, jsd_nats, js_distance, r2_per_record, r2_per_emotion, kl, cosine,
    soft_accuracy, and those of classification against the label of the largest share, of equal
    ones the first in the order of labels; `tied` counts these.

    blend (label.blend, per cent): presence, salience, blend_score, as in BLEMORE. An emotion
    predicted without a blend counts as 100 of it.

    regression (label.valence, arousal, dominance, sentiment): ccc, the mean over them, and
    valence.ccc, .pearson, .mae, .rmse and so on. mosi, sims (label.sentiment): the sets of MMSA.

    multilabel (label.multi; prediction.multi, else probabilities from --threshold on): micro_f1,
    macro_f1, samples_f1, jaccard, exact_match, map.

    ecf (label.causes and prediction.causes, lists of {turn, text}, {turn, start, end} in words, or
    {turn}; `emotion` there, or the record's): strict., proportional., utterances. (subtask 2) with
    weighted_f1, weighted_precision, weighted_recall and the same with micro_.

    Records with an upstream error, without a label or where the model abstained are not scored:
    `skipped` counts them and `coverage` is the share of the labelled that was scored. A wrong label
    or prediction (an unknown emotion, a negative share, saliences that miss 100, other classes than
    the model's others, no prediction) is told with its record, counted as `failed`, and the exit
    status is 1. An id that comes twice is an error.

    Intervals are 95 % percentiles of a bootstrap over clusters; `resampled` says of what. --compare
    resamples both files alike. --by modalities reads `condition`, else prediction.modalities;
    --by ambiguity cuts the records into thirds by the entropy of their votes. --alignment scores no
    prediction but `annotations` against votes: by their number, by source, by ambiguity. Undefined
    is null.

    Example:

        emocli predict clips.jsonl | emocli score --by dataset,ambiguity --min uar=0.6
    """
    if alignment:
        return _alignment(run)
    shown = _format(run)
    from emocli.scoring import run as scoring

    chosen, limits = scoring.plan(run.own)
    place(run.flags["output"])  # refused before the work rather than after it
    work = scoring.Work(run, chosen)
    rows = work.rows()
    status = work.status
    if shown == "json" or run.flags["output"]:
        status = worst(status, run.write(rows))
    elif not rows and not run.flags["allow_empty"]:
        raise EmptyInputError("no input records", hint="--allow-empty makes that fine")
    if shown != "json" and rows:
        from emocli.scoring import table as _score_table

        _score_table.write(rows, work.task, shown, run.world.stdout)
    missed = [text for row in rows for limit in limits if (text := scoring.missed(row, *limit))]
    for text in missed:
        work.say(text)
    return worst(status, ExitStatus.THRESHOLD) if missed else status


def _alignment(run: options.Run) -> int:
    """Write how near annotations come to votes."""
    from emocli.scoring import alignment

    shown = _format(run)
    place(run.flags["output"])
    source = run.source()
    found = alignment.rows((record for _, record in source), run.own)
    if source.problem is not None:
        raise source.problem
    if source.count:
        _check_aligned(run, found[0])
    if shown == "json" or run.flags["output"] or not source.count:
        return run.write(found if source.count else [])
    from emocli.scoring import alignment_table as _score_alignment_table

    stdout = run.world.stdout
    stdout.write(_score_alignment_table.text(found[0], shown, stdout.isatty()).encode())
    stdout.flush()
    return ExitStatus.OK


def _check_aligned(run: options.Run, row: dict[str, Any]) -> None:
    """Raise EmptyInputError where there is nothing to compare; say what was left out."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in row["skipped"].items())
    if not row["scored"]:
        hint = "run emocli annotate first" if "no_annotations" in row["skipped"] else ""
        raise EmptyInputError(f"nothing to score in {row['records']} records: {reasons}", hint=hint)
    if reasons:
        text = f"scored {row['scored']} of {row['records']} records; skipped {reasons}"
        run.world.stderr.write(f"emocli score: {text}\n")


def _format(run: options.Run) -> str:
    """Return what goes to stdout: json, table or latex."""
    own = run.own
    if own["labels"] not in ("present", "all"):
        raise UsageError(f"--labels {own['labels']}: neither present nor all")
    if own["restrict"] not in (None, "present"):
        raise UsageError(f"--restrict {own['restrict']}: only 'present' is known")
    asked = {name for name in FORMATS if own[name]} | ({own["form"]} if own["form"] else set())
    if len(asked) > 1 or not asked <= set(FORMATS):
        raise UsageError(f"--format {', '.join(sorted(asked))}: one of {', '.join(FORMATS)}")
    terminal = run.world.stdout.isatty() and not run.flags["output"]
    return asked.pop() if asked else "table" if terminal else "json"
