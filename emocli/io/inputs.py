"""Read records from paths, lists of paths, text, CSV or JSON Lines; from files or stdin."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from emocli import records
from emocli.errors import MalformedError, UsageError, printable
from emocli.io import conversation, ids, opening, tables
from emocli.io.shards import in_shard
from emocli.records import Record, decoding, texts
from emocli.records.failures import Failure

RECORDS = (".jsonl", ".ndjson")
OPEN_ERRORS = {  # why a file cannot be opened; with the codes and messages of media files
    FileNotFoundError: ("not_found", "no such file"),
    NotADirectoryError: ("not_found", "no such file"),
    IsADirectoryError: ("is_a_directory", "a directory, not a file"),
}
SUFFIX = re.compile(r"\.\w{1,5}$")  # how the names of media files end, and sentences do not
FORMATS = ("auto", "jsonl", "paths", "csv", "text")


@dataclass
class Source:
    """The input of a command. It ends at a line that is not a record; `problem` is then set."""

    arguments: list[str]
    stdin: BinaryIO
    files_from: str | None = None
    null: bool = False
    input_format: str = "auto"
    text: str | None = None
    shard: tuple[int, int] | None = None
    turns: int = 0  # of a dialogue that each of its records gets as `context`
    marks: bool = False  # a file that cannot be opened becomes a failed record, else a UsageError
    problem: MalformedError | None = None
    count: int = 0
    _unique: ids.Numbered = field(default_factory=ids.Numbered)

    def __iter__(self) -> Iterator[Record]:
        """Yield the records; stop at the first malformed line."""
        try:
            found = self._records()
            for record in conversation.with_context(found, self.turns) if self.turns else found:
                if self.shard is None or in_shard(record, *self.shard):
                    self.count += 1
                    yield record
        except MalformedError as error:
            self.problem = error

    def total(self) -> int | None:
        """Return the number of records if it is known before reading."""
        others = self.shard or self.files_from or self.text is not None
        single = all(_kind(a) == "paths" and a != "-" for a in self.arguments)
        return len(self.arguments) if self.arguments and single and not others else None

    def listed(self) -> Iterator[str]:
        """Yield the names in the list of --files-from, for a command that reads files whole."""
        if self.files_from is not None:
            with opening.required(self.files_from, self.stdin) as stream:
                yield from opening.named(self.files_from, self._names(stream, self.files_from))

    def _records(self) -> Iterator[Record]:
        if self.text is not None:
            if self.text == "-":
                stream = opening.unpacked(self.stdin, "<stdin>")
                yield from opening.named("<stdin>", self._lines_of_text(stream, "-"))
            else:
                yield {"id": "text#L1", "text": self.text}
        if self.files_from is not None:
            with opening.required(self.files_from, self.stdin) as stream:
                yield from opening.named(self.files_from, self._paths(stream, self.files_from))
        for argument in self.arguments:
            if argument == "-":
                stream = opening.unpacked(self.stdin, "<stdin>")
                found = self._from(stream, "<stdin>", self.input_format)
                yield from opening.named("<stdin>", found)
            elif self.input_format == "paths" or _kind(argument) == "paths":
                yield self._media(argument)
            else:
                kind = self.input_format if self.input_format != "auto" else _kind(argument)
                yield from self._file(argument, kind)

    def _file(self, name: str, input_format: str) -> Iterator[Record]:
        try:
            stream = opening.opened(name)
        except OSError as error:
            if not self.marks:
                raise UsageError(f"cannot open {name}: {error.strerror}") from None
            yield self._failed(name, error)
            return
        with stream:
            yield from opening.named(name, self._from(stream, name, input_format))

    def _failed(self, name: str, error: OSError) -> Record:
        """Return a failed record for a list or table that cannot be opened; the others go on."""
        record = self._media(name)
        code, message = OPEN_ERRORS.get(
            type(error), ("not_readable", f"cannot be read ({error.strerror})")
        )
        hint = "is the path right here?" if code == "not_found" else ""
        return {**record, "error": _problem(code, f"{message}: {name}", hint)}

    def _from(self, stream: BinaryIO, name: str, input_format: str) -> Iterator[Record]:
        if self.null:
            input_format = "paths"
        if input_format == "auto":
            yield from self._sniffed(stream, name)
        elif input_format == "jsonl":
            yield from (record for _, record in records.read(stream, name))
        elif input_format == "csv":
            yield from (row.record for row in tables.read(stream, name, self._unique))
        elif input_format == "text":
            yield from self._lines_of_text(stream, name)
        else:
            yield from self._paths(stream, name)

    def _sniffed(self, stream: BinaryIO, name: str) -> Iterator[Record]:
        """Decide by the first non-blank byte: `{` or `[` begins records, else a list of paths."""
        blank = 0
        while line := stream.readline(records.MAX_LINE_BYTES + 2):
            line = line.removeprefix(decoding.BOM)
            if line.strip():
                break
            blank += 1
        restored = cast("BinaryIO", decoding.PushbackStream(line, stream, blank))
        utf16 = line.startswith(decoding.UTF16)
        start = line.decode("utf-16", "ignore").encode() if utf16 else line
        if start.lstrip()[:1] in (b"{", b"["):
            yield from (record for _, record in records.read(restored, name))
        else:
            yield from self._paths(restored, name, sniffed=True)

    def _paths(self, stream: BinaryIO, name: str, *, sniffed: bool = False) -> Iterator[Record]:
        for path in self._names(stream, name):
            yield self._media(path, listed=sniffed)

    def _names(self, stream: BinaryIO, name: str) -> Iterator[str]:
        listed = enumerate(decoding.split(stream)) if self.null else decoding.lines(stream, name)
        for _, raw in listed:
            if path := raw if self.null else raw.rstrip(b"\r\n"):
                yield os.fsdecode(path)

    def _media(self, path: str, *, listed: bool = False) -> Record:
        record = records.of_path(path)
        record["id"] = self._unique(record["id"])
        if self.marks and (problem := _not_media(path, listed)):
            record["error"] = problem
        return record

    def _lines_of_text(self, stream: BinaryIO, name: str) -> Iterator[Record]:
        for number, _, text in texts.lines(stream, name):
            if words := text.strip():
                yield {"id": f"{name}#L{number}", "text": words}


def _kind(path: str) -> str:
    name = path.lower().removesuffix(opening.GZIP)
    if name.endswith(RECORDS):
        return "jsonl"
    return "csv" if name.endswith(".csv") else "text" if name.endswith(".txt") else "paths"


def _not_media(path: str, listed: bool) -> Failure | None:
    """Return the problem of a path that names no media: a JSON document, or a line of text."""
    if path.lower().endswith(".json") and Path(path).is_file():
        hint = f"an object per line: jq -c . {path} | emocli ..."
        return _problem("not_media", "a JSON document, neither media nor JSON Lines", hint)
    if listed and not SUFFIX.search(path) and not os.path.lexists(path):
        hint = "a path is expected; emocli predict --text - reads a sentence per line"
        return _problem("not_found", f"no such file: {path}", hint)
    return None


def _problem(code: str, message: str, hint: str) -> Failure:
    words = {"message": printable(message), "hint": printable(hint)}
    return Failure({"stage": "input", "code": code, **words})


def named(arguments: Iterable[str]) -> list[str]:
    """Return arguments as given; surrogate escapes keep bytes that are not UTF-8."""
    return [os.fsdecode(os.fsencode(argument)) for argument in arguments]
