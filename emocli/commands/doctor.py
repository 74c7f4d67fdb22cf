"""Check the installation: programs, packages, devices, models, folders and fallbacks.

`serves` names what does the work here: the decoder of each format, voice activity, speech to text,
alignment, the device of networks; `missing` what a command lacks, with the line that gets it.

Exit status 0: the default predictor can run. Otherwise 3 (something does not fit) or 4 (a model is
not installed), and the last line is the command that fixes it. Writes a table on a terminal, and
one record in a pipe or with --json. Nothing is downloaded or changed.

Example: show what prevents emocli from running

    emocli doctor | jq '.problems'
"""

from __future__ import annotations

import functools
from typing import Annotated, Any

import click
import typer

from emocli.cli import config, options
from emocli.errors import ExitStatus, printable
from emocli.io import messages

Json = Annotated[bool, typer.Option("--json", help="Write a record even on a terminal.")]


def command(json: Json = False) -> int:
    """Check the installation: programs, packages, devices, models, folders and fallbacks."""
    from emocli.cli import checkup

    context = click.get_current_context()
    streams = options.standard_streams()
    root = context.find_root()
    load = functools.partial(root.command.get_command, root)  # type: ignore[attr-defined]
    names = root.command.list_commands(root)  # type: ignore[attr-defined]
    report = checkup.report(config.problems(names, load))
    if streams.stdout.isatty() and not json:
        from emocli.cli.terminal import draw

        draw(streams.stdout, *_tables(report))
    else:
        import orjson

        streams.stdout.write(orjson.dumps(report) + b"\n")
        streams.stdout.flush()
    for problem in report["problems"]:
        messages.say(streams.stderr, "doctor", f"{problem['message']}: {problem['hint']}")
    return max((p["status"] for p in report["problems"]), default=int(ExitStatus.OK))


def _tables(report: dict[str, Any]) -> list[Any]:
    """Return the parts of the report as tables of three columns."""
    from rich.table import Table
    from rich.text import Text

    parts = {
        "programs": [(p["name"], p["version"], p["note"]) for p in report["programs"]],
        "packages": [(p["name"], p["version"] or "-", p["note"]) for p in report["packages"]],
        "devices": [(d["name"], d["dtype"], d["what"]) for d in report["devices"]],
        "serves": [(s["for"], s["by"], s["note"]) for s in report["serves"]],
        "models": [
            (
                m["name"] + (" *" if m["default"] else ""),
                "installed" if m["here"] else "-",
                m["source"],
            )
            for m in report["models"]
        ],
        "places": [(p["name"], p["state"], p["path"]) for p in report["places"]],
        "fallbacks": [(f["of"], "", f["now"]) for f in report["fallbacks"]],
        "missing": [(m["command"], m["lacks"], m["get"]) for m in report["missing"]],
    }
    tables: list[Any] = []
    for title, rows in parts.items():
        if not rows:
            continue
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(min_width=24, no_wrap=True)
        table.add_column(min_width=12, no_wrap=True)
        table.add_column(overflow="fold", style="dim")
        for row in rows:
            table.add_row(*(Text(printable(str(cell or ""))) for cell in row))
        tables += [Text(title, style="bold"), table, ""]
    ready = "the default predictor can run (it needs the models marked *)"
    verdict = Text("not ready yet:" if report["problems"] else ready, style="bold")
    return [*tables, verdict]
