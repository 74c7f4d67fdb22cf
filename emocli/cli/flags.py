"""Flags that mean the same in every command: name, type, help, default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from emocli.io import inputs

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[INPUT]...",
        help="Files: media, folders of them, .txt, .jsonl records, tables; '-' or no argument is "
        "stdin: records, a list of paths, or a recording.",
        show_default=False,
    ),
]
FilesFrom = Annotated[
    str | None, typer.Option(metavar="FILE", help="Read a list of paths from FILE ('-': stdin).")
]
Null = Annotated[bool, typer.Option("--null", "-0", help="Paths in lists are separated by NUL.")]
InputFormat = Annotated[
    str,
    typer.Option(
        help="Format of the input.",
        metavar="|".join(inputs.FORMATS),
        click_type=None,
        show_default=True,
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD=COLUMN",
        help="Read a column of a table as a field, such as text=message; repeatable.",
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(metavar="CHAR", help="What separates the cells of a table, such as ';' or tab."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE, completely or not at all."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Keep what is complete in --output; retry its failures.")
]
Shard = Annotated[
    str | None, typer.Option(metavar="I/N", help="Process only shard I of N (from 1), or slurm/N.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of unexpected errors.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failed record.")]
MaxErrors = Annotated[
    str | None, typer.Option(metavar="N|P%", help="Stop when more records than this fail.")
]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit 0 even if some records failed.")]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="No input is not an error.")]
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", min=0, help="Worker processes (0: one per CPU)."),
]
StoreDir = Annotated[
    Path | None,
    typer.Option("--store", metavar="DIR", help="The feature store (default: in the cache)."),
]
Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda:N", help="Device of networks.")
]
Dtype = Annotated[
    str,
    typer.Option(
        "--dtype", metavar="auto|float32|bfloat16|float16", help="Number format of networks."
    ),
]
BatchSize = Annotated[
    str,
    typer.Option(
        "--batch-size", metavar="auto|N", help="Records per batch; 1 writes each at once."
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never use the network.")]

Segment = Annotated[
    str,
    typer.Option(
        metavar="auto|none|vad|SECONDS|windows|events|annotations",
        help="Cut recordings: if longer than 30 s, never, at pauses, by time; EEG by its events.",
    ),
]
Segments = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Cut where an RTTM, SRT, VTT, TextGrid[:TIER] or CSV says."),
]

Model = Annotated[
    str,
    typer.Option("--model", "-m", metavar="BUNDLE", help="A trained model's folder, or 'default'."),
]
Language = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Language of records that say none: en, de, pt-BR."),
]
Modalities = Annotated[
    str | None,
    typer.Option(
        "--modality", metavar="NAME,...", help="Use only these modalities (default: all)."
    ),
]

LlmUrl = Annotated[
    str | None,
    typer.Option(
        "--llm-url", metavar="URL", help="Ask the server under this base URL: http://HOST:PORT/v1."
    ),
]
Concurrency = Annotated[
    int, typer.Option(metavar="N", min=1, help="Questions that a server gets at once.")
]
Timeout = Annotated[float, typer.Option(metavar="SECONDS", help="Time limit for an answer.")]

Strict = Annotated[
    bool,
    typer.Option("--strict-modalities", help="Fail a record that lacks a stream."),
]

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="jsonl|csv|tsv|srt|vtt",
        help="Format of the output (default: as the suffix of --output says, else jsonl).",
    ),
]
FormatOfWords = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="jsonl|csv|tsv|srt|vtt|textgrid",
        help="Format of the output (default: as the suffix of --output says, else jsonl).",
    ),
]

READING: dict[str, tuple[Any, Any]] = {
    "files_from": (FilesFrom, None),
    "null": (Null, False),
    "input_format": (InputFormat, "auto"),
    "column": (Column, None),
    "separator": (Separator, None),
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


@dataclass(frozen=True)
class CommonFlags:
    """The values of the flags in COMMON."""

    output: Path | None = None
    resume: bool = False
    shard: str | None = None
    quiet: bool = False
    debug: bool = False
    fail_fast: bool = False
    max_errors: str | None = None
    exit_zero: bool = False
    allow_empty: bool = False


GROUPS: dict[str, dict[str, tuple[Any, Any]]] = {
    "jobs": {"jobs": (Jobs, 0)},
    "store": {"store": (StoreDir, None)},
    "segment": {"segment": (Segment, "auto"), "segments": (Segments, None)},
    "segment_none": {"segment": (Segment, "none"), "segments": (Segments, None)},
    "device": {
        "device": (Device, "auto"),
        "dtype": (Dtype, "auto"),
        "batch_size": (BatchSize, "auto"),
        "offline": (Offline, False),
    },
}
# Flags that do not change the output, and so are not part of the resume key.
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
    "segment",  # what becomes of a recording is in the records
    "segments",
    "concurrency",
    "timeout",  # decides what fails, and failures are done again
    "form",  # of what is written; the journal has records
}
