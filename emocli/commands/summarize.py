"""Summarize predictions or labels by speaker, minute or any field, with confidence intervals."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import ExitStatus, UsageError, printable, worst
from emocli.io.writing import place, whole_file
from emocli.scoring.summary_options import SummaryOptions

FORMATS = ("table", "csv", "json")

By = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD,...", help="A row per value: speaker, minute, bin:30, any field; a+b: pairs."
    ),
]
Of = Annotated[str, typer.Option(metavar="prediction|label", help="What to summarize.")]
Weight = Annotated[
    str, typer.Option(metavar="utterance|duration", help="Count utterances, or their seconds.")
]
Over = Annotated[
    str,
    typer.Option(
        metavar="utterance|FIELD", help="Resample utterances, or whole speakers, dialogues, ..."
    ),
]
Bootstrap = Annotated[int, typer.Option(metavar="N", min=0, help="Resamples for the intervals.")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the resampling.")]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="table|csv|json", help="Output format (default: by what is written to)."
    ),
]


@options.filter(without=("resume", "max_errors", "fail_fast"))
def command(
    run: options.Run,
    by: By = None,
    of: Of = "prediction",
    weight: Weight = "utterance",
    over: Over = "utterance",
    bootstrap: Bootstrap = 1000,
    seed: Seed = 0,
    form: Format = None,
) -> int:
    """Summarize predictions or labels by speaker, minute or any field, with confidence intervals.

    Reads prediction (or label with --of label). Writes a record per group: `counts` and `shares` of
    the emotions, means of their `probabilities`, means of valence, arousal, dominance and sentiment
    if present, and `intervals` of all of these. A table on a terminal, JSON Lines in a pipe;
    --format csv, or an --output named .csv, has a line per group and emotion. Buffers numbers.

    --by names fields of the record (speaker, dataset, label.emotion, ...), or what is derived:
    `minute` and `hour` of `start` (from 0), `bin:30` (bins of 30 s, named by their first second),
    `recording` (the path, else the dialogue), `modalities` of the prediction. With commas every
    field has its own rows, as in score; `speaker+minute` has a row for each speaker in each minute.
    Records without a value form a group of their own: null, or "(none)" in tables and CSV.

    Shares are of utterances, or with --weight duration of seconds (end - start, else those of the
    sound), which also weights the means.

    Intervals are 95 % percentile intervals of a bootstrap, within each group. --over utterance is
    about other utterances of the same speakers, and too narrow where neighbours resemble each
    other; --over speaker is about other speakers, and needs ten or more of them (or --over
    recording, or any field). A share of 0 or 1 has the exact binomial bounds instead, since
    resampling cannot vary it. The intervals of a group with a single utterance (or speaker) are
    undefined: null, or empty in CSV. They do not cover the errors of the model: compare with score.

    Records with an error, without a label, or on which the model abstained are left out, and
    counted in `skipped`. Records without a prediction, or with one that is malformed, are named,
    also counted in `failed`, and the exit status is 1.

    Example:

        emocli predict interview.jsonl | emocli summarize --by speaker,minute
    """
    asked = SummaryOptions(by=by, of=of, weight=weight, over=over, bootstrap=bootstrap, seed=seed)
    chosen = _format(run, form)
    from emocli.scoring.summary import Work  # imports numpy

    work = Work(asked, run.say)
    place(run.common.output)  # refuse a bad --output before the work
    source = run.source()
    work.read(source)
    if source.problem is not None:
        raise source.problem
    rows = work.rows()
    failed = work.failed and not run.common.exit_zero
    status: int = ExitStatus.FAILED if failed else ExitStatus.OK
    if chosen == "json" or not rows:
        return worst(status, run.write(rows))
    _write(run, rows, chosen)
    return status


def _format(run: options.Run, form: str | None) -> str:
    """Return the format: that of --format, else of the name of --output, else of stdout."""
    if form is not None and form not in FORMATS:
        raise UsageError(f"--format {form}: not one of {', '.join(FORMATS)}")
    output = run.common.output
    if form is None and output is not None and str(output) != "-":
        return "csv" if output.suffix.lower() == ".csv" else "json"
    return form or ("table" if run.streams.stdout.isatty() else "json")


def _write(run: options.Run, rows: list[dict[str, object]], form: str) -> None:
    """Write a table or CSV to --output or stdout, completely or not at all."""
    terminal = run.streams.stdout.isatty() and place(run.common.output) is None
    if form == "csv":
        from emocli.scoring import summary_lines

        text = summary_lines.text(rows)
        if terminal:
            text = "".join(f"{printable(line)}\n" for line in text.splitlines())
    else:
        from emocli.scoring import summary_table  # imports rich

        text = summary_table.text(rows, terminal)
    with whole_file(run.common.output, run.streams.stdout) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))
