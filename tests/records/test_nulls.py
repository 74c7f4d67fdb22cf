"""Null and {} mean absent, in every field whose type has no null of its own."""

from __future__ import annotations

import io
from types import UnionType
from typing import Any, Union, get_args, get_origin, is_typeddict

import orjson

from emocli import records
from emocli.records import nulls
from emocli.records.schema import schema
from tests.test_wrong_types import PLACES, TYPES, Place, changed, healthy

ABSENT = object()


def read(record: dict[str, Any]) -> dict[str, Any]:
    [(_, found)] = records.read(io.BytesIO(orjson.dumps(record) + b"\n"), "f")
    return found


def without(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without its nulls and empty objects, wherever they are."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, dict):
            members = {name: cleaned(member) for name, member in value.items()}
            return {n: m for n, m in members.items() if m is not None and m != {}}
        return [cleaned(m) for m in value if m is not None] if isinstance(value, list) else value

    return cleaned(record)


def test_a_record_without_nulls_stays_as_it_is() -> None:
    assert read(healthy()) == healthy()
    unknown = {"id": "a", "zebra": None, "stripes": {"a": None, "b": {}}, "c": {}}
    assert read(unknown) == unknown


def at(record: Any, place: Place) -> Any:
    """Return the value at a place, ABSENT if there is none."""
    for name in place:
        if isinstance(record, list):
            record = record[0] if record else ABSENT
        else:
            record = record.get(name, ABSENT) if isinstance(record, dict) else ABSENT
    return record


def is_object(hint: Any) -> bool:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return any(is_typeddict(kind) or get_origin(kind) is dict for kind in kinds)


def test_null_at_a_place_is_as_if_it_were_not_there() -> None:
    kept = set()
    for place in PLACES:
        given = changed(healthy(), place, None)
        found = read(given)
        assert without(found) == without(given), place
        hint = TYPES[place]
        if place[-1] == 0 and hint is not float and nulls.of_numbers(hint):
            continue  # the numbers of a shape, the boxes of a track: a null is a fault
        if hint is not float and type(None) not in get_args(hint):
            assert at(found, place) is ABSENT, place
        elif at(given, place) is None and at(found, place) is None:
            kept.add(place)
    assert {("annotations", 0, "label"), ("label", "emotion"), ("start",)} <= kept


def test_an_empty_object_is_as_if_it_were_not_there() -> None:
    places = [place for place in PLACES if is_object(TYPES[place]) and place[-1] != 0]
    assert len(places) > 20
    for place in places:
        found = read(changed(healthy(), place, {}))
        assert without(found) == without(changed(healthy(), place, None)), place
        assert at(found, place) is ABSENT, place


def test_the_schema_says_the_same() -> None:
    """Every field but the id may be null: it is then absent, or undefined."""
    root = schema()
    for about in (root, *root["$defs"].values()):
        for name, rule in about["properties"].items():
            if (about, name) != (root, "id"):
                assert "null" in str(rule) or rule == {}, name


def test_nulls_are_dropped_within_one_line_of_a_few_fields_or_of_many() -> None:
    short = {"id": "a", "error": None, "features": {"x": None}}
    assert read(short) == {"id": "a"}
    long = short | {"features": {"x": None, "y": {"vector": [0.5] * nulls.LONG}}}
    assert read(long) == {"id": "a", "features": {"y": long["features"]["y"]}}
