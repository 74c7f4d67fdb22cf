"""The commands by name: a name is a file in `commands`, imported only when it is asked for."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import click
import typer
import typer.main

COMMANDS = Path(__file__).parents[1] / "commands"
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
