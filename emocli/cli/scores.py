"""The job of `score`: read records, write or draw their figures, say which limits are missed."""

from __future__ import annotations

import contextlib

from emocli.cli.run import Run
from emocli.errors import EmptyInputError, ExitStatus, UsageError, worst
from emocli.io import formats
from emocli.io.writing import place
from emocli.pipeline import live
from emocli.scoring.options import ScoreOptions

FORMATS = ("json", "table", "latex", *formats.DELIMITERS)


def form(run: Run, requested: set[str]) -> str:
    """Return the format of stdout, or of --output if its suffix names a table."""
    if len(requested) > 1 or not requested <= set(FORMATS):
        names = ", ".join(sorted(requested))
        raise UsageError(f"--format {names}: not one of {', '.join(FORMATS)}")
    if requested:
        return requested.pop()
    suffix = formats.by_suffix(run.common.output)
    if suffix in formats.DELIMITERS:
        return suffix
    terminal = run.streams.stdout.isatty() and not run.common.output
    return "table" if terminal else "json"


def predictions(run: Run, score_options: ScoreOptions, form: str) -> int:
    """Write the metrics of predictions."""
    from emocli.scoring import flat, limits
    from emocli.scoring.run import Work

    bounds = limits.parse(score_options)
    place(run.common.output)  # refuse a bad --output before the work
    work = Work(score_options, run.say, run.streams.stdin)
    source = run.source()
    with contextlib.closing(work):
        collected = work.read(source)
        if source.problem is not None:
            raise source.problem
        rows = work.rows(collected)
    failed = work.failed and not run.common.exit_zero
    status: int = ExitStatus.FAILED if failed else ExitStatus.OK
    name = formats.by_suffix(run.common.output) if form in ("table", "latex") else form
    as_table = flat.table(rows, collected.task, name) if name in formats.DELIMITERS else None
    if form not in ("table", "latex") or run.common.output:
        status = worst(status, run.write(rows, as_table))
    elif not rows and not run.common.allow_empty:
        raise EmptyInputError("no input records", hint="--allow-empty accepts that")
    if form in ("table", "latex") and rows:
        from emocli.scoring import table  # imports rich

        _draw(run, table.text(rows, collected.task, form, run.streams.stdout.isatty()))
    missed = [text for row in rows for bound in bounds if (text := limits.missed(row, bound))]
    for text in missed:
        run.say(text)
    return worst(status, ExitStatus.THRESHOLD) if missed else status


def alignment(run: Run, score_options: ScoreOptions, form: str) -> int:
    """Write how closely annotations agree with votes."""
    from emocli.scoring import alignment as aligned

    if form in formats.DELIMITERS:
        raise UsageError(f"--alignment has several tables: not as {form}", hint="--format json")
    place(run.common.output)
    source = run.source()
    row = aligned.row(source, score_options, run.say)
    if source.problem is not None:
        raise source.problem
    if source.count:
        aligned.check(row, run.say)
    failed = row.get("failed") and not run.common.exit_zero
    status: int = ExitStatus.FAILED if failed else ExitStatus.OK
    if form == "json" or run.common.output or not source.count:
        return worst(status, run.write([row] if source.count else []))
    from emocli.scoring import alignment_table  # imports rich

    _draw(run, alignment_table.text(row, form, run.streams.stdout.isatty()))
    return status


def _draw(run: Run, text: str) -> None:
    """Write tables to stdout."""
    live.stop()
    run.streams.stdout.write(text.encode("utf-8", "backslashreplace"))
    run.streams.stdout.flush()
