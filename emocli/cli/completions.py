"""Collect what can be completed for each command, and yield the completion scripts.

The scripts are static: completing a word does not start Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import click

from emocli.cli import completion_scripts, registry
from emocli.cli.completion_items import FILES, FOLDERS, Command, Flag, Values
from emocli.records.modality import MODALITIES

_WORD = re.compile(r"[a-z][a-z0-9+.-]*")  # a word to type as it is: auto and cpu of auto|cpu|cuda:N


def scripts() -> Iterator[tuple[str, str]]:
    """Yield (file name, text) for bash, zsh and fish."""
    listed = commands()
    yield "emocli.bash", completion_scripts.bash(listed)
    yield "_emocli", completion_scripts.zsh(listed)
    yield "emocli.fish", completion_scripts.fish(listed)


def commands() -> list[Command]:
    """Return all commands with their subcommands."""
    names = registry.names()
    listed = [_command(name, registry.load(name), registry.summary(name)) for name in names]
    return [*listed, Command("help", "Show the help of a command", (), (Values(tuple(names)),))]


def _command(name: str, command: click.Command, about: str) -> Command:
    context = registry.context(command)
    parameters = command.get_params(context)
    inner = getattr(command, "commands", {}).values()
    return Command(
        name,
        about.rstrip("."),
        tuple(_flag(name, p, context) for p in parameters if isinstance(p, click.Option)),
        tuple(_values(name, p, context) for p in parameters if isinstance(p, click.Argument)),
        tuple(_command(f"{name} {c.name}", c, c.get_short_help_str(200)) for c in inner),
    )


def _flag(command: str, option: click.Option, context: click.Context) -> Flag:
    has_value = not (option.is_flag or option.count)
    return Flag(
        tuple(sorted([*option.opts, *option.secondary_opts], key=len)),
        (option.help or "").rstrip("."),
        option.make_metavar(context) if has_value else "",
        _values(command, option, context) if has_value else None,
        option.multiple,
    )


def _values(command: str, parameter: click.Parameter, context: click.Context) -> Values:
    """Return the values of a parameter: from SPECIAL, else by its metavar."""
    name = max(parameter.opts, key=len)
    for key in (f"{command} {name}", f"{command.split()[0]} {name}", name):
        if key in SPECIAL:
            return SPECIAL[key]()
    metavar = parameter.make_metavar(context)
    words = tuple(part for part in metavar.split("|") if _WORD.fullmatch(part))
    if any(capitals in metavar for capitals in ("FILE", "INPUT", "PATH")):
        return Values(words, FILES)
    return Values(words, FOLDERS if "DIR" in metavar else "")


def _catalog() -> tuple[str, ...]:
    from emocli import hub

    return tuple(hub.catalog())


def _models_of(command: str) -> tuple[str, ...]:
    """Return the models of the catalog that a command can use."""
    from emocli import hub

    return tuple(name for name, model in hub.catalog().items() if command in model["commands"])


def _encoders() -> tuple[str, ...]:
    """Return the encoders of the catalog, and those that measure and are no models."""
    from emocli import encoders

    families = [(name, kind) for kind in MODALITIES for name in encoders.families(kind)]
    measuring = [name for name, kind in families if encoders.is_measured(name, kind)]
    return (*_models_of("encode"), *measuring)


def _datasets() -> tuple[str, ...]:
    from emocli import datasets

    return tuple(datasets.names())


def _modalities() -> tuple[str, ...]:
    from emocli import modalities

    return (*modalities.names(), ",".join(modalities.names()))


def _models() -> tuple[str, ...]:
    from emocli import models

    return tuple(models.names())


def _metrics() -> tuple[str, ...]:
    from emocli.scoring.tasks import TASKS

    names = dict.fromkeys(name for task in TASKS.values() for name in task.names)
    return tuple(f"{name}=" for name in names)


# Where the metavar does not say everything: [command] parameter -> words, and files or folders.
SPECIAL: dict[str, Callable[[], Values]] = {
    "dataset name": lambda: Values(_datasets()),
    "config show command": lambda: Values(tuple(registry.names())),
    "models names": lambda: Values(("default", *_catalog())),
    "--model": lambda: Values(("default",), FOLDERS),
    "train --model": lambda: Values(_models()),
    "transcribe --model": lambda: Values(_models_of("transcribe"), FOLDERS),
    "--encoder": lambda: Values(_encoders(), FOLDERS),
    "--modality": lambda: Values(_modalities()),
    "--min": lambda: Values(_metrics()),
    "--max": lambda: Values(_metrics()),
    "--shard": lambda: Values(("slurm",)),
}
