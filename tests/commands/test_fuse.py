"""Fuse: sequences and vectors, whatever is missing; what was used is said, and is true."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli import models
from emocli.io import store
from tests.commands import bundles
from tests.commands.bundles import FRAMES, VECTORS, feature
from tests.conftest import Emocli

Record = dict[str, Any]
CLIPS = Path(__file__).parents[2] / "examples" / "clips"
KINDS = [(name, VECTORS) for name in models.names()]
KINDS += [(name, FRAMES) for name in models.names() if models.takes_time(name)]
every_model = pytest.mark.parametrize(("model", "pooling"), KINDS)


def near(one: Any, other: Any) -> bool:
    """Say whether two values are the same, numbers to 1e-4."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(near(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(near, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-4
    return bool(one == other)


@every_model
def test_short_and_long_way_and_all_batch_sizes_agree(
    emocli: Emocli, tmp_path: Path, model: str, pooling: str
) -> None:
    trained = bundles.save(tmp_path / "m", model, pooling)
    given = bundles.records(pooling)
    flags = ("--model", str(trained.folder))
    alone = emocli("predict", *flags, "--keep-features", "--batch-size", "1", stdin=given).records
    assert len({tuple(r["prediction"]["modalities"]) for r in alone}) == 7  # each subset
    assert len({round(r["prediction"]["confidence"], 3) for r in alone}) > 5
    for size in ("4", "auto"):
        fused = emocli("fuse", *flags, "--batch-size", size, stdin=given)
        done = emocli("predict", *flags, stdin=fused.stdout)
        assert (fused.status, done.status) == (0, 0), fused.stderr + done.stderr
        assert near(done.records, alone)


@every_model
def test_what_was_used_is_what_is_said(
    emocli: Emocli, tmp_path: Path, model: str, pooling: str
) -> None:
    folder = bundles.save(tmp_path / "m", model, pooling).folder
    given = bundles.records(pooling)
    done = emocli("predict", "-m", str(folder), "--keep-features", stdin=given)
    for before, after in zip(given, done.records, strict=True):
        used = list(before["features"])
        fused, prediction = after["features"]["fused"], after["prediction"]
        assert fused["streams"] == used == list(prediction["modalities"])
        assert sum(prediction["modalities"].values()) == pytest.approx(1, abs=2e-3)
        assert set(after.get("missing", {})) == {*bundles.DIMS} - {*used}
        assert set(after.get("unimodal", used)) == set(used)
        assert set(prediction.get("disagreement", used)) == set(used)


BROKEN: dict[str, Any] = {
    "a number that is none": [1.0, None, 1.0],
    "another shape": [1.0, 2.0],
    "a word": "loud",
    "not even a feature": 7,
    "no numbers": {"vector": None},
    "not in the store": {"array": {"path": "ab/cd.npy", "shape": [2, 3]}},
    "no file": {"array": {"shape": [2, 3]}},
    "outside": {"array": {"path": "../x.npy", "shape": [2, 3]}},
}


def broken(values: Any) -> Any:
    """Return features.voice with something else instead of its vector."""
    whole = bundles.spec("voice", VECTORS)
    if isinstance(values, list):
        return {**whole, "vector": values}
    return {**whole, **values} if isinstance(values, dict) else values


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_stream_is_masked_and_named_and_its_sibling_counts(
    emocli: Emocli, tmp_path: Path, how: str
) -> None:
    folder = bundles.save(tmp_path / "m", "gated").folder
    good, other = bundles.records(VECTORS, 14)[6::7]  # with every stream
    flags = ("-m", str(folder), "--keep-features")
    bad = {**good, "features": {**good["features"], "voice": broken(BROKEN[how])}}
    without = {n: f for n, f in good["features"].items() if n != "voice"}
    done = emocli("predict", *flags, stdin=[bad, other])
    assert done.status == 1
    assert done.stderr.startswith(f"emocli predict: {good['id']}: ")
    assert "Traceback" not in done.stderr
    found, neighbour = done.records
    assert found["features"]["fused"]["streams"] == ["audio", "text"]
    assert set(found["prediction"]["modalities"]) == {"audio", "text"}
    note = found["missing"]["voice"]
    assert (note["stage"], note["stream"], list(found["missing"])) == ("fuse", "voice", ["voice"])
    expected = emocli("predict", *flags, stdin=[{**good, "features": without}, other])
    assert found["prediction"] == expected.records[0]["prediction"]
    assert neighbour == expected.records[1]
    again = emocli("predict", *flags, stdin=done.stdout)
    assert (again.status, again.stdout) == (0, done.stdout)


def test_nothing_left_is_an_error_that_says_why(emocli: Emocli, tmp_path: Path) -> None:
    folder = bundles.save(tmp_path / "m", "gated").folder
    bad = {"id": "a", "features": {"voice": broken([1.0, None, 1.0])}}
    done = emocli("fuse", "-m", str(folder), stdin=[bad])
    assert done.status == 1
    error = done.records[0]["error"]
    assert error["code"] == "no_modality"
    assert "voice: features.voice contains NaN or infinity" in error["message"]


def test_frames_that_are_no_numbers_are_masked_and_counted(emocli: Emocli, tmp_path: Path) -> None:
    folder = bundles.save(tmp_path / "m", "stars", FRAMES).folder
    random = np.random.default_rng(0)
    values = {name: random.normal(size=(8, dim)) for name, dim in bundles.DIMS.items()}
    nothing = np.full((3, 6), np.nan)
    lost = {**values, "audio": values["audio"].copy()}
    lost["audio"][[1, 5], 2] = np.nan
    cases = [values, lost, {**values, "audio": nothing}, {"audio": nothing, "voice": np.ones(3)}]
    given = [
        {"id": str(i), "features": {n: feature(n, v) for n, v in case.items()}}
        for i, case in enumerate(cases)
    ]
    given[3]["features"]["voice"]["pooling"] = "frames"
    done = emocli("predict", "-m", str(folder), "--keep-features", stdin=given)
    whole, part, rest, none = done.records
    assert "masked_frames" not in whole["features"]["fused"]
    assert "missing" not in part
    assert part["features"]["fused"]["streams"] == list(bundles.DIMS)
    assert part["features"]["fused"]["masked_frames"] == {"audio": 2}
    assert part["prediction"]["masked_frames"] == {"audio": 2}
    assert part["prediction"]["probabilities"] != whole["prediction"]["probabilities"]
    assert rest["features"]["fused"]["streams"] == ["voice", "text"]
    assert rest["missing"]["audio"]["code"] == "not_finite"
    assert none["error"]["code"] == "no_modality"
    assert done.status == 1


@pytest.mark.parametrize("command", ["fuse", "predict"])
def test_strict_modalities_make_what_is_missing_an_error(
    emocli: Emocli, tmp_path: Path, command: str
) -> None:
    folder = bundles.save(tmp_path / "m", "gated").folder
    flags = ("-m", str(folder), "--strict-modalities")
    some, whole = bundles.records(VECTORS, 7)[2::4]
    bad = {**whole, "id": "b", "features": {**whole["features"], "voice": broken([None] * 3)}}
    fused = emocli("fuse", "-m", str(folder), stdin=[{**some, "id": "c"}]).records[0]
    done = emocli(command, *flags, stdin=[some, whole, bad, fused])
    assert done.status == 1
    errors = [record.get("error") for record in done.records]
    assert errors[1] is None
    assert [e and e["code"] for e in errors] == [
        "missing_modality",
        None,
        *["missing_modality"] * 2,
    ]
    assert "text: no features.text" in errors[0]["message"]
    assert "voice: features.voice contains NaN" in errors[2]["message"]
    assert ["prediction" in r for r in done.records] == [False, command == "predict", False, False]


def test_a_text_that_does_not_count_is_no_failure_but_strict(
    emocli: Emocli, tmp_path: Path
) -> None:
    rules = {"text_rules": {"language": "en", "min_word_probability": 0.5}}
    folder = bundles.save(tmp_path / "m", "concat", **rules).folder
    (whole,) = bundles.records(VECTORS, 7)[6:]
    whole |= {"text": "nie", "language": "pl"}
    done = emocli("fuse", "-m", str(folder), stdin=[whole])
    assert done.status == 0
    assert done.records[0]["features"]["fused"]["streams"] == ["audio", "voice"]
    assert done.records[0]["missing"]["text"]["code"] == "language"
    other = bundles.save(tmp_path / "other", "gated").folder  # without such a rule
    again = emocli("fuse", "-m", str(other), stdin=done.stdout)
    assert again.records[0]["features"]["fused"]["streams"] == ["audio", "voice", "text"]
    assert "missing" not in again.records[0]
    strict = emocli("fuse", "-m", str(folder), "--strict-modalities", stdin=[whole])
    assert strict.status == 1
    assert "text: the text is pl, the model needs en" in strict.records[0]["error"]["message"]


@pytest.mark.parametrize("model", [n for n in models.names() if not models.takes_time(n)])
def test_a_sequence_for_a_model_of_vectors_ends_the_run(
    emocli: Emocli, tmp_path: Path, model: str
) -> None:
    folder = bundles.save(tmp_path / "m", model).folder
    (record,) = bundles.records(FRAMES, 1)
    done = emocli("predict", "-m", str(folder), stdin=[record])
    assert done.status == 3
    assert "features.audio: pooling is 'frames', not 'mean'" in done.stderr
    record["features"]["audio"]["pooling"] = "mean"  # it says so, but is a sequence
    done = emocli("predict", "-m", str(folder), stdin=[record])
    assert done.status == 3
    assert "features.audio: is a sequence, and the model takes vectors" in done.stderr


def test_a_vector_for_a_model_of_sequences_is_named(emocli: Emocli, tmp_path: Path) -> None:
    folder = bundles.save(tmp_path / "m", "concat", FRAMES).folder
    (record,) = bundles.records(VECTORS, 1)
    done = emocli("predict", "-m", str(folder), stdin=[record])
    assert done.status == 3
    assert "pooling is 'mean', not 'frames'" in done.stderr


def test_files_of_the_store_that_are_damaged_are_named(emocli: Emocli, tmp_path: Path) -> None:
    folder = bundles.save(tmp_path / "m", "concat", FRAMES).folder
    kept = store.Store()
    for i, damage in enumerate((b"", b"\x93NUMPY\x01\x00v\x00{", b"not an array at all")):
        (record,) = bundles.records(FRAMES, 7, seed=i)[6:]
        path = kept.path(record["features"]["voice"]["array"]["path"])
        path.write_bytes(damage)
        done = emocli("predict", "-m", str(folder), stdin=[record])
        assert done.status == 1
        assert done.records[0]["missing"]["voice"]["code"] == "bad_feature"
        assert set(done.records[0]["prediction"]["modalities"]) == {"audio", "text"}


def test_sequences_are_batched_with_those_of_like_length(tmp_path: Path) -> None:
    from emocli.stages import fuse

    long = feature("audio", np.ones((500, 6)))
    lengths = [fuse._frames({"features": {"audio": f}}) for f in (long, {"vector": [1.0]}, 3)]
    assert lengths == [500.0, 0.0, 0.0]


@pytest.mark.usefixtures("default_models")
def test_frames_computed_here_are_used_and_not_kept(emocli: Emocli, tmp_path: Path) -> None:
    streams = {
        "audio": {"modality": "audio", "encoder": "whisper-tiny.en", "layer": [1], "dim": 384},
        "text": {"modality": "text", "encoder": "all-minilm-l6-v2", "layer": -1, "dim": 384},
    }
    streams = {name: {**one, "pooling": "frames"} for name, one in streams.items()}
    config = {"dims": {"audio": 384, "text": 384}}
    more = {"text_rules": {"language": "en", "min_word_probability": 0.5}, "streams": streams}
    folder = bundles.save(tmp_path / "m", "gated", config=config, **more).folder
    clips = [{"id": n, "path": str(CLIPS / n), "text": "so glad"} for n in ("joy.wav", "anger.mp3")]
    clips.append({"id": "silent", "path": str(CLIPS / "silence.wav"), "text": "so glad"})
    clips.append({"id": "bad", "path": str(CLIPS / "joy.wav"), "text": "no", "words": "no"})
    nowhere = tmp_path / "store"
    flags = ("-m", str(folder), "--store", str(nowhere), "--keep-features")
    short = emocli("predict", *flags, stdin=clips)
    assert not nowhere.exists()
    assert [list(r.get("features", [])) for r in short.records] == [["fused"]] * 3 + [[]]
    encoded = emocli("encode", "--model", str(folder), stdin=clips)
    assert encoded.records[0]["features"]["audio"]["array"]["shape"][1] == 384
    long = emocli("predict", "-m", str(folder), stdin=encoded.stdout)
    for one, other in zip(short.records[:3], long.records[:3], strict=True):
        assert near(one["prediction"], other["prediction"])
    assert set(short.records[0]["prediction"]["modalities"]) == {"audio", "text"}
    assert short.records[2]["prediction"]["modalities"] == {"text": 1.0}
    assert short.records[3]["error"]["code"] == "bad_words"


@pytest.mark.usefixtures("default_models")
def test_a_stream_that_cannot_be_encoded_leaves_its_sibling_alone(
    emocli: Emocli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emocli.encoders import whisper

    encode = whisper.encode

    def fails(*arguments: Any, layers: list[int], pooling: str) -> Any:
        if layers == [3]:
            raise RuntimeError("broken")
        return encode(*arguments, layers=layers, pooling=pooling)

    monkeypatch.setattr(whisper, "encode", fails)
    one = {"modality": "audio", "encoder": "whisper-tiny.en", "layer": [1], "pooling": "mean"}
    streams = {"voice": {**one, "layer": [3]}, "audio": one}
    streams = {name: {**spec, "dim": 384} for name, spec in streams.items()}
    config = {"dims": dict.fromkeys(streams, 384)}
    folder = bundles.save(tmp_path / "m", "gated", config=config, streams=streams).folder
    done = emocli("predict", "-m", str(folder), str(CLIPS / "joy.wav"))
    (record,) = done.records
    assert done.status == 1
    assert record["missing"]["voice"]["stream"] == "voice"
    assert record["missing"]["voice"]["stage"] == "encode"
    assert record["prediction"]["modalities"] == {"audio": 1.0}


def test_every_subset_was_there() -> None:
    subsets = {frozenset(r["features"]) for r in bundles.records(VECTORS)}
    names = list(bundles.DIMS)
    every = itertools.chain.from_iterable(itertools.combinations(names, n) for n in (1, 2, 3))
    assert subsets == {frozenset(names) for names in every}


def test_a_fused_vector_of_unknown_streams_fails_its_record(emocli: Emocli, tmp_path: Path) -> None:
    trained = str(bundles.save(tmp_path / "m", "gated").folder)
    fused = emocli("fuse", "-m", trained, stdin=bundles.records(bundles.VECTORS, count=14)).records
    fused[6]["features"]["fused"]["streams"].append("other")
    outcome = emocli("predict", "-m", trained, stdin=fused)
    assert outcome.status == 1
    assert [i for i, r in enumerate(outcome.records) if "error" in r] == [6]
    assert outcome.records[6]["error"]["code"] == "bad_feature"
    assert "other, which the model does not have" in outcome.stderr
