"""Odd values, and changes of JSON values, of text and of bytes."""

from __future__ import annotations

import json
import math
import pickle
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Draw = st.DrawFn
Path = tuple[Any, ...]


@dataclass(frozen=True)
class Raw:
    """A piece of JSON as it stands, which no value of Python becomes."""

    text: str


def nested(depth: int) -> Any:
    """Return lists and objects in each other."""
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}
    return value


NUMBERS: list[Any] = [
    *(0, 1, -1, 2, 3, 255, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**12),
    *(0.0, -0.0, 0.5, -0.5, 1.5, 99.9, 1e-9, 1e9, 1e308, -1e308, 5e-324),
]
TEXTS: list[Any] = [
    *("", " ", "a", "0", "-1", "1.5", "NaN", "nan", "inf", "null", "true", "joy", "text", "audio"),
    *("x" * 300, "word " * 2000, "é", "e\u0301", "𝕁😀", "ﬁ", "\x00", "\x7f\x85\x9b", "a\nb\r\n"),
    *("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\u202eabc\u2066", "\ufeff", "\ufffe", "\t"),
    *("..", "/", "../../x", "/dev/zero", "/nowhere/x.wav", "-o", "--help", "a/b", "C:\\x", "~"),
    *("base/fifo", "base", "base/clip.wav", "base/cut.wav", "base/empty.wav", "http://x/y.wav"),
]
SHAPES: list[Any] = [
    *([], {}, [[]], [None], [{}], {"": None}, {"a": {"b": []}}, [1, "a", None], nested(40)),
    *([0.0] * 3, [1e308] * 6, [True], ["joy", "joy"], {"joy": 1}, {"joy": None}, {"joy": "x"}),
    *({"joy": -1, "anger": 2}, {"bytes": "Y2Fm6Q=="}, {"bytes": 1}, list(range(500))),
]
WORDS = [str(value) for value in (*NUMBERS, *TEXTS)]
# Numbers that few languages hold and that JSON lacks, half of a character, a key twice.
RAW = [
    *(Raw("1" + "0" * 30), Raw("-1" + "0" * 400), Raw("1e999"), Raw("1e-999"), Raw("NaN")),
    *(Raw("-Infinity"), Raw('"\\ud800"'), Raw('"a\\udc00b"'), Raw('{"a":1,"a":2}'), Raw("01")),
    *(Raw("[" * 600 + "]" * 600), Raw('"\t"'), Raw("")),
]
CONSTANTS: list[Any] = [None, True, False]
ODD = (CONSTANTS, NUMBERS, TEXTS, SHAPES, RAW[:5], RAW, None)  # None: drawn character by character
SMALL = st.one_of(st.text(max_size=8), st.integers(), st.floats())


def pick(draw: Draw, choices: Sequence[Any]) -> Any:
    """Draw one of several values; quicker than `sampled_from`, which looks at each."""
    return choices[draw(st.integers(0, len(choices) - 1))]


def odd(draw: Draw) -> Any:
    """Draw a value that is of another type, or far off."""
    fixed = pick(draw, ODD)
    return draw(SMALL) if fixed is None else copied(pick(draw, fixed))


# Texts that name nothing outside of the folder that a command runs in.
HARMLESS = [text for text in TEXTS if "/" not in text and text not in ("..", "base")]
PLAIN = ([True, False], NUMBERS, HARMLESS, [math.nan, math.inf, -math.inf, [], [1], ["a"], [[1]]])


def plain(draw: Draw) -> Any:
    """Draw a value that TOML has, too."""
    return pick(draw, pick(draw, PLAIN))


def dumps(value: Any) -> str:
    """Return JSON; `Raw` stands as it is, and half characters are escaped."""
    pieces: list[str] = []

    def hold(raw: Raw) -> str:
        pieces.append(raw.text)
        return f"\ue000{len(pieces) - 1}\ue000"

    text = json.dumps(value, default=hold)
    return HELD.sub(lambda match: pieces[int(match[1])], text) if pieces else text


HELD = re.compile(r'"\\ue000(\d+)\\ue000"')


def copied(value: Any) -> Any:
    """Return a copy of a JSON value that shares nothing that can be changed."""
    return pickle.loads(pickle.dumps(value))


MOST_ITEMS = 3  # of a list that are changed one by one


def paths(value: Any, prefix: Path = ()) -> list[Path]:
    """Return where something stands in a value: keys and indices."""
    found: list[Path] = []
    inner = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = list(enumerate(value))[:MOST_ITEMS]
    for key, each in inner:
        found += [(*prefix, key), *paths(each, (*prefix, key))]
    return found


def at(value: Any, path: Path) -> Any:
    """Return what stands at a path; None if nothing does."""
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def put(value: Any, path: Path, new: Any) -> None:
    """Set what stands at a path, making the objects on the way."""
    *above, last = path
    for key in above:
        inner = at(value, (key,))
        if not isinstance(inner, dict | list):
            inner = {}
            _set(value, key, inner)
        value = inner
    _set(value, last, new)


def _set(value: Any, key: Any, new: Any) -> None:
    fits = isinstance(value, list) and isinstance(key, int) and key < len(value)
    if fits or isinstance(value, dict):
        value[key] = new


def remove(value: Any, path: Path) -> None:
    """Delete what stands at a path."""
    above = at(value, path[:-1])
    if isinstance(above, dict):
        above.pop(path[-1], None)
    elif isinstance(above, list) and path[-1] < len(above):
        del above[path[-1]]


@st.composite
def changed(draw: Draw, value: Any) -> Any:
    """Draw a value near another one: of its type, wrapped, cut, doubled, or another altogether."""
    ways = ["odd"] * 3 + ["wrapped", "text"]
    if isinstance(value, int | float) and not isinstance(value, bool):
        ways += ["number"] * 3
    if isinstance(value, str | list | dict) and value:
        ways += ["shorter", "twice"]
    if isinstance(value, dict) and value:
        ways += ["renamed"]
    way = pick(draw, ways)
    if way == "odd":
        return odd(draw)
    if way == "wrapped":
        return pick(draw, [[value], {"x": value}, [value, value], {"": value}])
    if way == "text":
        return str(value)
    if way == "number":
        return pick(draw, [-value, value + 1, value * 1000, value / 1000, value * -1e6])
    return _other_size(draw, value, way)


def _other_size(draw: Draw, value: Any, way: str) -> Any:
    if isinstance(value, dict):
        key = pick(draw, list(value))
        rest = {k: v for k, v in value.items() if k != key}
        name = pick(draw, ["x", key.upper(), key + " ", "", *map(str, TEXTS[:12])])
        if way == "shorter":
            return rest
        return {**(value if way == "twice" else rest), name: value[key]}
    return value[: len(value) // 2] if way == "shorter" else value + value


@st.composite
def edited(draw: Draw, data: bytes) -> tuple[bytes, str]:
    """Draw bytes near others, and what was done: cut, flipped, inserted, repeated, removed."""
    way = pick(draw, ["flip", "flip", "cut", "insert", "remove", "twice", "number"])
    if not data or way == "insert":
        place = draw(st.integers(0, len(data)))
        piece = pick(draw, [*PIECES, None]) or draw(st.binary(min_size=1, max_size=6))
        return data[:place] + piece + data[place:], f"{piece[:20]!r} inserted at byte {place}"
    place = draw(st.integers(0, len(data) - 1))
    if way == "cut":
        return data[:place], f"cut to {place} bytes"
    if way == "flip":
        bit = draw(st.integers(0, 7))
        one = bytes([data[place] ^ 1 << bit])
        return data[:place] + one + data[place + 1 :], f"bit {bit} of byte {place} flipped"
    if way == "number":
        size = pick(draw, [1, 2, 4, 8])
        fill = pick(draw, [b"\0", b"\xff", b"\x7f", b"\x80"])
        return data[:place] + fill * size + data[place + size :], f"{size} x {fill!r} at {place}"
    end = min(len(data), place + draw(st.integers(1, 200)))
    piece = data[place:end] if way == "twice" else b""
    return data[:place] + piece * 2 + data[end:], f"bytes {place} to {end} {way}"


PIECES = [
    *(
        b"\n",
        b"\r\n",
        b"\r\r\n",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x00",
        b"\x1b[31m",
        b'"',
        b",",
        b"\t",
    ),
    *(
        b"\xe9",
        b"\x80",
        b"\xc3\xa9",
        "\u202e".encode(),
        b"nan",
        b"-1",
        b"1e308",
        b"[]",
        b"{}",
        b"'",
    ),
    *(b"9" * 25, b" " * 500, b"x" * 20000),
]


@st.composite
def reworded(draw: Draw, data: bytes) -> tuple[bytes, str]:
    """Draw a text near another one: a word of it replaced, lines swapped, removed, doubled."""
    lines = data.split(b"\n")
    number = draw(st.integers(0, len(lines) - 1))
    way = pick(draw, ["word", "word", "word", "remove", "twice", "swap", "ends", "bytes"])
    if way == "bytes":
        return draw(edited(data))
    if way == "ends":
        end = pick(draw, [b"\r\n", b"\r", b"\r\r\n", b"\x0b", b"\n\n"])
        return end.join(lines), f"lines end in {end!r}"
    if way == "word":
        return _reworded_line(draw, lines, number)
    other = draw(st.integers(0, len(lines) - 1))
    if way == "swap":
        lines[number], lines[other] = lines[other], lines[number]
    else:
        lines[number : number + 1] = [] if way == "remove" else [lines[number]] * 2
    return b"\n".join(lines), f"line {number + 1}: {way}"


def _reworded_line(draw: Draw, lines: list[bytes], number: int) -> tuple[bytes, str]:
    parts = re.split(rb"([\s,;=:\"]+)", lines[number])
    place = draw(st.integers(0, (len(parts) - 1) // 2)) * 2
    word = pick(draw, [*WORDS, None]) or draw(st.text(max_size=5))
    new = word.encode("utf-8", "replace")
    parts[place] = new
    lines[number] = b"".join(parts)
    return b"\n".join(lines), f"line {number + 1}, word {place // 2 + 1} = {new[:40]!r}"
