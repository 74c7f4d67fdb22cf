"""Where records come from: paths, lists of paths, text, CSV, JSON Lines; files or stdin."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from emocli import conversation, records
from emocli.errors import MalformedError, UsageError

Item = tuple[bytes, dict[str, Any]]  # what was read, for the resume key; and the record

RECORDS = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
FORMATS = ("auto", "jsonl", "paths", "csv", "text")


@dataclass
class Source:
    """The input of a command. A line that is not a record ends it; `problem` says so then."""

    arguments: list[str]
    stdin: BinaryIO
    files_from: str | None = None
    null: bool = False
    input_format: str = "auto"
    text: str | None = None
    shard: tuple[int, int] | None = None
    turns: int = 0  # of a dialogue, which each of its records gets as `context`
    problem: MalformedError | None = None
    count: int = 0
    _seen: dict[int, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Item]:
        """Yield what was read and its record, and stop at the first malformed line."""
        try:
            items = self._items()
            for item in conversation.with_context(items, self.turns) if self.turns else items:
                if self.shard is None or in_shard(item[1], *self.shard):
                    self.count += 1
                    yield item
        except MalformedError as error:
            self.problem = error

    def total(self) -> int | None:
        """Return the number of records where it is known before reading."""
        plain = self.arguments and not self.shard and not self.files_from and self.text is None
        single = all(_kind(a) == "paths" and a != "-" for a in self.arguments)
        return len(self.arguments) if plain and single else None

    def _items(self) -> Iterator[Item]:
        if self.text is not None:
            if self.text == "-":
                yield from self._lines_of_text(self.stdin, "-")
            else:
                yield self.text.encode(), {"id": "text#L1", "text": self.text}
        if self.files_from is not None:
            with _open(self.files_from, self.stdin) as stream:
                yield from self._paths(stream)
        for argument in self.arguments:
            if argument == "-":
                yield from self._from(self.stdin, "<stdin>", self.input_format)
            elif self.input_format == "paths" or _kind(argument) == "paths":
                yield self._media(argument)
            else:
                with _open(argument, self.stdin) as stream:
                    wanted = self.input_format if self.input_format != "auto" else _kind(argument)
                    yield from self._from(stream, argument, wanted)

    def _from(self, stream: BinaryIO, name: str, wanted: str) -> Iterator[Item]:
        if self.null:
            wanted = "paths"
        if wanted == "auto":
            yield from self._sniffed(stream, name)
        elif wanted == "jsonl":
            yield from records.read(stream, name)
        elif wanted == "csv":
            yield from _rows(stream, name)
        elif wanted == "text":
            yield from self._lines_of_text(stream, name)
        else:
            yield from self._paths(stream)

    def _sniffed(self, stream: BinaryIO, name: str) -> Iterator[Item]:
        """Decide by the first non-blank byte: `{` or `[` is records, else a list of paths."""
        blank = 0
        while (line := stream.readline(records.MAX_LINE_BYTES + 2)) and not line.strip():
            blank += 1
        joined = cast("BinaryIO", _Pushed(line, stream, blank))
        if line.lstrip()[:1] in (b"{", b"["):
            yield from records.read(joined, name)
        else:
            yield from self._paths(joined)

    def _paths(self, stream: BinaryIO) -> Iterator[Item]:
        for raw in _split(stream) if self.null else stream:
            path = raw if self.null else raw.rstrip(b"\r\n")
            if path:
                yield self._media(os.fsdecode(path))

    def _media(self, path: str) -> Item:
        record = records.of_path(path)
        key = hash(record["id"])
        self._seen[key] = seen = self._seen.get(key, 0) + 1
        if seen > 1:
            record["id"] += f"#{seen}"
        return os.fsencode(path) + b"#%d" % seen, record

    def _lines_of_text(self, stream: BinaryIO, name: str) -> Iterator[Item]:
        for number, line in enumerate(stream, 1):
            if text := line.decode("utf-8", "replace").strip():
                yield line, {"id": f"{name}#L{number}", "text": text}


class _Pushed:
    """A stream whose first line has been read and is handed out again."""

    def __init__(self, line: bytes, stream: BinaryIO, blank: int) -> None:
        self.before, self.stream = [b"\n"] * blank + [line], stream

    def readline(self, limit: int = -1) -> bytes:
        return self.before.pop(0) if self.before else self.stream.readline(limit)

    def read1(self, size: int = -1) -> bytes:
        if self.before:
            return self.before.pop(0)
        read1 = getattr(self.stream, "read1", self.stream.read)
        return cast("bytes", read1(size))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def _split(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what NUL characters separate."""
    rest = b""
    read1 = getattr(stream, "read1", stream.read)
    while block := read1(1 << 16):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole
    yield rest.rstrip(b"\n")


def _kind(path: str) -> str:
    name = path.lower()
    if name.endswith(RECORDS):
        return "jsonl"
    return "csv" if name.endswith(".csv") else "text" if name.endswith(".txt") else "paths"


def _open(path: str, stdin: BinaryIO) -> BinaryIO:
    if path == "-":
        return stdin
    try:
        if path.endswith(".gz"):
            return cast("BinaryIO", gzip.open(path, "rb"))
        return open(path, "rb")
    except OSError as error:
        raise UsageError(f"cannot open {path}: {error.strerror}") from None


def _rows(stream: BinaryIO, name: str) -> Iterator[Item]:
    """Yield a record per row; `a.b` as a header nests, `emotion` is label.emotion."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    for number, row in enumerate(csv.DictReader(text), 1):
        if None in row or any(v is None for v in row.values()):
            raise MalformedError(f"{name}: row {number}: not as many cells as the header has")
        record: dict[str, Any] = {"id": row.get("id") or row.get("path") or f"{name}#R{number}"}
        for key, value in row.items():
            _nest(record, "label.emotion" if key == "emotion" else key, value)
        yield repr(row).encode(), record
    text.detach()


def _nest(record: dict[str, Any], key: str, value: str) -> None:
    *outer, last = key.split(".")
    for name in outer:
        record = record.setdefault(name, {})
    record[last] = value


def in_shard(record: dict[str, Any], index: int, count: int) -> bool:
    """Say whether a record belongs to shard `index` of `count`, counted from 1.

    A stable hash of `dialogue` where present, else `id`: a dialogue stays together, and a record
    stays in its shard when others come or go.
    """
    key = record.get("dialogue", record.get("id"))
    digest = hashlib.blake2b(repr(key).encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count == index - 1


def shard(spec: str | None) -> tuple[int, int] | None:
    """Return (index, count) of "I/N", or of a Slurm array task for "slurm"."""
    if spec is None:
        return None
    if spec == "slurm":
        spec = _slurm()
    try:
        index, count = (int(part) for part in spec.split("/"))
    except ValueError:
        raise UsageError(f"--shard {spec}: not I/N, like 2/8, nor slurm") from None
    if not 1 <= index <= count:
        raise UsageError(f"--shard {spec}: I counts from 1 to N")
    return index, count


def _slurm() -> str:
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT")
    values = [os.environ.get(name, "") for name in names]
    step = int(os.environ.get("SLURM_ARRAY_TASK_STEP") or 1)
    if not all(value.isdigit() for value in values):
        raise UsageError(f"--shard slurm: {', '.join(names)} are not set", hint="sbatch --array")
    task, first, count = (int(value) for value in values)
    return f"{(task - first) // step + 1}/{count}"


def named(arguments: Iterable[str]) -> list[str]:
    """Return arguments as given; surrogate escapes keep bytes that are not UTF-8."""
    return [os.fsdecode(os.fsencode(argument)) for argument in arguments]
