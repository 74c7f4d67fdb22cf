"""Show the value of each flag and its source, or the path of the config file.

A flag on the command line takes precedence, then the variable named after it (EMOCLI_BATCH_SIZE for
--batch-size), then the config file, then the default. In the file, keys at the top level apply to
every command that has the flag, and a table applies to one command:

    device = "cpu"
    [encode]
    batch-size = 8

Underscores may replace hyphens. An unknown key or table is an error (exit 3).

Example:
    emocli config show predict
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Annotated, Any

import click
import typer

from emocli.cli import config, options
from emocli.errors import ConfigError, ExitStatus, UsageError, printable
from emocli.io import messages

NOTHING_SET = "nothing is set: every flag has its default, which --all shows"

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help=__doc__)

Command = Annotated[
    str | None,
    typer.Argument(metavar="[COMMAND]", help="Show only the flags of COMMAND.", show_default=False),
]
All = Annotated[bool, typer.Option("--all", help="Show the flags that have their default too.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON Lines even on a terminal.")]


@app.command()
def show(command: Command = None, all: All = False, json: Json = False) -> int:
    """Show the flags that are set, of one or all commands; with --all the others as well.

    A table on a terminal, JSON Lines in a pipe. Errors in the config file are reported at the end
    (exit 3).

    Example: every flag of predict and its default

        emocli config show --all predict
    """
    context = click.get_current_context()
    root = context.find_root()
    names = root.command.list_commands(root)  # type: ignore[attr-defined]
    if command is not None and command not in names:
        raise UsageError(f"unknown command {command!r}", hint="emocli --help lists the commands")
    load = functools.partial(root.command.get_command, root)  # type: ignore[attr-defined]
    problems = config.problems(names, load)
    rows = [row for name in ([command] if command else names) for row in _rows(name, load(name))]
    rows = [row for row in rows if all or row["source"] != "default"]
    streams = options.standard_streams()
    if streams.stdout.isatty() and not json:
        from emocli.cli.terminal import draw

        draw(streams.stdout, _table(rows) if rows else NOTHING_SET)
    else:
        import orjson

        for row in rows:
            streams.stdout.write(orjson.dumps(row, default=str) + b"\n")
        streams.stdout.flush()
    for problem in problems:
        messages.say(streams.stderr, "config", str(problem))
    return ExitStatus.CONFIG if problems else ExitStatus.OK


@app.command()
def path() -> int:
    """Print the path of the config file, whether or not it exists.

    Example: create one

        mkdir -p "$(dirname "$(emocli config path)")"
        echo 'device = "cpu"' > "$(emocli config path)"
    """
    streams = options.standard_streams()
    streams.stdout.write(str(config.path()).encode("utf-8", "surrogateescape") + b"\n")
    streams.stdout.flush()
    return ExitStatus.OK


def _rows(name: str, command: click.Command) -> Iterator[dict[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is not None:
        for child in inner.values():
            yield from _flags(f"{name} {child.name}", child, {})
        return
    try:
        contents = config.read()
    except ConfigError:  # reported at the end
        contents = {}
    yield from _flags(name, command, config.right_values(contents, name, command))


def _flags(name: str, command: click.Command, defaults: dict[str, Any]) -> Iterator[dict[str, Any]]:
    context = click.Context(command, info_name=name, default_map=defaults)
    for option in command.params:
        if not isinstance(option, click.Option) or option.name == "help":
            continue
        flag = max(option.opts, key=len)
        try:
            value, origin = option.consume_value(context, {})
            value = option.type_cast_value(context, value)
        except click.BadParameter as error:
            raise ConfigError(f"{name} {flag}: {error.message}") from None
        variable = next((v for v in option.envvar or () if os.environ.get(v)), None)
        source = {"ENVIRONMENT": f"${variable}", "DEFAULT_MAP": str(config.path())}.get(
            origin.name, "default"
        )
        yield {"command": name, "flag": flag, "value": value, "source": source}


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table("command", "flag", "value", "source", box=None, pad_edge=False)
    for row in rows:
        cells = [Text("" if value is None else printable(str(value))) for value in row.values()]
        table.add_row(*cells, style="dim" if row["source"] == "default" else "bold")
    return table
