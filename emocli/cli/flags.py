"""Flags that mean the same everywhere: name, type, help, default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emocli.io import inputs

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[INPUT]...",
        help="Files: media, .txt, .csv, .jsonl records; '-' or nothing is stdin.",
        show_default=False,
    ),
]
FilesFrom = Annotated[
    str | None, typer.Option(metavar="FILE", help="Read a list of paths from FILE ('-': stdin).")
]
Null = Annotated[bool, typer.Option("--null", "-0", help="Lists of paths are NUL-separated.")]
InputFormat = Annotated[
    str,
    typer.Option(
        help="What the input is.",
        metavar="|".join(inputs.FORMATS),
        click_type=None,
        show_default=True,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write FILE, whole or not at all."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Keep what an interrupted --output has; redo failures.")
]
Shard = Annotated[
    str | None, typer.Option(metavar="I/N", help="Only shard I of N (from 1), or 'slurm'.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of unexpected errors.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failed record.")]
MaxErrors = Annotated[
    str | None, typer.Option(metavar="N|P%", help="Stop when more records than this have failed.")
]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit 0 even if some records failed.")]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="No input is not an error.")]
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", min=0, help="Worker processes (0: as many as there are CPUs)."),
]
StoreDir = Annotated[
    Path | None,
    typer.Option("--store", metavar="DIR", help="The feature store (default: in the cache)."),
]
Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda:N", help="Where networks run.")
]
Dtype = Annotated[
    str,
    typer.Option("--dtype", metavar="auto|float32|bfloat16|float16", help="Numbers they use."),
]
BatchSize = Annotated[
    str,
    typer.Option("--batch-size", metavar="auto|N", help="Records per batch; 1 answers at once."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never use the network.")]

Model = Annotated[
    str,
    typer.Option("--model", "-m", metavar="BUNDLE", help="A trained model's folder, or 'default'."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict-modalities", help="A record without all of the streams is an error."),
]

READING: dict[str, tuple[Any, Any]] = {
    "files_from": (FilesFrom, None),
    "null": (Null, False),
    "input_format": (InputFormat, "auto"),
}
COMMON: dict[str, tuple[Any, Any]] = {
    "output": (Output, None),
    "resume": (Resume, False),
    "shard": (Shard, None),
    "quiet": (Quiet, False),
    "debug": (Debug, False),
    "fail_fast": (FailFast, False),
    "max_errors": (MaxErrors, None),
    "exit_zero": (ExitZero, False),
    "allow_empty": (AllowEmpty, False),
}
GROUPS: dict[str, dict[str, tuple[Any, Any]]] = {
    "jobs": {"jobs": (Jobs, 0)},
    "store": {"store": (StoreDir, None)},
    "device": {
        "device": (Device, "auto"),
        "dtype": (Dtype, "auto"),
        "batch_size": (BatchSize, "auto"),
        "offline": (Offline, False),
    },
}
# Flags that change how the work is done but not what comes out; not part of the resume key.
INDIFFERENT = {
    *COMMON,
    "inputs",
    "text",
    "jobs",
    "device",
    "batch_size",
    "offline",
    "store",
    "json",
}
