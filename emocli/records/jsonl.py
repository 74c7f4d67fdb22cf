"""Read and write records as lines of JSON, and get the fields that every stage needs.

Unknown fields pass through in order. An undefined number is null, never NaN. Times are
seconds from the start of the recording; every other quantity has its unit in its name.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from emocli.errors import MalformedError, RecordError, printable
from emocli.records import decoding, exact_json, names, nulls, texts, validation
from emocli.records.decoding import MAX_DEPTH, MAX_LINE_BYTES
from emocli.records.problems import described

# Bytes of the shortest line that is MAX_DEPTH deep: an array takes two, an object five ({"":}).
SHALLOW, ONE_KIND = 2 * MAX_DEPTH, 5 * MAX_DEPTH
OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
PRIVATE = b'"\\u0000'  # begins the names of fields that a process has for itself: not read
STAGE = "input"  # of problems that are found as a record is read
# Where this process keeps a recording that came through a pipe; never written, as the file is gone
# with the process. `path` is then the name of the pipe.
SPOOLED = "\0spooled"
STDIN = "<stdin>"


def parse(line: bytes, where: str) -> dict[str, Any]:
    """Return the record on a line, or raise MalformedError naming `where` ("<stdin>:3")."""
    decoding.check(line, where)
    try:
        record = orjson.loads(line)
        if exact_json.has_long_integer(line):
            record = exact_json.loads(line)
    except orjson.JSONDecodeError as error:
        record = _reread(line, where, error)
    if not isinstance(record, dict):
        raise MalformedError(
            f"{where}: not an object: {decoding.start_of(line)}",
            hint="one JSON object per line; jq -c '.[]' turns an array into lines",
        )
    if _many_brackets(line) and decoding.depth(record) > MAX_DEPTH:
        raise MalformedError(f"{where}: nested deeper than {MAX_DEPTH}")
    return record


def _reread(line: bytes, where: str, error: orjson.JSONDecodeError) -> Any:
    """Return what orjson refuses for a number or a character; else raise MalformedError."""
    try:
        if exact_json.refused(error):
            return exact_json.loads(line)
    except (ValueError, RecursionError):
        pass
    raise decoding.not_json(line, where, error) from None


def read(stream: BinaryIO, name: str) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield each line and its record; blank lines are skipped. One pass, no look-ahead.

    Nulls that mean absent are dropped; a record whose name is no name, or with half of a character,
    gets an `error`. A line that orjson accepts has no NUL bytes and is not UTF-16, so only its
    length and its depth are checked here; every other line goes to `parse`.
    """
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        problem = None
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if (
            type(record) is not dict
            or (size := len(line)) > MAX_LINE_BYTES
            or (size > SHALLOW and (size > ONE_KIND or b"[" in line) and _many_brackets(line))
            or exact_json.has_long_integer(line)
        ):
            line = line.removeprefix(decoding.BOM)  # each file that `cat` has joined may have one
            if not line.strip() and len(line) <= MAX_LINE_BYTES:
                continue
            record, problem = exact_json.mended(parse(line, f"{name}:{number}"), of_path)
        if PRIVATE in line:
            record = {name: value for name, value in record.items() if name[:1] != "\0"}
        nulls.dropped(line, record)
        problem = problem or validation.unnamed(record)
        if problem and not record.get("error"):
            record["error"] = described(STAGE, problem)
        yield line, record


def _many_brackets(line: bytes) -> bool:
    return line.count(b"{") + line.count(b"[") > MAX_DEPTH


def dumps(record: dict[str, Any]) -> bytes:
    """Return a record as one line of JSON; NaN becomes null, float32 keeps its shortest digits."""
    try:
        return orjson.dumps(record, option=OPTIONS)
    except TypeError:  # an integer beyond 64 bits, or half of a surrogate pair
        return exact_json.dumps(record, OPTIONS)


def require(record: dict[str, Any], field: str, command: str) -> Any:
    """Return a field, or raise RecordError naming the command that adds it."""
    value = record.get(field)
    if value is None:
        raise RecordError(f"no_{field}", f"no field '{field}'", hint=f"run emocli {command} first")
    return value


def path_of(record: dict[str, Any]) -> str:
    """Return the path of the source file as the operating system knows it.

    A name that is there in the other spelling alone, NFC or NFD, is meant. For a recording that
    came through a pipe it is the path of the copy.
    """
    if isinstance(copy := record.get(SPOOLED), str):
        return copy
    path = require(record, "path", "extract-audio with a file")
    if isinstance(path, dict) and isinstance(path.get("bytes"), str):
        return os.fsdecode(base64.b64decode(path["bytes"]))
    if not isinstance(path, str):
        raise RecordError(
            "bad_path", f"path is neither a string nor {{'bytes': ...}}: {path!r:.80}"
        )
    if "\0" in path:
        raise RecordError("bad_path", "path contains a NUL character")
    return names.on_disk(path)


def of_path(path: str) -> dict[str, Any]:
    """Return a record of a file; a path that is not UTF-8 becomes {"bytes": base64}."""
    raw = os.fsencode(path)
    try:
        return {"id": raw.decode("utf-8"), "path": raw.decode("utf-8")}
    except UnicodeDecodeError:
        name = raw.decode("utf-8", "backslashreplace")
        return {"id": name, "path": {"bytes": base64.b64encode(raw).decode("ascii")}}


def name_of(record: dict[str, Any]) -> str:
    """Return the name of a record in messages: its id, else its path."""
    return printable(str(record.get("id") or record.get("path") or "record without id"))


def modality_text(record: dict[str, Any]) -> str | None:
    """Return the record's text, or None if it has none (an empty text is a text).

    Control characters that were quotes in Windows-1252 are quotes again.
    """
    text = record.get("text")
    if text is not None and not isinstance(text, str):
        raise RecordError("bad_text", f"text is not a string: {text!r:.80}")
    return None if text is None else texts.repaired(text)
