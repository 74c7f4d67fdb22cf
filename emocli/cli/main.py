"""The command line of one process: run it, and leave with an honest status."""

from __future__ import annotations

import atexit
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import BinaryIO, NoReturn, TextIO, cast

import click

from emocli.cli.registry import group, load, names
from emocli.errors import EmocliError, ExitStatus, printable
from emocli.io.standard_streams import StandardStreams, of_process
from emocli.pipeline import stopping


def run(
    argv: Sequence[str] | None = None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run a command line and return its exit status; streams may be given instead of the real."""
    streams = (
        of_process()
        if stdin is None
        else StandardStreams(stdin, stdout or io.BytesIO(), stderr or sys.stderr)
    )
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments, streams)
    except (KeyboardInterrupt, click.Abort):
        return ExitStatus.INTERRUPTED
    except stopping.Terminated:
        return ExitStatus.TERMINATED
    except Exception as error:  # what a signal has become on its way through some library
        return stopping.status() or _explained(error, arguments, streams)


def _explained(error: Exception, arguments: list[str], streams: StandardStreams) -> int:
    """Say what ended the run, and return its status; raise what is a bug."""
    if isinstance(error, BrokenPipeError):
        return ExitStatus.CLOSED_PIPE
    if isinstance(error, EmocliError):
        if "--debug" in arguments:
            traceback.print_exception(error, file=streams.stderr)
        _complain(streams, arguments, str(error))
        return error.status
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        streams.stderr.write(error.format_message() + "\n")
        return ExitStatus.USAGE
    if isinstance(error, click.ClickException):
        _complain(streams, arguments, error.format_message())
        return ExitStatus.USAGE
    if isinstance(error, OSError) and "--debug" not in arguments:
        _complain(streams, arguments, f"{error.strerror or error}: {error.filename or 'output'}")
        return ExitStatus.FAILED
    raise error


def _dispatch(arguments: list[str], streams: StandardStreams) -> int:
    from emocli.cli import config

    root = group()
    defaults = config.defaults(arguments, names(), load, streams.stderr)
    # Not root.main(): it has its own ideas of a closed pipe (exit 1) and of Ctrl-C.
    try:
        with root.make_context("emocli", arguments, obj=streams, default_map=defaults) as context:
            result = root.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return result if isinstance(result, int) else ExitStatus.OK


def _complain(streams: StandardStreams, arguments: list[str], message: str) -> None:
    name = f"emocli {arguments[0]}" if arguments and arguments[0] in names() else "emocli"
    text = "\n".join(map(printable, message.splitlines()))
    streams.stderr.write(f"{name}: {text[:1].lower() + text[1:]}\n")
    streams.stderr.flush()


def main() -> NoReturn:
    """Run the command line of this process and leave with its status."""
    # Threads that wait without spinning: in a pipe every core has other work to do. Spinning
    # made `predict` on two cores take 2 to 4 times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    stopping.install()
    status = run()
    stopping.leaving()
    status = stopping.status() or status
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = ExitStatus.CLOSED_PIPE
    except OSError:  # a full disk: said already, and Python's own last flush would fail again
        status = status or ExitStatus.FAILED
    if status not in (ExitStatus.CLOSED_PIPE, ExitStatus.INTERRUPTED, ExitStatus.TERMINATED):
        atexit._run_exitfuncs()
    _leave(status)


def _leave(status: int) -> NoReturn:
    # Python's own way forgets the signals, takes torch apart, and waits for threads at stdin.
    try:
        cast("TextIO", sys.stderr).flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
