"""Read records from paths, lists of paths, text, CSV or JSON Lines; from files or stdin."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

from emocli import records
from emocli.errors import MalformedError, UsageError
from emocli.io import conversation, ids, opening, refusals, sound_bytes, spooling, tables, walk
from emocli.io.kinds import FORMATS as FORMATS
from emocli.io.kinds import TABLES, is_media, kind
from emocli.io.shards import in_shard
from emocli.records import Record, decoding, texts
from emocli.records.jsonl import SPOOLED, STDIN

TEXT_IS_FILE = "--text takes {0} for a sentence; without --text the file of that name is read"
LIKE_A_TABLE = "begins like a table: --input-format csv reads it as one"


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
    say: Callable[[str], None] | None = None  # told what is not obvious about the input
    layout: tables.Layout = tables.PLAIN
    problem: MalformedError | None = None
    count: int = 0
    cut: Callable[[Iterator[Record]], Iterator[Record]] = iter  # makes several records of some
    grown: bool = False  # it has: nobody knows how many there will be
    _unique: ids.Numbered = field(default_factory=ids.Numbered)
    _walked: dict[str, walk.Found] = field(default_factory=dict)  # folders among the arguments
    _copies: list[spooling.Copy] = field(
        default_factory=list
    )  # of recordings that came through pipes

    def __iter__(self) -> Iterator[Record]:
        """Yield the records; stop at the first malformed line."""
        try:
            found = self._records()
            if self.turns:
                found = conversation.with_context(found, self.turns)
            if shard := self.shard:
                found = (record for record in found if in_shard(record, *shard))
            for record in self.cut(found):
                self.count += 1
                yield record
        except MalformedError as error:
            self.problem = error

    def total(self) -> int | None:
        """Return the number of records if it is known before reading."""
        return None if self.grown else self._total

    @functools.cached_property
    def _total(self) -> int | None:
        others = self.shard or self.files_from or self.text is not None
        single = all(kind(a) == "paths" and a != "-" for a in self.arguments)
        if not self.arguments or not single or others:
            return None
        if any(map(opening.is_pipe, self.arguments)):
            return None
        folders = {a: self.found(a) for a in self.arguments if walk.is_folder(a)}
        return sum(len(folders[a].files) or 1 if a in folders else 1 for a in self.arguments)

    def grow(self) -> None:
        """Note that a record has become several."""
        self.grown = True

    def check(self) -> None:
        """Raise what is wrong with the header of any table among the arguments."""
        for argument in self.arguments:
            if argument != "-" and kind(argument, self.input_format) in TABLES:
                tables.check(argument, self._layout(kind(argument, self.input_format)))

    def listed(self) -> Iterator[str]:
        """Yield the names in the list of --files-from, for a command that reads files whole."""
        if self.files_from is not None:
            with opening.required(self.files_from, self.stdin) as stream:
                yield from opening.named(self.files_from, self._names(stream, self.files_from))

    def _records(self) -> Iterator[Record]:
        if self.text is not None:
            if self.text == "-":
                stream = opening.unpacked(self.stdin, STDIN)
                yield from opening.named(STDIN, self._lines_of_text(stream, "-"))
            else:
                if self.say and os.path.isfile(self.text):  # noqa: PTH113 - may be no path at all
                    self.say(TEXT_IS_FILE.format(self.text))
                yield {"id": "text#L1", "text": self.text}
        if self.files_from is not None:
            with opening.required(self.files_from, self.stdin) as stream:
                yield from opening.named(self.files_from, self._paths(stream, self.files_from))
        for argument in self.arguments:
            yield from self._argument(argument)

    def _argument(self, argument: str) -> Iterator[Record]:
        if argument == "-":
            stream = opening.unpacked(self.stdin, STDIN)
            yield from opening.named(STDIN, self._from(stream, STDIN, self.input_format))
        elif walk.is_folder(argument):
            yield from self._folder(argument)
        elif self.input_format == "paths":
            yield self._media(argument)
        elif opening.is_pipe(argument):  # read like stdin, whatever its name
            yield from self._file(argument, self.input_format)
        elif (form := kind(argument, self.input_format)) == "paths":
            self._hint(argument)
            yield self._media(argument, given=refusals.GIVEN)
        else:
            yield from self._file(argument, form)

    def _folder(self, folder: str) -> Iterator[Record]:
        """Yield a record for each media file in a folder; a failed one if there is none."""
        if not self.marks:
            raise UsageError(f"{folder} is a folder", hint="name the files of records in it")
        found = self.found(folder)
        self._walked.pop(folder)  # a list may name thousands
        if self.say and found.files and found.left_out:
            self.say(f"{folder}: {found.left_out} left out: not media")
        for path, error in found.files:
            yield self._failed(path, error) if error else self._media(path)
        if not found.files:
            yield {**self._media(folder), "error": refusals.no_media(found)}

    def found(self, folder: str) -> walk.Found:
        """Return what a folder among the input holds; it is walked once."""
        if folder not in self._walked:
            self._walked[folder] = walk.media(folder)
        return self._walked[folder]

    def _layout(self, input_format: str) -> tables.Layout:
        """Return how a table is written; --input-format tsv says that tabs separate its cells."""
        how = replace(self.layout, by_name=self.input_format == "auto")
        return replace(how, separator="\t") if input_format == "tsv" else how

    def _hint(self, argument: str) -> None:
        """Tell where a file of unknown kind looks like a table."""
        unknown = not is_media(argument)
        if self.say and unknown and tables.file_looks_like(argument, self.layout):
            self.say(f"{argument}: {LIKE_A_TABLE}")

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
        """Return a failed record for what cannot be opened; the others go on."""
        return {**self._media(name), "error": refusals.unopened(name, error)}

    def _from(self, stream: BinaryIO, name: str, input_format: str) -> Iterator[Record]:
        if self.null:
            input_format = "paths"
        if input_format == "auto":
            yield from self._sniffed(stream, name)
        elif input_format == "jsonl":
            yield from (record for _, record in records.read(stream, name))
        elif input_format in TABLES:
            how = self._layout(input_format)
            found = tables.read(stream, name, self._unique, how, self.say)
            yield from (row.record for row in found)
        elif input_format == "text":
            yield from self._lines_of_text(stream, name)
        else:
            yield from self._paths(stream, name)

    def _sniffed(self, stream: BinaryIO, name: str) -> Iterator[Record]:
        """Decide by the first bytes: a recording; else `{` or `[` begins records, or a list."""
        head = sound_bytes.start(stream)
        if sound_bytes.is_sound(head):
            yield self._recording(head, stream, name)
            return
        stream, blank = cast("BinaryIO", decoding.PushbackStream(head, stream)), 0
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
            header = start.decode("utf-8", "replace")
            if self.say and tables.looks_like(header, self.layout):
                self.say(f"{name}: {LIKE_A_TABLE}")
            yield from self._paths(restored, name, sniffed=True)

    def _recording(self, head: bytes, stream: BinaryIO, name: str) -> Record:
        """Return the record of a recording that comes through a pipe; a copy is kept meanwhile."""
        copy = spooling.copied(head, stream)
        self._copies.append(copy)
        record = records.of_path(name)
        return {**record, "id": self._unique(record["id"]), SPOOLED: copy.path}

    def _paths(self, stream: BinaryIO, name: str, *, sniffed: bool = False) -> Iterator[Record]:
        for path in self._names(stream, name):
            if self.marks and walk.is_folder(path):
                yield from self._folder(path)
            else:
                yield self._media(path, given=refusals.LISTED if sniffed else "")

    def _names(self, stream: BinaryIO, name: str) -> Iterator[str]:
        listed = enumerate(decoding.split(stream)) if self.null else decoding.lines(stream, name)
        for _, raw in listed:
            if path := raw if self.null else raw.rstrip(b"\r\n"):
                yield os.fsdecode(path)

    def _media(self, path: str, *, given: str = "") -> Record:
        record = records.of_path(path)
        record["id"] = self._unique(record["id"])
        if self.marks and (problem := refusals.not_media(path, given)):
            record["error"] = problem
        return record

    def _lines_of_text(self, stream: BinaryIO, name: str) -> Iterator[Record]:
        for number, _, text in texts.lines(stream, name):
            if words := text.strip():
                yield {"id": f"{name}#L{number}", "text": words}


def media(arguments: Iterable[str]) -> list[str]:
    """Return the arguments that name media: no lists, no tables, not stdin."""
    return [name for name in arguments if name != "-" and kind(name) == "paths"]


def named(arguments: Iterable[str]) -> list[str]:
    """Return arguments as given; surrogate escapes keep bytes that are not UTF-8."""
    return [os.fsdecode(os.fsencode(argument)) for argument in arguments]
