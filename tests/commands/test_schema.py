"""schema: what the record's JSON Schema allows and what it does not."""

from __future__ import annotations

from typing import Any, get_type_hints

import orjson
import pytest

from emocli.records import label_types, types
from emocli.records.schema import schema
from emocli.records.types import Utterance

SCHEMA = schema()
KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def wrong(value: Any, rule: dict[str, Any], where: str = "") -> list[str]:
    """Return where a value breaks a rule: the part of JSON Schema that ours uses."""
    if "$ref" in rule:
        return wrong(value, SCHEMA["$defs"][rule["$ref"].rpartition("/")[2]], where)
    if "anyOf" in rule:
        found = [wrong(value, one, where) for one in rule["anyOf"]]
        return [] if [] in found else max(found, key=lambda places: len(places[0]))
    kinds = rule.get("type", list(KINDS))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(value, tuple(kind for name in kinds for kind in KINDS[name])):
        return [where]
    found = []
    if isinstance(value, dict):
        found = [f"{where}.{name}" for name in rule.get("required", ()) if name not in value]
        for name, inner in value.items():
            inner_rule = rule.get("properties", {}).get(name, rule.get("additionalProperties", {}))
            found += wrong(inner, inner_rule, f"{where}.{name}")
    if isinstance(value, list):
        for place, item in enumerate(value):
            found += wrong(item, rule.get("items", {}), f"{where}[{place}]")
    return found


FULL = {
    "id": "a.wav",
    "path": {"bytes": "/w=="},
    "start": 0.0,
    "audio": {"path": "ab/cd.flac", "sample_rate_hz": 16000, "duration": 1.5, "channels": 2},
    "words": [{"text": "no", "start": 0.1, "end": 0.4, "probability": 0.9}],
    "prosody": {"f0_mean_hz": None},
    "features": {"audio": {"modality": "audio", "layer": 2, "dim": 2, "vector": [0.5, None]}},
    "label": {"emotion": None, "original": "contempt", "votes": {"joy": 2}},
    "prediction": {"emotion": "joy", "probabilities": {"joy": 1.0}, "calibrated": True},
    "missing": {"text": {"stage": "transcribe", "code": "x", "message": "m", "hint": ""}},
    "my own": {"field": [1, "a", None]},
}


def test_a_full_record_and_fields_of_your_own_are_allowed():
    assert wrong(FULL, SCHEMA) == []


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ({"text": "no id"}, ".id"),
        ({"id": 3}, ".id"),
        ({"id": "a", "audio": {"sample_rate_hz": "16k"}}, ".audio.sample_rate_hz"),
        ({"id": "a", "words": [{"text": "x"}, {"text": 1}]}, ".words[1].text"),
        ({"id": "a", "features": {"x": {"vector": [0.1, "b"]}}}, ".features.x.vector[1]"),
        ({"id": "a", "error": {"stage": "encode", "code": "c", "message": "m"}}, ".error.hint"),
        ({"id": "a", "path": 7}, ".path"),
    ],
)
def test_what_is_wrong_is_found(broken: dict[str, Any], where: str):
    assert wrong(broken, SCHEMA) == [where]


def test_every_field_of_the_types_is_there():
    assert list(SCHEMA["properties"]) == list(get_type_hints(Utterance))
    assert SCHEMA["$schema"].endswith("2020-12/schema")
    assert "additionalProperties" not in SCHEMA
    for name, definition in SCHEMA["$defs"].items():
        kind = getattr(types, name, None) or getattr(label_types, name)
        assert list(definition["properties"]) == list(get_type_hints(kind))
        assert definition["description"]


def test_the_command_prints_the_schema(emocli):
    done = emocli("schema")
    assert (done.status, done.stderr) == (0, "")
    assert orjson.loads(done.stdout) == SCHEMA


def test_what_a_filter_writes_keeps_the_schema(emocli):
    done = emocli("merge", "-", stdin=[FULL])
    assert [wrong(record, SCHEMA) for record in done.records] == [[]]


@pytest.mark.large(mb=300)
@pytest.mark.usefixtures("default_models")
def test_what_every_step_adds_to_a_clip_keeps_the_schema(emocli):
    """And features have no field that is not in it."""
    rows: list[dict[str, Any]] = []
    prosody = ("encode", "--modality", "audio", "--encoder", "prosody", "--as", "prosody")
    steps = [
        ("extract-audio", "examples/clips/joy.wav"),
        *[(name, "-") for name in ("transcribe", "align", "prosody", "encode")],
        (*prosody, "-"),
        *[(name, "-") for name in ("fuse", "predict", "annotate")],
        ("normalize", "--streams", "audio", "-"),
    ]
    for command in steps:
        done = emocli(*command, stdin=rows)
        rows = done.records
        assert len(rows) == 1, done.stderr
        assert wrong(rows[0], SCHEMA) == [], command
        for feature in rows[0].get("features", {}).values():
            assert feature.keys() <= get_type_hints(types.Feature).keys(), command
    assert rows[0]["features"].keys() == {"text", "prosody", "fused"}
