"""Read the arrays of a pickle without running it.

Python's unpickler calls whatever a file names. Here the instructions are followed one by one, and
only those that make numbers, strings, lists, tuples, dicts and numpy's arrays; a file that names
anything else is refused. Nothing is imported or called by its name. The bytes of an array stay in
the file until it is read, so one trial of many costs the memory of one.

All protocols, 0 (Python 2) to 5. The instructions: https://docs.python.org/3/library/pickletools.html
and https://peps.python.org/pep-0574/; what numpy writes: `ndarray.__reduce_ex__`.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from pickletools import opcodes
from typing import Any, BinaryIO

from emocli.errors import RecordError, printable
from emocli.signals.stored_arrays import Span, Stored, Type

INLINE_BYTES = 1 << 12  # longer strings stay in the file
# Strings and large integers: how their length is written.
BYTES = {
    "BINSTRING": "<i", "SHORT_BINSTRING": "<B", "BINBYTES": "<I", "SHORT_BINBYTES": "<B",
    "BINBYTES8": "<Q", "BYTEARRAY8": "<Q",
}  # fmt: skip
TEXTS = {"BINUNICODE": "<I", "SHORT_BINUNICODE": "<B", "BINUNICODE8": "<Q"}
INTEGERS = {"LONG1": "<B", "LONG4": "<i"}
LENGTHS = BYTES | TEXTS | INTEGERS
_OF_NUMPY = ("numpy.core", "numpy._core")
KNOWN = {
    "numpy ndarray": "class",
    "numpy dtype": "type",
    "_codecs encode": "encode",
    **dict.fromkeys(["__builtin__ bytes", "builtins bytes"], "empty"),
    **{f"{room}.multiarray _reconstruct": "array" for room in _OF_NUMPY},
    **{f"{room}.multiarray scalar": "scalar" for room in _OF_NUMPY},
    **{f"{room}.numeric _frombuffer": "buffer" for room in _OF_NUMPY},
}
WRONG = (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, struct.error)
MARK = object()
OPERATIONS = {operation.code: operation for operation in opcodes}


def read(path: Path) -> Any:
    """Return what is pickled: plain values, and `Stored` for an array; bytes of Python 2 as text.

    Raises RecordError for a pickle that would run something, and for what is no pickle.
    """
    try:
        with path.open("rb") as file:
            return plain(_Machine(file, path).run())
    except OSError as error:
        raise RecordError("not_readable", f"cannot be read: {error.strerror}") from None
    except WRONG as error:
        reason = printable(str(error))[:100]
        raise RecordError(
            "decode_failed", f"{path.name} is no pickle of arrays: {reason}"
        ) from None


def plain(value: Any) -> Any:
    """Return a value with text for bytes, which is what Python 2 called strings."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {plain(key): inner for key, inner in value.items()}
    return value


def _refused(path: Path, what: str) -> RecordError:
    message = f"{path.name} is refused: its pickle runs {printable(what)[:80]}"
    hint = "only arrays and plain values are read; numpy.save writes an array that needs no pickle"
    return RecordError("refused_pickle", message, hint=hint)


class _Machine:
    """The state of following the instructions: a stack of values, and those remembered."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path = file, path
        self.size = path.stat().st_size
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        while code := self.file.read(1):
            operation = OPERATIONS.get(code.decode("latin-1"))
            if operation is None:
                raise ValueError(f"unknown instruction {code!r}")
            if operation.name == "STOP":
                return self.stack.pop()
            step = STEPS.get(operation.name)
            if step is None:
                raise _refused(self.path, f"the instruction {operation.name}")
            step(self, self.argument(operation))
        raise ValueError("it ends in the midst")

    def argument(self, operation: Any) -> Any:
        """Return what follows an instruction in the file; a `Span` of a long string."""
        if operation.name == "STRING":
            text = self.file.readline().strip()
            return codecs.escape_decode(text[1:-1])[0]
        if operation.name not in LENGTHS:
            return operation.arg.reader(self.file) if operation.arg else None
        how = LENGTHS[operation.name]
        (size,) = struct.unpack(how, self.file.read(struct.calcsize(how)))
        start = self.file.tell()
        if not 0 <= size <= self.size - start:
            raise ValueError("it ends in the midst of a string")
        if operation.name in BYTES and size > INLINE_BYTES:
            self.file.seek(size, 1)
            return Span(start, size)
        data = self.file.read(size)
        if operation.name in TEXTS:
            return data.decode("utf-8", "surrogatepass")
        return int.from_bytes(data, "little", signed=True) if operation.name in INTEGERS else data

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def popped(self, count: int) -> list[Any]:
        """Return the last values, and take them off."""
        if count > len(self.stack):
            raise ValueError("values are missing")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def since_mark(self) -> list[Any]:
        count = next((n for n, value in enumerate(reversed(self.stack)) if value is MARK), None)
        if count is None:
            raise ValueError("a mark is missing")
        return self.popped(count + 1)[1:]

    def named(self, name: str) -> None:
        if name not in KNOWN:
            raise _refused(self.path, name.replace(" ", "."))
        self.push(KNOWN[name])

    def call(self, _: Any) -> None:
        """Do what one of the known names does."""
        name, given = self.popped(2)
        if name == "type":
            self.push(Type(plain(given[0])))
        elif name == "array":
            self.push(Stored(self.path))
        elif name == "empty":
            self.push(b"")
        elif name == "encode":
            self.push(given[0].encode("latin-1"))
        elif name == "scalar":
            self.push(Stored(self.path).filled((), given[0], given[1], False).read().item())
        elif name == "buffer":
            data, kind, shape, order = given
            self.push(Stored(self.path).filled(shape, kind, data, plain(order) == "F"))
        else:
            raise ValueError("something is called that is no function")

    def build(self, _: Any) -> None:
        """Give a type its order of bytes, or an array its contents."""
        (state,) = self.popped(1)
        target = self.stack[-1]
        if isinstance(target, Type):
            target.order = plain(state[1])
        elif isinstance(target, Stored):
            _, shape, kind, columns_first, data = state
            target.filled(shape, kind, data, columns_first)
        else:
            raise _refused(self.path, "what sets the state of an object")

    def append(self, values: Iterable[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("not a list")
        target.extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise ValueError("not a dict")
        target.update(zip(map(plain, values[::2]), values[1::2], strict=True))

    def make_dict(self) -> None:
        items = self.since_mark()
        self.push({})
        self.set_items(items)

    def remember(self, place: int | None) -> None:
        self.memo[len(self.memo) if place is None else place] = self.stack[-1]


Step = Callable[[_Machine, Any], object]
_PUSHED = "INT BININT BININT1 BININT2 LONG FLOAT BINFLOAT STRING UNICODE"
STEPS: dict[str, Step] = {
    **dict.fromkeys([*_PUSHED.split(), *LENGTHS], _Machine.push),
    **dict.fromkeys(["PROTO", "FRAME"], lambda machine, _: None),
    **dict.fromkeys(["PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"], _Machine.remember),
    **dict.fromkeys(["GET", "BINGET", "LONG_BINGET"], lambda m, at: m.push(m.memo[at])),
    "MARK": lambda m, _: m.push(MARK),
    "POP": lambda m, _: m.popped(1),
    "POP_MARK": lambda m, _: m.since_mark(),
    "DUP": lambda m, _: m.push(m.stack[-1]),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "LIST": lambda m, _: m.push(m.since_mark()),
    "TUPLE": lambda m, _: m.push(tuple(m.since_mark())),
    "TUPLE1": lambda m, _: m.push(tuple(m.popped(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.popped(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.popped(3))),
    "DICT": lambda m, _: m.make_dict(),
    "APPEND": lambda m, _: m.append(m.popped(1)),
    "APPENDS": lambda m, _: m.append(m.since_mark()),
    "SETITEM": lambda m, _: m.set_items(m.popped(2)),
    "SETITEMS": lambda m, _: m.set_items(m.since_mark()),
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": lambda m, _: m.named(" ".join(map(str, m.popped(2)))),
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
}
