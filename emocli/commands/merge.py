"""Join shards: pass records on as they are, and refuse one that comes twice.

Reads records from files or stdin. Adds nothing: lines go out byte for byte. Streams; memory does
not grow with the input, so a duplicate id is found at the end (exit 2, and --output stays away).

With --like, the order of another file is restored: records that file has and the shards lack are
named (exit 1), as are those that come twice or that it does not have. This keeps an index of ids.

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


@options.filter()
def command(
    run: options.Run,
    like: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Restore the order of FILE's records.")
    ] = None,
) -> int:
    """Join shards: pass records on as they are, and refuse one that comes twice."""
    arguments, stdin = run.source().arguments, run.streams.stdin
    status = ExitStatus.OK
    with whole_file(run.flags["output"], run.streams.stdout) as out:
        if like is not None:
            count, problems = merge.in_order(arguments, like, stdin, out)
            for text in problems:
                run.say(text)
                status = ExitStatus.FAILED
        else:
            count = merge.joined(arguments, stdin, out)
            if not count and not run.flags["allow_empty"]:
                raise EmptyInputError("no input records", hint="--allow-empty makes that fine")
    if not run.flags["quiet"]:
        run.say(f"{count} records")
    return status
