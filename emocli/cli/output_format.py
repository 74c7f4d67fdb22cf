"""Which format a command writes: --format, else what the suffix of --output says."""

from __future__ import annotations

from collections.abc import Sequence

from emocli.cli.run import Run
from emocli.errors import UsageError
from emocli.io import formats, inputs

WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")
RECORDS = ("jsonl", *formats.DELIMITERS, *formats.SUBTITLES)


def chosen(
    run: Run, flag: str | None, known: Sequence[str] = RECORDS, *, json: bool = False
) -> str | None:
    """Return the name of the format; None if nobody asks for one.

    Raises UsageError for a format that the command does not have, and where several recordings are
    to be written in one that has place for a single one.
    """
    if json and flag not in (None, "jsonl"):
        raise UsageError(f"--json and --format {flag} contradict each other")
    output = run.common.output
    if flag is None and output and output.suffix.lower() in WORKBOOKS:
        hint = "-o answers.csv is a table that spreadsheets import"
        raise UsageError(f"--output {output}: workbooks are not written", hint=hint)
    suffix = formats.by_suffix(output)
    name = flag or ("jsonl" if json else suffix)
    if name is None:
        return None
    if name not in known:
        source = f"--format {name}" if flag else f"the suffix of --output {run.common.output}"
        hint = "" if flag else "--format jsonl writes JSON Lines under any name"
        raise UsageError(f"{source}: not one of {', '.join(known)}", hint=hint)
    if name in (*formats.SUBTITLES, formats.TEXTGRID):
        _check_single(run, name)
    return name


def _check_single(run: Run, name: str) -> None:
    recordings = {*inputs.media(inputs.named(run.arguments))}
    if len(recordings) > 1:
        hint = "run the command for each of them, or write csv"
        raise UsageError(
            f"--format {name} has place for one recording, not {len(recordings)}", hint=hint
        )
