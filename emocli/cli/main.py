"""The command line of one process: run it, and exit with an honest status."""

from __future__ import annotations

import atexit
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import BinaryIO, NoReturn, TextIO, cast

import click

from emocli.cli import shortages
from emocli.cli.registry import asked, group, load, names
from emocli.errors import EmocliError, ExitStatus
from emocli.io import messages
from emocli.io.standard_streams import StandardStreams, of_process
from emocli.pipeline import stopping


def run(
    argv: Sequence[str] | None = None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run a command line and return its exit status; the default streams are the process's."""
    streams = (
        of_process()
        if stdin is None
        else StandardStreams(stdin, stdout or io.BytesIO(), stderr or sys.stderr)
    )
    arguments = asked(list(sys.argv[1:] if argv is None else argv))
    if lost := shortages.lost_folder():
        messages.say(streams.stderr, "", lost)
        return ExitStatus.USAGE
    try:
        return _dispatch(arguments, streams)
    except (KeyboardInterrupt, click.Abort):
        return ExitStatus.INTERRUPTED
    except stopping.Terminated:
        return ExitStatus.TERMINATED
    except Exception as error:  # also a signal that a library turned into an error
        return stopping.status() or _reported(error, arguments, streams)


def _reported(error: Exception, arguments: list[str], streams: StandardStreams) -> int:
    """Report the error that ended the run and return its status; raise it if it is a bug."""
    if isinstance(error, BrokenPipeError):
        return ExitStatus.CLOSED_PIPE
    if "--debug" in arguments and not isinstance(error, click.ClickException):
        messages.trace(streams.stderr, error)
    if shortage := shortages.told(error):
        status, text = shortage
        _report(streams, arguments, text)
        return status
    if isinstance(error, EmocliError):
        _report(streams, arguments, str(error))
        return error.status
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        messages.lines(streams.stderr, error.format_message())
        return ExitStatus.USAGE
    if isinstance(error, click.ClickException):
        said = error.format_message()
        _report(streams, arguments, said[:1].lower() + said[1:])
        return ExitStatus.USAGE
    if isinstance(error, OSError):
        closed = error.errno == errno.EBADF and not error.filename
        what = "stdout is closed" if closed else error.filename or "output"
        _report(streams, arguments, f"{error.strerror or error}: {what}")
        return ExitStatus.FAILED
    raise error


def _dispatch(arguments: list[str], streams: StandardStreams) -> int:
    from emocli.cli import config

    root = group()
    defaults = config.defaults(arguments, names(), load, streams.stderr)
    # Not root.main(): it handles a closed pipe (exit 1) and Ctrl-C in its own way.
    try:
        with root.make_context("emocli", arguments, obj=streams, default_map=defaults) as context:
            result = root.invoke(context)
    except click.exceptions.Exit as request:
        return request.exit_code
    return result if isinstance(result, int) else ExitStatus.OK


def _report(streams: StandardStreams, arguments: list[str], message: str) -> None:
    from emocli.cli import origin

    message = origin.told(message, arguments, names(), load)
    name = arguments[0] if arguments and arguments[0] in names() else ""
    messages.say(streams.stderr, name, message)
    streams.stderr.flush()


def main() -> NoReturn:
    """Run the command line of this process and exit with its status."""
    # OpenMP threads must not spin while they wait: in a pipe, other processes need the cores.
    # Spinning made `predict` on two cores 2 to 4 times as slow.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    stopping.install()
    try:
        shortages.watch()
        status = run()
    except MemoryError:  # even for the message
        os.write(2, b"emocli: out of memory\n")
        status = ExitStatus.MEMORY
    except Exception as error:
        messages.trace(sys.stderr, error)
        status = ExitStatus.FAILED
    stopping.leaving()
    status = stopping.status() or status
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = ExitStatus.CLOSED_PIPE
    except OSError:  # a full disk, already reported; Python's own last flush would fail again
        status = status or ExitStatus.FAILED
    if status not in (ExitStatus.CLOSED_PIPE, ExitStatus.INTERRUPTED, ExitStatus.TERMINATED):
        atexit._run_exitfuncs()
    _exit(status)


def _exit(status: int) -> NoReturn:
    # A normal exit would drop signals, tear torch down, and wait for threads that read stdin.
    try:
        cast("TextIO", sys.stderr).flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
