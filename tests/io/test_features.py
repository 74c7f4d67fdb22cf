"""The one reader of features: what it takes, what it masks, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from emocli.errors import RecordError
from emocli.io import features
from emocli.io.store import Store
from tests.conftest import Emocli

NAN, INFINITY = float("nan"), float("inf")
DIM = 3
GOOD = np.arange(12, dtype=np.float32).reshape(4, DIM)


def record(store: Store, values: Any, name: str = "voice", **more: Any) -> dict[str, Any]:
    """Return a labelled record with a stream of these values, frames in the store."""
    about = {"modality": "audio", "encoder": "net", "layer": 1, "dim": DIM}
    if isinstance(values, np.ndarray) and values.ndim == 2:
        feature = {**about, "pooling": "frames", "array": store.put_array(values)}
    else:
        feature = {**about, "pooling": "mean", "vector": values}
    return {"id": "u", "features": {name: feature}, **more}


def with_nan(*frames: int) -> np.ndarray:
    values = GOOD.copy()
    values[list(frames), 0] = NAN
    return values


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("EMOCLI_STORE", str(tmp_path / "store"))
    return Store()


def test_frames_that_are_not_finite_are_masked(store: Store) -> None:
    stream = features.read(record(store, with_nan(1)), "voice", store)
    assert stream.finite.tolist() == [True, False, True, True]
    assert stream.masked == 1
    assert stream.warning == "1 of 4 frames contain NaN or infinity: masked"
    np.testing.assert_array_equal(stream.values[2:], GOOD[2:])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1.0, None, 3.0], "not_finite"),
        ([1.0, INFINITY, 3.0], "not_finite"),
        ([1e39, 0.0, 0.0], "not_finite"),  # what float32 cannot hold
        (with_nan(0, 1, 2, 3), "not_finite"),
        ([1.0, 2.0], "bad_shape"),
        ([], "bad_shape"),
        (GOOD[:0], "bad_shape"),
        (["x", 1, 2], "bad_feature"),
        ({}, "bad_feature"),
        ("abc", "bad_feature"),
        (None, "bad_feature"),
    ],
)
def test_what_is_broken_is_named(store: Store, values: Any, code: str) -> None:
    with pytest.raises(RecordError) as caught:
        features.read(record(store, values), "voice", store)
    assert caught.value.code == code
    assert "features.voice" in caught.value.message


def test_a_missing_array_is_named(store: Store) -> None:
    broken = record(store, GOOD)
    store.path(broken["features"]["voice"]["array"]["path"]).unlink()
    with pytest.raises(RecordError) as caught:
        features.read(broken, "voice", store)
    assert caught.value.code == "not_in_store"


def test_what_is_written_is_read_back(store: Store) -> None:
    about = {"modality": "audio", "dim": DIM}
    for values, place in ((GOOD[0], "vector"), (GOOD, "array")):
        feature = features.with_values(about, values, store)
        assert features.description(feature) == about
        assert set(feature) - set(about) == {place}
        stream = features.read({"features": {"voice": feature}}, "voice", store)
        np.testing.assert_array_equal(stream.values, values)


# --- every command that reads features, over the same broken streams

BROKEN = {
    "some frames": (with_nan(1, 3), "masked"),
    "all frames": (with_nan(0, 1, 2, 3), "not_finite"),
    "no frames": (GOOD[:0], "bad_shape"),
    "other dim": (GOOD[:, :2], "bad_shape"),
    "array gone": (GOOD + 1, "not_in_store"),
}


def corpus(store: Store, values: np.ndarray, gone: bool) -> list[dict[str, Any]]:
    """Return records of two timed streams; one of the first record's is broken."""
    random = np.random.default_rng(0)
    lines = []
    for i in range(12):
        label = {"emotion": ("joy", "anger")[i % 2]}
        line = record(store, random.normal(size=(4, DIM)).astype(np.float32), label=label)
        line |= {"id": f"u{i}", "speaker": f"s{i % 3}"}
        other = record(store, random.normal(size=(5, DIM)).astype(np.float32), name="face")
        line["features"]["face"] = other["features"]["face"] | {"modality": "video"}
        lines.append(line)
    lines[0]["features"]["voice"]["array"] = store.put_array(values)
    if gone:
        store.path(lines[0]["features"]["voice"]["array"]["path"]).unlink()
    return lines


@pytest.mark.parametrize("kind", BROKEN)
def test_train_fuse_predict_normalize_augment_and_pooling_agree(
    kind: str, store: Store, emocli: Emocli, tmp_path: Path
) -> None:
    values, outcome = BROKEN[kind]
    lines = corpus(store, values, kind == "array gone")
    folder = str(tmp_path / "model")
    train = emocli("train", "-m", "conv-attention", "--epochs", "1", "-o", folder, stdin=lines)
    assert train.status == 0, train.stderr
    fused = emocli("fuse", "-m", folder, stdin=lines[:1])
    predicted = emocli("predict", "-m", folder, stdin=lines[:1])
    normal = emocli("normalize", "--least", "2", stdin=lines)
    thinned = emocli("augment", "modalities", "--protocol", "frames", "--rates", "0.5", stdin=lines)
    pooled = emocli("encode", "--from", "voice", "--as", "mean", "--pooling", "mean", stdin=lines)
    first = [done.records[0] for done in (fused, predicted, normal, thinned, pooled)]
    if outcome == "masked":
        assert "1 record without some frames of voice: not_finite" in train.stderr
        assert fused.records[0]["features"]["fused"]["masked_frames"] == {"voice": 2}
        assert first[1]["prediction"]["modalities"].keys() == {"voice", "face"}
        assert all("missing" not in r for r in first)
        frames = features.read(first[2], "voice", store)
        assert frames.finite.tolist() == [True, False, True, False]
        assert features.read(first[3], "voice", store).finite.any()
        mean = np.float32(first[4]["features"]["mean"]["vector"])
        np.testing.assert_allclose(mean, GOOD[[0, 2]].mean(axis=0), rtol=1e-6)
        warnings = [
            r["features"][n]["warning"] for r, n in zip(first[2::2], ("voice", "mean"), strict=True)
        ]
        assert set(warnings) == {"2 of 4 frames contain NaN or infinity: masked"}
    else:
        assert f"1 record without voice: {outcome}" in train.stderr
        assert all("voice" not in r["features"]["fused"]["streams"] for r in first[:1])
        assert first[1]["prediction"]["modalities"].keys() == {"face"}
        notes = [r["missing"][n] for r, n in zip(first, ("voice",) * 4 + ("mean",), strict=True)]
        assert [note["code"] for note in notes] == [outcome] * 5
        assert all(done.status == 1 for done in (fused, predicted, normal, thinned, pooled))
    assert orjson.dumps([r["id"] for r in normal.records]) == orjson.dumps([r["id"] for r in lines])
