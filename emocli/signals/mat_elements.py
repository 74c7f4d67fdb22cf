"""Read a part of a struct or a cell of a MATLAB file (version 5 to 7) without reading all of it.

Such a variable may hold a whole corpus (2 GB of DREAMER). Its parts stand one after the other, each
with its length before it, in one deflated stream: the first pass goes through it once and leaves
marks to continue from, so the memory is that of the part that is wanted.

"MAT-File Format", The MathWorks, chapter 1, https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
"""

from __future__ import annotations

import functools
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HEADER = 128  # bytes before the first variable; the last two say the order of bytes
LITTLE = b"IM"
MATRIX, DEFLATED = 14, 15  # types of elements
NUMBERS = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8", 12: "<i8",
           13: "<u8"}  # fmt: skip
TEXTS = {**NUMBERS, 16: "u1", 17: "<u2"}  # UTF-8 and UTF-16: what is not ASCII is not meant here
CELL, STRUCT, CHAR = 1, 2, 4  # classes of matrices
NUMERIC = range(6, 16)
COMPLEX = 0x800
STEP = 1 << 23  # bytes between marks: 10 ms of inflating; a mark is 40 KiB
CHUNK = 1 << 16  # bytes of the file at a time
MOST = 1 << 20  # bytes that are inflated at a time: zeros are a thousandth of themselves

Read = Callable[[int, int], bytes]  # place, size


class Element(NamedTuple):
    """A tagged piece of a stream: its type, where its data are, and where the next piece is."""

    kind: int
    at: int
    size: int
    after: int


@dataclass(frozen=True)
class Matrix:
    """What stands before the contents of a variable, a field or a part of a cell."""

    kind: int  # its class
    shape: tuple[int, ...]
    name: str
    body: int  # where the contents begin
    is_complex: bool = False


class Inflated:
    """A deflated part of a file that is read at any place."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        self.path, self.start, self.end = path, start, start + size
        self.marks: list[tuple[int, int, Any]] = [(0, start, zlib.decompressobj())]
        self.place, self.source, self.stream = 0, start, self.marks[0][2].copy()
        self.kept = b""  # what was inflated last; it ends at `place`
        self.more = False  # whether more may come of what was read

    def read(self, at: int, size: int) -> bytes:
        """Return bytes of the inflated stream; ValueError where it ends before."""
        if not self.place - len(self.kept) <= at <= self.place + STEP:
            mark = self.marks[bisect_right([place for place, _, _ in self.marks], at) - 1]
            self.place, self.source, self.stream = mark[0], mark[1], mark[2].copy()
            self.kept, self.more = b"", True
        parts = []
        with self.path.open("rb") as file:
            file.seek(self.source)
            while size > 0:
                if at < self.place:
                    first = at - (self.place - len(self.kept))
                    parts.append(self.kept[first : first + size])
                    at += len(parts[-1])
                    size -= len(parts[-1])
                else:
                    self._inflate(file)
        return b"".join(parts)

    def _inflate(self, file: BinaryIO) -> None:
        """Take the next bytes of the stream into `kept`."""
        data = self.stream.unconsumed_tail
        if not data and not self.more:
            data = file.read(min(CHUNK, self.end - self.source))
            if not data or self.stream.eof:
                raise ValueError("a variable ends in the midst")
            self.source += len(data)
        self.kept = self.stream.decompress(data, MOST)
        self.more = len(self.kept) == MOST
        self.place += len(self.kept)
        if self.place >= self.marks[-1][0] + STEP:
            self.marks.append((self.place, self.source, self.stream.copy()))


class Variable:
    """A variable of a file, with the parts that were found."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.known: dict[int, Matrix] = {}
        self.parts: dict[int, list[int]] = {}  # places of the parts of a struct or cell
        self.fields: dict[int, list[str]] = {}

    def element(self, at: int) -> Element:
        """Return the piece at a place, by its tag."""
        first, second = struct.unpack("<II", self.read(at, 8))
        if first >> 16:  # up to four bytes stand in the tag itself
            return Element(first & 0xFFFF, at + 4, first >> 16, at + 8)
        return Element(first, at + 8, second, at + 8 + -(-second // 8) * 8)

    def data(self, element: Element) -> bytes:
        """Return the bytes of a piece."""
        return self.read(element.at, element.size)

    def matrix(self, at: int) -> Matrix:
        """Return what stands before the contents of the matrix at a place."""
        if at not in self.known:
            self.known[at] = self._matrix(at)
        return self.known[at]

    def _matrix(self, at: int) -> Matrix:
        outer = self.element(at)
        if outer.kind != MATRIX:
            raise ValueError("a matrix is missing")
        if not outer.size:  # an empty part of a cell
            return Matrix(NUMERIC[0], (0, 0), "", outer.after)
        flags = self.element(outer.at)
        (word,) = struct.unpack("<I", self.data(flags)[:4])
        sizes = self.element(flags.after)
        shape = tuple(int(n) for n in np.frombuffer(self.data(sizes), "<i4"))
        if min(shape, default=0) < 0:
            raise ValueError("a size is negative")
        name = self.element(sizes.after)
        text = self.data(name).decode("latin-1")
        return Matrix(word & 0xFF, shape, text, name.after, bool(word & COMPLEX))

    def part(self, at: int, step: str | int) -> int:
        """Return the place of a field of a struct, or of an element; KeyError for none."""
        matrix = self.matrix(at)
        if matrix.kind == CELL and isinstance(step, int) and 0 <= step < prod(matrix.shape):
            return self._nth(at, matrix.body, step)
        if matrix.kind == STRUCT and isinstance(step, str) and prod(matrix.shape) == 1:
            names, first = self._fields(at, matrix)
            if step in names:
                return self._nth(at, first, names.index(step))
        raise KeyError(step)

    def _fields(self, at: int, matrix: Matrix) -> tuple[list[str], int]:
        length = self.element(matrix.body)
        (width,) = struct.unpack("<i", self.data(length)[:4])
        names = self.element(length.after)
        if at not in self.fields:
            if width < 1:
                raise ValueError("names of fields are missing")
            data = self.data(names)
            cut = [data[n : n + width] for n in range(0, len(data), width)]
            self.fields[at] = [name.split(b"\0")[0].decode("latin-1") for name in cut]
        return self.fields[at], names.after

    def _nth(self, at: int, first: int, number: int) -> int:
        places = self.parts.setdefault(at, [first])
        while len(places) <= number:
            places.append(self.element(places[-1]).after)
        return places[number]

    def value(self, at: int) -> Array:
        """Return numbers, text, or for a struct or cell an array without its contents."""
        matrix = self.matrix(at)
        if matrix.kind not in (*NUMERIC, CHAR) or matrix.is_complex:
            return np.empty(matrix.shape, object)
        if not prod(matrix.shape):
            return np.empty(matrix.shape)
        found = self.element(matrix.body)
        kinds = TEXTS if matrix.kind == CHAR else NUMBERS
        values = np.frombuffer(self.data(found), kinds[found.kind])
        if matrix.kind == CHAR:
            return np.array("".join(map(chr, values)))
        return values.reshape(matrix.shape, order="F")


def load(path: Path, steps: Sequence[str | int]) -> Array | None:
    """Return a part of a variable: names of fields, and numbers of elements from 0.

    None where the file is not of this kind. Raises KeyError where the part is not there; for a
    damaged file ValueError, struct.error or zlib.error.
    """
    status = path.stat()
    variable = _variable(path, str(steps[0]), status.st_mtime_ns, status.st_size)
    if variable is None:
        return None
    at = 0
    for step in steps[1:]:
        at = variable.part(at, step)
    return variable.value(at)


@functools.lru_cache(maxsize=2)
def _variable(path: Path, name: str, *version: int) -> Variable | None:
    """Return a variable by its name; the last argument is the size of the file."""
    with path.open("rb") as file:
        if file.read(HEADER)[-2:] != LITTLE:
            return None
    at = HEADER
    plain = Variable(functools.partial(_read, path))
    while at + 8 <= version[-1]:
        kind, size = struct.unpack("<II", _read(path, at, 8))
        inside = Inflated(path, at + 8, size).read
        read = inside if kind == DEFLATED else functools.partial(_shifted, plain.read, at)
        variable = Variable(read)
        if variable.matrix(0).name == name:
            return variable
        at += 8 + size
    raise KeyError(name)


def _shifted(read: Read, start: int, at: int, size: int) -> bytes:
    return read(start + at, size)


def _read(path: Path, at: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(at)
        data = file.read(size)
    if len(data) < size:
        raise ValueError("a variable ends in the midst")
    return data
