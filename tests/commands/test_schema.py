"""schema: what the record's JSON Schema allows and what it does not."""

from __future__ import annotations

from typing import Any, get_type_hints

import orjson
import pytest

from emocli.records import instruction_types, label_types, media_types, types
from emocli.records.schema import schema
from emocli.records.types import Utterance
from tests.encoders import tiny_faces
from tests.signals import edf_files, films

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
    "eeg": {
        "band_hz": [0.5, None],
        "notch_hz": None,
        "channels": ["Cz"],
        "flagged": {"windows": {}},
    },
    "video": {"times": [0, 0.5], "faces": {"count": 0, "judged": [], "tracks": [], "sizes": []}},
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
        ({"id": "a", "video": {"faces": {"sizes": [[5, 4.5]]}}}, ".video.faces.sizes[0][1]"),
        ({"id": "a", "eeg": {"channels": "Cz"}}, ".eeg.channels"),
    ],
)
def test_what_is_wrong_is_found(broken: dict[str, Any], where: str):
    assert wrong(broken, SCHEMA) == [where]


def test_every_field_of_the_types_is_there():
    assert list(SCHEMA["properties"]) == list(get_type_hints(Utterance))
    assert SCHEMA["$schema"].endswith("2020-12/schema")
    assert "additionalProperties" not in SCHEMA
    for name, definition in SCHEMA["$defs"].items():
        rooms = (types, label_types, media_types, instruction_types)
        (kind,) = {getattr(m, name) for m in rooms if hasattr(m, name)}
        assert list(definition["properties"]) == list(get_type_hints(kind))
        assert definition["description"]


def test_the_command_prints_the_schema(emocli):
    done = emocli("schema")
    assert (done.status, done.stderr) == (0, "")
    assert orjson.loads(done.stdout) == SCHEMA


def unknown(value: Any, rule: dict[str, Any], where: str = "") -> list[str]:
    """Return the fields that the schema does not have."""
    while "$ref" in rule:
        rule = SCHEMA["$defs"][rule["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [w for item in value for w in unknown(item, rule.get("items", {}), f"{where}[]")]
    fields = rule.get("properties")
    if not isinstance(value, dict) or (fields is None and "additionalProperties" not in rule):
        return []
    others = rule.get("additionalProperties")
    new = [f"{where}.{name}" for name in value if fields is not None and name not in fields]
    known = [(n, v) for n, v in value.items() if fields is None or n in fields]
    return new + [
        w
        for n, v in known
        for w in unknown(v, others if fields is None else fields[n], f"{where}.{n}")
    ]


@pytest.mark.usefixtures("made_faces")
def test_what_is_taken_of_recordings_and_of_films_is_in_the_schema(emocli, tmp_path):
    film, eeg = films.cheap(tmp_path / "a.avi", 30), edf_files.noise(tmp_path / "a.edf", 8)
    look = ("extract-video", "--detector", str(tiny_faces.seeing(tmp_path / "net")))
    (faces,) = emocli(*look, str(film)).records
    assert faces["video"]["faces"]["count"] == 1
    encode = ("encode", "--modality")
    for command, given in (
        (("merge", "-"), [faces]),
        (("extract-video", "--no-faces", str(film)), b""),
        ((*encode, "video", "--encoder", "face-expression", "-"), [faces]),
        (("extract-eeg", str(eeg)), b""),
        ((*encode, "eeg", "--encoder", "band-power", str(eeg)), b""),
    ):
        (record,) = emocli(*command, stdin=given).records
        assert not {"error", "missing"} & record.keys()
        assert wrong(record, SCHEMA) == unknown(record, SCHEMA) == [], command
        assert emocli("merge", "-", stdin=[record]).records == [record]


def test_what_a_filter_writes_keeps_the_schema(emocli):
    done = emocli("merge", "-", stdin=[FULL])
    assert done.records == [FULL]
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
