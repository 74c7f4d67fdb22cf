"""Join shards: pass records on unchanged, and refuse duplicate ids.

Reads records from files or stdin. Adds nothing: lines are written byte for byte. Streams; memory
does not grow with the input, so a duplicate id is found at the end (exit 2, and --output is not
written).

--like restores the order of another file. Records that are missing from the shards, occur twice in
them, or are not in that file are named (exit 1). This keeps an index of ids in memory.

Example:
    emocli merge shards/*.jsonl --like input.jsonl -o all.jsonl
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import EmptyInputError, ExitStatus
from emocli.io import merge
from emocli.io.writing import whole_file
from emocli.pipeline import live


@options.filter(
    without=(
        *("input_format", "column", "separator"),
        *("shard", "resume", "max_errors", "fail_fast"),
    )
)
def command(
    run: options.Run,
    like: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Restore the order of FILE's records.")
    ] = None,
) -> int:
    """Join shards: pass records on unchanged, and refuse duplicate ids."""
    source, stdin = run.source(), run.streams.stdin
    arguments = [*source.arguments, *source.listed()]
    status = ExitStatus.OK
    with whole_file(run.common.output, run.streams.stdout) as out:
        if out.isatty():
            live.stop()
        if like is not None:
            count, problems = merge.in_order(arguments, like, stdin, out)
        else:
            count, problems = merge.joined(arguments, stdin, out)
            if not count and not run.common.allow_empty:
                raise EmptyInputError("no input records", hint="--allow-empty accepts that")
    for text in problems:
        run.say(text)
        status = ExitStatus.OK if run.common.exit_zero else ExitStatus.FAILED
    if not run.common.quiet:
        run.say(f"{count} record{'s' * (count != 1)}")
    return status
