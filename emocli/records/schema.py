"""The JSON Schema of the record (draft 2020-12), made from the types in `records.types`."""

from __future__ import annotations

import inspect
import types
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from emocli.records.nulls import null_is_absent, of_numbers
from emocli.records.types import Utterance

DRAFT = "https://json-schema.org/draft/2020-12/schema"
# An undefined number is written as null, never as NaN.
SCALARS: dict[Any, Any] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: ["number", "null"],
    type(None): "null",
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a record as a dict."""
    definitions: dict[str, Any] = {}
    root = _object(Utterance, definitions)
    definitions.pop("Utterance", None)
    head = {"$schema": DRAFT, "title": "emocli record"}
    return {**head, **root, "required": ["id"], "$defs": dict(sorted(definitions.items()))}


def kind(field: str) -> Any:
    """Return the type of a field, named as label.valence; None for a field of other tools.

    >>> kind("label.valence"), kind("turn"), kind("label.votes.joy"), kind("mine")
    (<class 'float'>, <class 'int'>, <class 'int'>, None)
    """
    hint: Any = Utterance
    for name in field.split("."):
        if is_typeddict(hint):
            hint = get_type_hints(hint).get(name)
        elif get_origin(hint) is dict:
            hint = get_args(hint)[1]
        else:
            return None
        if get_origin(hint) in (Union, types.UnionType):  # float | None is a float
            members = [member for member in get_args(hint) if member is not type(None)]
            hint = members[0] if len(members) == 1 else None
    return hint


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    fields = {name: _optional(hint, definitions) for name, hint in hints.items()}
    if kind is Utterance:
        fields["id"] = _type(hints["id"], definitions)
    about = {"type": "object", "description": inspect.getdoc(kind), "properties": fields}
    required = sorted(kind.__required_keys__, key=list(hints).index)
    return {**about, "required": required} if required else about


def _optional(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field or of a named value, where null means that it is absent."""
    found = _type(hint, definitions)
    if not null_is_absent(hint):
        return found
    if found.keys() == {"type"}:
        return {"type": [found["type"], "null"]}
    return {"anyOf": [*found.get("anyOf", [found]), {"type": "null"}]}


def _type(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one type; typed dicts are put into the definitions."""
    inner = get_args(hint)
    if hint is Any:
        return {}
    if is_typeddict(hint):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # in case it refers to itself
            definitions[hint.__name__] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if get_origin(hint) in (Union, types.UnionType):
        return {"anyOf": [_type(member, definitions) for member in inner]}
    if get_origin(hint) is list:
        of_member = _type if inner[0] is not float and of_numbers(inner[0]) else _optional
        return {"type": "array", "items": of_member(inner[0], definitions)}
    if get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": _optional(inner[1], definitions)}
    if hint not in SCALARS:
        raise TypeError(f"no JSON Schema for {hint}")
    return {"type": SCALARS[hint]}
