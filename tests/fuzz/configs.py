"""Kind "configs": TOML files, of `train --config` and of the command line, for every command."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import values
from tests.fuzz.base import Base
from tests.fuzz.examples import Example, Target
from tests.fuzz.records import BUNDLE, lines

KIND = "configs"
# Flags that are given besides, because a large number of them is a long wait that was asked for.
LONG = ("--epochs", "2")
ASKED = ("epochs", "jobs", "seeds", "folds", "bootstrap", "limit", "n")
CONFIG = "config/emocli/config.toml"


def targets(base: Base) -> Iterator[Target]:
    """Yield a target for every model's settings, and for every command's flags."""
    from emocli import models

    for model in models.names():
        yield _training(base, model)
    for name, (argv, stdin) in _runs(base).items():
        yield _command_line(name, argv, stdin)


def _training(base: Base, model: str) -> Target:
    from emocli import models
    from emocli.training.state import Settings

    kind = "frames" if models.takes_time(model) and model != "late-fusion" else "learn"
    records = base.records[kind]
    training = {f.name: f.default for f in dataclasses.fields(Settings)}
    # What training itself fills in may stand in the file, too.
    settings = {k: v for k, v in models.defaults(model).items() if v is not dataclasses.MISSING}
    settings |= {"dims": {"audio": 6}, "classes": 3, "hidden": 8}
    argv = ["train", "--model", model, "--config", "in/train.toml", "-o", "out/m", *LONG]
    whole = Example(argv, lines(records), {"in/train.toml": b"[training]\nepochs = 2\n"})
    strategy = _tables(whole, "in/train.toml", {"model": settings, "training": training})
    return Target(f"{KIND}/train {model}", whole, strategy)


def _runs(base: Base) -> dict[str, tuple[list[str], bytes]]:
    """Return a quick run of every command."""
    from emocli.cli import registry

    full = lines(base.records["full"][:1])
    runs: dict[str, tuple[list[str], bytes]] = {
        "augment modalities": ([], full),
        "augment dime": (["--assume-train"], full),
        "calibrate": ([*BUNDLE, "-o", "out/m"], lines(base.records["full"])),
        "config show": ([], b""),
        "config path": ([], b""),
        "dataset": (["ravdess", "base/corpora/ravdess"], b""),
        "models list": ([], b""),
        "plot training": (["-o", "out/p.png"], lines(base.records["log"])),
        "plot prosody": (["-o", "out/p.png"], full),
        "score": (["--bootstrap", "5", "--task", "classification"], full),
        "train": (["-o", "out/m", "--epochs", "1", "--seeds", "1", "--hidden", "4"],
                  lines(base.records["learn"])),
        "align": (["--aligner", "nuclei"], full),
        "encode": (["--encoder", "prosody", "--modality", "audio"], full),
        "fuse": ([*BUNDLE], full),
        "predict": ([*BUNDLE], full),
        "annotate": (["-n", "2"], full),
        "normalize": (["--least", "2"], lines(base.records["full"])),
    }  # fmt: skip
    for name, kind in {"extract-eeg": "eeg", "extract-video": "films"}.items():
        runs[name] = ([], lines(base.records[kind][:1]))
    for name in registry.names():
        if not any(name == run.split()[0] for run in runs):
            runs[name] = ([], full)
    return {name: ([*name.split(), *flags], stdin) for name, (flags, stdin) in runs.items()}


def _command_line(name: str, argv: list[str], stdin: bytes) -> Target:
    import click

    from emocli.cli import registry

    top, *inner = name.split()
    command = registry.load(top)
    if inner and isinstance(command, click.Group):
        command = command.commands[inner[0]]
    flags = [p.name for p in command.params if isinstance(p, click.Option) and p.name]
    texts = name.startswith(("plot", "config", "doctor", "schema"))
    whole = Example(argv, stdin, {}, json_out=not texts, own_folder=True)
    strategy = _flags(whole, top, [f for f in flags if f not in (*ASKED, "help")])
    return Target(f"{KIND}/{name} config.toml", whole, strategy)


@st.composite
def _tables(
    draw: values.Draw, whole: Example, file: str, tables: dict[str, dict[str, Any]]
) -> Example:
    found: dict[str, Any] = {"training": {"epochs": 2}, "model": {}}
    changes = []
    for _ in range(values.pick(draw, [1, 1, 2, 3])):
        table = values.pick(draw, list(tables))
        key = values.pick(draw, [*tables[table], *tables[table], "x"])
        if key in ASKED:
            continue
        default = tables[table].get(key)
        new = draw(_near(default))
        found[table][key] = new
        changes.append(f"[{table}] {key} = {toml(new)[:100]}")
    data = "".join(f"[{n}]\n{_lines(t)}" for n, t in found.items()).encode()
    data, changes = draw(_torn(data, changes))
    return replace(whole, files={file: data}, changes=tuple(changes))


@st.composite
def _near(draw: values.Draw, default: Any) -> Any:
    """Draw a value for a setting, near its default or far from it."""
    if draw(st.booleans()) and isinstance(default, int | float) and not isinstance(default, bool):
        choices: list[Any] = [-default, default + 1, default / 3, 0, -1, 1e30, 10**12, 2**31]
        return values.pick(draw, [*choices, math.nan, math.inf, -0.5, 1.5])
    return values.plain(draw)


@st.composite
def _torn(draw: values.Draw, data: bytes, changes: list[str]) -> tuple[bytes, list[str]]:
    """Change the text of the file itself, sometimes."""
    if draw(st.integers(0, 9)):
        return data, changes
    new, what = draw(values.reworded(data))
    return new, [*changes, what]


@st.composite
def _flags(draw: values.Draw, whole: Example, command: str, flags: Sequence[str]) -> Example:
    top: dict[str, Any] = {}
    table: dict[str, Any] = {}
    for _ in range(values.pick(draw, [1, 1, 2])):
        key = values.pick(draw, [*flags, "x"]) if flags else "x"
        key = key.replace("_", "-") if draw(st.booleans()) else key
        (top if draw(st.integers(0, 2)) == 0 else table)[key] = values.plain(draw)
    data = f"{_lines(top)}[{command}]\n{_lines(table)}".encode()
    data, changes = draw(_torn(data, [f"{data.decode()[:200]!r}"]))
    return replace(whole, files={CONFIG: data}, changes=tuple(changes))


def _lines(table: dict[str, Any]) -> str:
    return "".join(f"{key} = {toml(value)}\n" for key, value in table.items())


def toml(value: Any) -> str:
    """Return a value as TOML."""
    import json

    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items())
        return "{" + inner + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value) if value is not None else '""'
