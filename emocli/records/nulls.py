"""Null and {} mean absent: what tables write where some records have a field and others do not.

pandas, DuckDB and R give every record the fields of all records. Here such fields are dropped
again, inside of fields as well, as the types of `records.types` say: a null stays where the type
has one (`revision: str | None`), where it is an undefined number, and in fields that no type knows.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from emocli.records.types import Record, Utterance

LONG = 4096  # bytes of a line: from here on it is quicker to look at the record than at its text

# Drops what is absent inside an object or a list; returns whether nothing but nulls is left of it.
Clean = Callable[[Any], bool]


def dropped(line: bytes, record: Record) -> None:
    """Drop what is absent from a record that was read from a line."""
    if len(line) >= LONG or b"null" in line or b"{}" in line:
        _cleaner_of_records()(record)


def null_is_absent(hint: Any) -> bool:
    """Return whether null means absent in a field of a type, and is not a value of its own."""
    return hint not in (float, Any) and type(None) not in get_args(hint)


def of_numbers(hint: Any) -> bool:
    """Return whether the members of a list are numbers or rows of them: each has its place."""
    return hint in (int, float) or get_origin(hint) is list


@functools.cache
def _cleaner_of_records() -> Clean:
    return _fields(Utterance)


def _members(hint: Any) -> tuple[Any, ...]:
    """Return the types of a union, or the type itself."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _cleaner(hint: Any) -> Clean | None:
    """Return what drops the absent members of a value; None if it is neither object nor list."""
    for member in _members(hint):
        if is_typeddict(member):
            return _fields(member)
        if get_origin(member) is dict:
            return _entries(get_args(member)[1])
        if get_origin(member) is list and not of_numbers(get_args(member)[0]):
            return _items(get_args(member)[0])
    return None


def _fields(kind: Any) -> Clean:
    """Return what cleans an object with the fields of a typed dict."""
    hints = get_type_hints(kind)
    nulls = frozenset(name for name, hint in hints.items() if null_is_absent(hint))
    inner = {name: found for name, hint in hints.items() if (found := _cleaner(hint))}
    nested = frozenset(inner)

    def clean(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for name in value.keys() & nested:
            if inner[name](value[name]) and not value[name]:
                del value[name]
        return _cleared(value, value.keys() & nulls) if None in value.values() else not value

    return clean


def _cleared(value: Record, names: Iterable[str]) -> bool:
    """Drop the members of these names that are null; return whether only nulls are left."""
    for name in names:
        if value[name] is None:
            del value[name]
    return all(member is None for member in value.values())


def _entries(hint: Any) -> Clean:
    """Return what cleans an object of named values of one type.

    Of a named object that has nulls only, as where other records have that stream, nothing is left.
    """
    inner, optional = _cleaner(hint), hint is Any or type(None) in get_args(hint)

    def clean(value: Any) -> bool:
        if type(value) is not dict:
            return False
        if inner:
            for name in [name for name, member in value.items() if inner(member)]:
                del value[name]
        if not optional and None in value.values():
            return _cleared(value, list(value))
        return not value

    return clean


def _items(hint: Any) -> Clean:
    """Return what cleans a list of anything but numbers, which may be undefined."""
    inner = _cleaner(hint)

    def clean(value: Any) -> bool:
        if type(value) is list:
            if inner:
                for member in value:
                    inner(member)
            if None in value:
                value[:] = [member for member in value if member is not None]
        return False  # a list without members is one

    return clean
