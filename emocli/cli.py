"""The command line: a name is a file in `commands`, loaded only when it is asked for."""

from __future__ import annotations

import atexit
import importlib
import inspect
import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TextIO, cast

import click
import typer
import typer.main

from emocli import stopping
from emocli.errors import EmocliError, ExitStatus, printable
from emocli.options import World, streams

COMMANDS = Path(__file__).parent / "commands"
STATUSES = """\
Exit status: 0 all ok; 1 some records failed; 2 usage or malformed input; 3 config or model
mismatch; 4 model not available; 5 no input; 6 threshold missed; 7 out of memory; 130 and 143
signals; 141 closed pipe."""
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def names() -> list[str]:
    """Return the commands: the names of the files."""
    found = (p.stem for p in COMMANDS.glob("*.py") if not p.stem.startswith("_"))
    return sorted(name.replace("_", "-") for name in found)


def summary(name: str) -> str:
    """Return a command's one-line help, read from its file without running it."""
    source = (COMMANDS / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    return source.split('"""', 2)[1].strip().split("\n")[0]


def load(name: str) -> click.Command:
    """Return a command: the Typer `app` of its module, or one made of its `command`."""
    module = importlib.import_module(f"emocli.commands.{name.replace('-', '_')}")
    app = getattr(module, "app", None)
    text = module.__doc__ or ""
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(module.command)
        text = max(text, module.command.__doc__ or "", key=len)
    command = typer.main.get_command(app)
    command.name = name
    _dress(command, text)
    return command


def _dress(command: click.Command, text: str) -> None:
    """Give a command what all have: help that keeps its lines, statuses, EMOCLI_* variables."""
    command.help = paragraphs(text)
    command.epilog = STATUSES
    command.context_settings = {**command.context_settings, **CONTEXT}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            # EMOCLI_BATCH_SIZE stands for --batch-size, EMOCLI_ENCODE_BATCH_SIZE for that of
            # encode, and so on for every flag.
            long = max(parameter.opts, key=len).lstrip("-")
            parameter.show_envvar = False  # the man pages state the rule once
            parameter.envvar = [_variable(f"{command.name} {long}"), _variable(long)]
    for inner in getattr(command, "commands", {}).values():
        _dress(inner, inner.help or "")


def _variable(words: str) -> str:
    return "EMOCLI_" + words.replace("-", "_").replace(" ", "_").upper()


def context(command: click.Command) -> click.Context:
    """Return a context to describe a command in."""
    return click.Context(command, info_name=command.name, **command.context_settings)


def paragraphs(text: str) -> str:
    r"""Mark the paragraphs of a docstring that are indented, so that click keeps their lines.

    >>> paragraphs("Do it.\n\nExample:\n    emocli x\n    emocli y")
    'Do it.\n\n\x08\nExample:\n    emocli x\n    emocli y'
    """
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join("\b\n" + part if _indented(part) else part for part in parts)


def _indented(part: str) -> bool:
    return "\n    " in f"\n{part}" and not part.startswith("\b")


class Emocli(click.Group):
    """The group of all commands; `--help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the files."""
        return names()

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        return load(name) if name in names() else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by the first line of their files."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in names()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Return the command asked for, or say which one may have been meant."""
        import difflib

        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in names():
            close = difflib.get_close_matches(name, names(), 1) or difflib.get_close_matches(
                name, [n.split("-")[0] for n in names()], 1
            )
            hint = f"; did you mean {close[0]}?" if close else "; emocli --help lists them"
            raise click.UsageError(f"no command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"emocli {version('emocli')}")
        ctx.exit()


def group() -> Emocli:
    """Return the root command."""
    return Emocli(
        "emocli",
        help="Composable filters for multimodal emotion recognition: JSON Lines in, JSON Lines "
        "out.\n\nTry: emocli predict clip.mp4",
        epilog=STATUSES,
        context_settings=CONTEXT,
        no_args_is_help=True,
        params=[
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_version,
                help="Print the version and leave.",
            )
        ],
    )


def run(
    argv: Sequence[str] | None = None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Run a command line and return its exit status; streams may be given instead of the real."""
    world = (
        streams() if stdin is None else World(stdin, stdout or io.BytesIO(), stderr or sys.stderr)
    )
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments, world)
    except (KeyboardInterrupt, click.Abort):
        return ExitStatus.INTERRUPTED
    except stopping.Terminated:
        return ExitStatus.TERMINATED
    except Exception as error:  # what a signal has become on its way through some library
        return stopping.status() or _explained(error, arguments, world)


def _explained(error: Exception, arguments: list[str], world: World) -> int:
    """Say what ended the run, and return its status; raise what is a bug."""
    if isinstance(error, BrokenPipeError):
        return ExitStatus.CLOSED_PIPE
    if isinstance(error, EmocliError):
        if "--debug" in arguments:
            traceback.print_exception(error, file=world.stderr)
        _complain(world, arguments, str(error))
        return error.status
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        world.stderr.write(error.format_message() + "\n")
        return ExitStatus.USAGE
    if isinstance(error, click.ClickException):
        _complain(world, arguments, error.format_message())
        return ExitStatus.USAGE
    if isinstance(error, OSError) and "--debug" not in arguments:
        _complain(world, arguments, f"{error.strerror or error}: {error.filename or 'output'}")
        return ExitStatus.FAILED
    raise error


def _dispatch(arguments: list[str], world: World) -> int:
    from emocli import config

    root = group()
    defaults = config.defaults(arguments, names(), load, world.stderr)
    # Not root.main(): it has its own ideas of a closed pipe (exit 1) and of Ctrl-C.
    try:
        with root.make_context("emocli", arguments, obj=world, default_map=defaults) as context:
            result = root.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return result if isinstance(result, int) else ExitStatus.OK


def _complain(world: World, arguments: list[str], message: str) -> None:
    name = f"emocli {arguments[0]}" if arguments and arguments[0] in names() else "emocli"
    text = "\n".join(map(printable, message.splitlines()))
    world.stderr.write(f"{name}: {text[:1].lower() + text[1:]}\n")
    world.stderr.flush()


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
