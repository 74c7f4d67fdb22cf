"""Values that people or other programs wrote into a file: their types and their bounds.

A type is what annotates a field: int, float, str, bool, None, Literal, X | Y, list[X],
tuple[X, ...], dict[str, X]. Numbers are finite. Sizes have bounds, so that a damaged file ends in
an error and not in an allocation.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Range = tuple[float, float]

LARGEST = 1 << 16  # a size: 16 times the widest layers in use
# A stream's numbers: seven statistics of 32 layers of 4096 numbers are 917,504.
WIDEST = 1 << 20
MOST_STREAMS = 64
MOMENTS = 1 << 13  # moments or frames at a time: 164 s at 50 a second
SIZE: Range = (1, LARGEST)
FACTOR: Range = (0, 1e6)  # weights of losses and streams
# Whole numbers that are no sizes, and numbers that are no factors.
WHOLE: dict[str, Range] = {
    "dims": (1, WIDEST),
    "frames": (1, MOMENTS),
    "moments": (1, MOMENTS),
    "kernel": (1, MOMENTS),
    "primary": (0, LARGEST),  # 0 is all
    "segments": (1, MOMENTS),
    "speakers": (0, LARGEST),  # 0 is unknown
}
REAL: dict[str, Range] = {"dropout": (0, 0.99), "temperature": (1e-3, 1e3)}
WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
SHOWN = 60  # characters of a value in a message


class Fault(NamedTuple):
    """What is wrong with a value: where, the value, and what it must be."""

    key: str
    value: Any
    expected: str

    def __str__(self) -> str:
        return f"{self.key} = {shown(self.value)}: must be {self.expected}"


def shown(value: Any) -> str:
    """Return a value for a message, shortened."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**SHOWN:
        return "a number of more than 60 digits"  # Python refuses to print very long ones
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def fault(key: str, value: Any, kind: Any, bounds: Range | None = None) -> Fault | None:
    """Return what is wrong with a value of this type and range, of every member of a list."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return None
    if origin is Literal:
        listed = ", ".join(map(repr, arguments))
        fits = isinstance(value, str) and value in arguments
        return None if fits else Fault(key, value, f"one of {listed}")
    if origin in (types.UnionType, typing.Union):
        return _of_union(key, value, arguments, bounds)
    if (origin or kind) in (list, tuple):
        return _of_list(key, value, arguments, bounds)
    if (origin or kind) is dict:
        return _of_dict(key, value, arguments, bounds)
    return _of_scalar(key, value, kind, bounds)


def _of_union(key: str, value: Any, kinds: tuple[Any, ...], bounds: Range | None) -> Fault | None:
    faults = [fault(key, value, kind, bounds) for kind in kinds if kind is not type(None)]
    if None in faults or (value is None and type(None) in kinds):
        return None
    deep = [f for f in faults if f and f.key != key]  # of a member: it says more
    return deep[0] if deep else Fault(key, value, " or ".join(f.expected for f in faults if f))


def _of_list(key: str, value: Any, kinds: tuple[Any, ...], bounds: Range | None) -> Fault | None:
    if not isinstance(value, list | tuple):
        return Fault(key, value, "a list")
    if len(value) > WIDEST:
        return Fault(key, f"{len(value)} values", f"a list of at most {WIDEST}")
    members = (fault(f"{key}[{i}]", v, kinds[0], bounds) for i, v in enumerate(value) if kinds)
    return next(filter(None, members), None)


def _of_dict(key: str, value: Any, kinds: tuple[Any, ...], bounds: Range | None) -> Fault | None:
    if not isinstance(value, Mapping):
        return Fault(key, value, "an object")
    members = (fault(f"{key}.{name}", v, kinds[1], bounds) for name, v in value.items() if kinds)
    return next(filter(None, members), None)


def _of_scalar(key: str, value: Any, kind: Any, bounds: Range | None) -> Fault | None:
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        return Fault(key, value, WORDS[kind])
    if kind in (str, bool):
        return None
    low, high = bounds or (-math.inf, math.inf)
    if kind is float and isinstance(value, float) and not math.isfinite(value):
        return Fault(key, value, "a finite number")
    if not low <= value <= high:
        return Fault(key, value, f"{WORDS[kind]} from {low:g} to {high:g}")
    return None


def bounds(key: str, kind: Any) -> Range:
    """Return the bounds of a setting of a model, or of its members."""
    kinds = {kind, *typing.get_args(kind)}
    if float in kinds:
        return REAL.get(key, FACTOR)
    if key in ("hidden", "centres") and typing.get_origin(kind) is dict:
        return 0, LARGEST  # 0 is a linear head, or one that knows no corpora
    return WHOLE.get(key, SIZE)


def conflict(key: str, config: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with a setting of the right type beside the others."""
    value = config[key]
    if key == "dims":
        return _of_streams(value)
    if key == "centres" and not value:  # no head knows corpora
        return None
    if isinstance(value, Mapping) and set(value) != set(streams := config.get("dims", value)):
        return Fault(key, list(value), f"given for the streams {', '.join(streams)}")
    if isinstance(value, list | tuple) and (not value or len(set(value)) < len(value)):
        return Fault(key, value, "a list of one or more, each once")
    if key in ("hidden", "heads") and "heads" in config and config["hidden"] % config["heads"]:
        expected = f"a multiple of heads = {config['heads']}"
        return Fault("hidden", config["hidden"], expected)
    if key == "primary" and value > config.get("classes", value):
        return Fault(key, value, f"at most classes = {config['classes']}")
    return None


def _of_streams(dims: Mapping[str, Any]) -> Fault | None:
    """Return the fault of the names of streams, which torch uses as names of modules."""
    from torch.nn import ModuleDict

    if not dims or len(dims) > MOST_STREAMS:
        return Fault("dims", list(dims)[:3], f"1 to {MOST_STREAMS} streams")
    for name in dims:
        if not name or "." in name or hasattr(ModuleDict, name):
            return Fault("dims", name, "streams with other names than this one")
    return None
