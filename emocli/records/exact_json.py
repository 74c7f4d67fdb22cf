"""JSON that orjson refuses or rounds: integers beyond 64 bits, and halves of surrogate pairs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any, NoReturn

import orjson

from emocli.errors import RecordError

# Beyond 64 bits are integers of 20 digits (from 2**64), and of a minus and 19 (below -2**63).
_LONG = b"0" * 20
_ZEROS = bytes(ord("0") if code in b"-0123456789" else ord(" ") for code in range(256))
LEAST, MOST = -(1 << 63), (1 << 64) - 1  # of the integers that orjson reads and writes
SURROGATE = re.compile("[\ud800-\udfff]")
UNREADABLE = ("surrogate", "hex escape", "infinity")  # what orjson says of these


def has_long_integer(line: bytes) -> bool:
    """Return whether a line may have an integer beyond 64 bits, which orjson rounds.

    >>> has_long_integer(b'{"n":-80241446968629135069}')
    True
    >>> has_long_integer(b'{"x":0.0123456789012345678}')
    False
    """
    zeros = line.translate(_ZEROS)
    at = zeros.find(_LONG)
    while at >= 0:
        if line[at - 1 : at] not in (b".", b'"'):  # a fraction, a name that is a number
            return True
        at = zeros.find(_LONG, zeros.find(b" ", at))
    return False


def refused(error: orjson.JSONDecodeError) -> bool:
    """Return whether orjson refused a line for a number or a character of which Python has more."""
    return any(words in error.msg for words in UNREADABLE)


def loads(line: bytes) -> Any:
    """Return the JSON of a line as Python's slower reader has it; ValueError if it is none."""
    return json.loads(line, parse_constant=_refuse, parse_float=_finite)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if value - value == 0 else _refuse(text)


def dumps(value: Any, option: int) -> bytes:
    """Return what orjson refused to write, as JSON."""
    return orjson.dumps(_writable(value), option=option)


def _writable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_writable(key): _writable(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(member) for member in value]
    if isinstance(value, str):
        return SURROGATE.sub("\ufffd", value)
    if isinstance(value, int) and not LEAST <= value <= MOST:
        return orjson.Fragment(str(value))
    return value


def mended(
    record: dict[str, Any], of_path: Callable[[str], dict[str, Any]]
) -> tuple[dict[str, Any], RecordError | None]:
    """Return a record without halves of surrogate pairs, and the error that says where one was.

    A path as Python writes it, where a surrogate stands for a byte that is not UTF-8, is no error.
    """
    path = record.get("path")
    if isinstance(path, str) and SURROGATE.search(path):
        try:
            os.fsencode(path)
        except UnicodeEncodeError:
            pass
        else:
            named = of_path(path)
            same = {"id": named["id"]} if record.get("id") == path else {}
            record = {**record, **same, "path": named["path"]}
    where = next((name for name, value in record.items() if _is_cut(name) or _is_cut(value)), None)
    if where is None:
        return record, None
    hint = "a character was cut in two; it is replaced here, as jq -c . does"
    message = f"{_writable(where)} contains half of a surrogate pair"
    return _writable(record), RecordError("lone_surrogate", message, hint=hint)


def _is_cut(value: Any) -> bool:
    if isinstance(value, str):
        return SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(_is_cut(key) or _is_cut(member) for key, member in value.items())
    return isinstance(value, list) and any(map(_is_cut, value))
