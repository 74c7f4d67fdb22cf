"""The commands by name: each is a file in `commands`, imported only when it is needed."""

from __future__ import annotations

import functools
import importlib
import inspect
from pathlib import Path
from typing import Any

import click
import typer
import typer.main

from emocli.cli import statuses

COMMANDS = Path(__file__).parents[1] / "commands"
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def names() -> list[str]:
    """Return the names of the commands, which are those of their files."""
    return list(_names())


@functools.cache  # for the message as well that no more files can be opened
def _names() -> tuple[str, ...]:
    stems = (p.stem for p in COMMANDS.glob("*.py") if not p.stem.startswith("_"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems))


def summary(name: str) -> str:
    """Return a command's one-line help, read from its file without running it."""
    source = (COMMANDS / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    return source.split('"""', 2)[1].strip().split("\n")[0]


def load(name: str) -> click.Command:
    """Return a command: the Typer `app` of its module, or one made from its function `command`."""
    module = importlib.import_module(f"emocli.commands.{name.replace('-', '_')}")
    app = getattr(module, "app", None)
    text = module.__doc__ or ""
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(module.command)
        text = max(text, module.command.__doc__ or "", key=len)
    command = typer.main.get_command(app)
    command.name = name
    _complete(command, text)
    return command


def _complete(command: click.Command, text: str) -> None:
    """Set what all commands share: help text, exit statuses, EMOCLI_* variables."""
    command.help = paragraphs(text)
    command.epilog = statuses.epilogue()
    command.context_settings = {**command.context_settings, **CONTEXT}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            # EMOCLI_BATCH_SIZE sets --batch-size of every command, EMOCLI_ENCODE_BATCH_SIZE that
            # of encode alone; so for every flag.
            long = max(parameter.opts, key=len).lstrip("-")
            parameter.show_envvar = False  # the man pages state the rule once
            parameter.envvar = [_variable(f"{command.name} {long}"), _variable(long)]
    for inner in getattr(command, "commands", {}).values():
        _complete(inner, inner.help or "")


def _variable(words: str) -> str:
    return "EMOCLI_" + words.replace("-", "_").replace(" ", "_").upper()


def context(command: click.Command) -> click.Context:
    """Return a click context from which a command can be described."""
    return click.Context(command, info_name=command.name, **command.context_settings)


def paragraphs(text: str) -> str:
    r"""Mark the indented paragraphs of a docstring, so that click keeps their line breaks.

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
        """Return the names of all commands."""
        return names()

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        return load(name) if name in names() else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with the first line of its docstring."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in names()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Return the named command; a UsageError for an unknown name suggests the closest one."""
        import difflib

        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in names():
            close = difflib.get_close_matches(name, names(), 1) or difflib.get_close_matches(
                name, [n.split("-")[0] for n in names()], 1
            )
            hint = f"; did you mean {close[0]}?" if close else "; emocli --help lists them"
            raise click.UsageError(f"unknown command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"emocli {version('emocli')}")
        ctx.exit()


def asked(arguments: list[str]) -> list[str]:
    """Return arguments in which `help predict` is `predict --help`.

    >>> asked(["help", "config", "show"]), asked(["predict", "help"])
    (['config', 'show', '--help'], ['predict', 'help'])
    """
    if arguments[:1] != ["help"]:
        return arguments
    return [*(word for word in arguments[1:] if word != "help"), "--help"]


def group() -> Emocli:
    """Return the root command."""
    return Emocli(
        "emocli",
        help="Composable filters for multimodal emotion recognition: JSON Lines in, JSON Lines "
        "out.\n\nTry: emocli predict clip.mp4, emocli help predict",
        epilog=statuses.epilogue(),
        context_settings=CONTEXT,
        no_args_is_help=True,
        params=[
            click.Option(
                ["-V", "--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_version,
                help="Print the version and exit.",
            )
        ],
    )
