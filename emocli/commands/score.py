"""Score predictions against labels, with intervals, whatever kind of answer they are."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import EmptyInputError, ExitStatus, UsageError, worst
from emocli.io.writing import place
from emocli.scoring.options import ScoreOptions

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
    score_options = ScoreOptions(
        task=task,
        by=by,
        minimum=minimum,
        maximum=maximum,
        cluster=cluster,
        bootstrap=bootstrap,
        compare=compare,
        train=train,
        stream=stream,
        labels=labels,
        restrict=restrict,
        threshold=threshold,
        seed=seed,
    )
    asked = {name for name, flag in zip(FORMATS, (json, table, latex), strict=True) if flag}
    shown = _format(run, asked | ({form} if form else set()))
    return (_alignment if alignment else _predictions)(run, score_options, shown)


def _format(run: options.Run, asked: set[str]) -> str:
    """Return what goes to stdout: json, table or latex."""
    if len(asked) > 1 or not asked <= set(FORMATS):
        raise UsageError(f"--format {', '.join(sorted(asked))}: one of {', '.join(FORMATS)}")
    terminal = run.streams.stdout.isatty() and not run.flags["output"]
    return asked.pop() if asked else "table" if terminal else "json"


def _predictions(run: options.Run, score_options: ScoreOptions, shown: str) -> int:
    """Write how good predictions are."""
    from emocli.scoring import limits
    from emocli.scoring.run import Work

    bounds = limits.parse(score_options)
    place(run.flags["output"])  # refused before the work rather than after it
    work = Work(score_options, run.say, run.streams.stdin)
    source = run.source()
    collected = work.read(record for _, record in source)
    if source.problem is not None:
        raise source.problem
    rows = work.rows(collected)
    failed = work.failed and not run.flags["exit_zero"]
    status: int = ExitStatus.FAILED if failed else ExitStatus.OK
    if shown == "json" or run.flags["output"]:
        status = worst(status, run.write(rows))
    elif not rows and not run.flags["allow_empty"]:
        raise EmptyInputError("no input records", hint="--allow-empty makes that fine")
    if shown != "json" and rows:
        from emocli.scoring import table  # rich, when it is needed

        _draw(run, table.text(rows, collected.task, shown, run.streams.stdout.isatty()))
    missed = [text for row in rows for bound in bounds if (text := limits.missed(row, bound))]
    for text in missed:
        run.say(text)
    return worst(status, ExitStatus.THRESHOLD) if missed else status


def _alignment(run: options.Run, score_options: ScoreOptions, shown: str) -> int:
    """Write how near annotations come to votes."""
    from emocli.scoring import alignment

    place(run.flags["output"])
    source = run.source()
    row = alignment.row((record for _, record in source), score_options)
    if source.problem is not None:
        raise source.problem
    if source.count:
        alignment.check(row, run.say)
    if shown == "json" or run.flags["output"] or not source.count:
        return run.write([row] if source.count else [])
    from emocli.scoring import alignment_table  # rich, when it is needed

    _draw(run, alignment_table.text(row, shown, run.streams.stdout.isatty()))
    return ExitStatus.OK


def _draw(run: options.Run, text: str) -> None:
    """Write tables to stdout."""
    run.streams.stdout.write(text.encode("utf-8", "backslashreplace"))
    run.streams.stdout.flush()
