"""Whether the fields of a record have the types that `records.types` gives them.

What names a record, and what records are grouped by, is checked as it is read: `unnamed`. All other
fields are checked by `fault` where a stage could not work with them, to say which it was: a field
that a command does not read may be anything.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints, is_typeddict

from emocli.errors import RecordError
from emocli.records.types import Record, Utterance

# Other programs count their records: an id, a speaker or a trial may be a number as well.
NAMES = ("id", "speaker", "dialogue", "dataset", "split", "turn", "stimulus", "trial")
NAME_TYPES = frozenset({str, int, float, bool, type(None)})
NUMBERS = ("vector",)  # thousands of numbers: `io.features` reads and checks them
JSON = (str, bool, int, float, list, dict, type(None))
WORDS = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "null",
}


class Fault(NamedTuple):
    """A value of a wrong type: the place in the record, and the types that fit there."""

    where: str
    value: Any
    expected: str

    def error(self, code: str = "") -> RecordError:
        """Return the error of the record, with a code or with bad_ and its outermost field."""
        code = code or "bad_" + self.where.partition(".")[0].partition("[")[0]
        message = f"{self.where} is not {self.expected}: {self.value!r:.80}"
        return RecordError(code, message, hint="emocli schema describes records")


Check = Callable[[Any, str], Fault | None]  # a value, and its place in the record


def unnamed(record: Record) -> RecordError | None:
    """Return the error of a record whose name or group is an object or a list."""
    get = record.get
    if (
        type(get("id")) in NAME_TYPES
        and type(get("speaker")) in NAME_TYPES
        and type(get("stimulus")) in NAME_TYPES
        and type(get("trial")) in NAME_TYPES
        and type(get("dialogue")) in NAME_TYPES
        and type(get("dataset")) in NAME_TYPES
        and type(get("split")) in NAME_TYPES
        and type(get("turn")) in NAME_TYPES
        and type(get("stimulus")) in NAME_TYPES
        and type(get("trial")) in NAME_TYPES
    ):
        return None
    where = next(name for name in NAMES if type(get(name)) not in NAME_TYPES)
    return Fault(where, get(where), "a string or a number").error()


def fault(record: Record) -> RecordError | None:
    """Return the error of the first field of a wrong type, or None if there is none."""
    found = unnamed(record)
    if found is not None:
        return found
    first = _check()(record, "")
    return first.error() if first else None


def value(record: Record, *names: str, code: str = "") -> Any:
    """Return the field under some names, or None; RecordError if it is of a wrong type.

    >>> value({"label": {"votes": {"joy": 3}}}, "label", "votes")
    {'joy': 3}
    """
    found: Any = record
    for depth, name in enumerate(names):
        if not isinstance(found, dict):
            raise Fault(".".join(names[:depth]), found, WORDS[dict]).error()
        found = found.get(name)
        if found is None:
            return None
    if wrong := _check_at(names)(found, ".".join(names)):
        raise wrong.error(code or f"bad_{names[-1]}")
    return found


@functools.cache
def _check_at(names: tuple[str, ...]) -> Check:
    hint: Any = Utterance
    for name in names:
        hint = get_type_hints(hint)[name] if is_typeddict(hint) else get_args(hint)[1]
    return _compiled(hint)


@functools.cache
def _check() -> Check:
    return _fields(Utterance)


def _compiled(hint: Any) -> Check:
    """Return the check of one type."""
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if Any in members:
        return lambda value, where: None
    kinds = [_kind(member) for member in members]
    fitting = frozenset(kinds) | ({type(None)} if float in kinds else frozenset())
    expected = " or ".join(WORDS[kind] for kind in kinds if kind is not type(None))
    inner = {_kind(m): found for m in members if (found := _inner(m))}

    def check(value: Any, where: str) -> Fault | None:
        if not any(_fits(value, kind) for kind in fitting):
            return Fault(where, value, expected)
        for kind, check_members in inner.items():
            if isinstance(value, kind):
                return check_members(value, where)
        return None

    return check


def _fits(value: Any, kind: Any) -> bool:
    """Return whether a value is of a type; 3.0 is an integer, and what no JSON holds may be any."""
    if not isinstance(value, JSON):
        return True
    if isinstance(value, bool):
        return kind is bool
    if kind is int:
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, int | float if kind is float else kind)


def _kind(hint: Any) -> Any:
    return dict if is_typeddict(hint) else get_origin(hint) or hint


def _inner(hint: Any) -> Check | None:
    """Return the check of what an object or a list holds."""
    if is_typeddict(hint):
        return _fields(hint)
    if get_origin(hint) is dict:
        return _entries(_compiled(get_args(hint)[1]))
    if get_origin(hint) is list:
        return _items(_compiled(get_args(hint)[0]))
    return None


def _fields(kind: Any) -> Check:
    checks = {
        name: _compiled(hint)
        for name, hint in get_type_hints(kind).items()
        if name not in (*NUMBERS, *(NAMES if kind is Utterance else ()))
    }

    def check(value: Any, where: str) -> Fault | None:
        for name, check_field in checks.items():
            member = value.get(name)
            place = f"{where}.{name}" if where else name
            if member is not None and (found := check_field(member, place)):
                return found
        return None

    return check


def _entries(check_entry: Check) -> Check:
    def check(value: Any, where: str) -> Fault | None:
        for name, member in value.items():
            if member is not None and (found := check_entry(member, f"{where}.{name}")):
                return found
        return None

    return check


def _items(check_item: Check) -> Check:
    def check(value: Any, where: str) -> Fault | None:
        for place, member in enumerate(value):
            if member is not None and (found := check_item(member, f"{where}[{place}]")):
                return found
        return None

    return check
