"""Each speaker's own mean and deviation, over all of their records; what it is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from emocli.io.store import Store
from tests.conftest import Emocli

Record = dict[str, Any]
ABOUT = {"modality": "audio", "encoder": "net", "revision": "1", "layer": 1}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    monkeypatch.setenv("EMOCLI_STORE", str(tmp_path / "store"))
    return Store()


def records(store: Store, count: int = 40) -> list[Record]:
    """Return records of four speakers: how far their second number is from the usual tells all."""
    random = np.random.default_rng(0)
    found = []
    for i in range(count):
        speaker, emotion = i % 4, (i // 4) % 2
        vector = random.normal(size=3)
        vector[1] += 100 * speaker + 3 * emotion
        frames = random.normal(2.0 * speaker, size=(2 + i % 3, 2)).astype(np.float32)
        voice = {**ABOUT, "pooling": "mean", "dim": 3, "vector": vector.round(4).tolist()}
        sound = {**ABOUT, "pooling": "frames", "dim": 2, "array": store.put_array(frames)}
        label = {"emotion": ("joy", "anger")[emotion]}
        record = {"id": f"r{i}", "zebra": [i], "speaker": f"s{speaker}", "label": label}
        found.append(record | {"features": {"voice": voice, "sound": sound}})
    return found


def vectors(rows: list[Record], speaker: str) -> np.ndarray:
    return np.array([r["features"]["voice"]["vector"] for r in rows if r["speaker"] == speaker])


def test_numbers_are_the_speaker_s_z_scores(emocli: Emocli, store: Store) -> None:
    given = records(store)
    done = emocli("normalize", stdin=given)
    assert done.status == 0, done.stderr
    for speaker in ("s0", "s3"):
        expected = stats.zscore(vectors(given, speaker))
        np.testing.assert_allclose(vectors(done.records, speaker), expected, atol=1e-5)
    frames = [
        np.concatenate([store.array(r["features"]["sound"]["array"]) for r in rows[1::4]])
        for rows in (given, done.records)
    ]
    np.testing.assert_allclose(frames[1], stats.zscore(frames[0]), atol=1e-5)


def test_means_may_be_those_of_a_split(emocli: Emocli, store: Store) -> None:
    given = [
        {**r, "split": "test" if i % 16 > 7 else "train"} for i, r in enumerate(records(store))
    ]
    done = emocli("normalize", "--split", "train", stdin=given)
    assert done.status == 0, done.stderr
    train = vectors([r for r in given if r["split"] == "train"], "s1")
    expected = (vectors(given, "s1") - train.mean(axis=0)) / train.std(axis=0)
    np.testing.assert_allclose(vectors(done.records, "s1"), expected, atol=1e-4)
    assert done.records[0]["features"]["voice"]["normalized"] == "speaker, split train"
    assert emocli("normalize", "--split", "dev", stdin=given).status == 2
    given[1]["split"] = "train"
    for record in given[2::4]:
        record["split"] = "test"
    lost = emocli("normalize", "--split", "train", stdin=given)
    assert lost.status == 1
    assert "0 records of split train" in str(lost.records[2]["missing"])


def test_all_else_stays_as_it_was_and_in_order(emocli: Emocli, store: Store) -> None:
    given = [*records(store), {"id": "bad", "error": {"code": "x", "message": "y", "stage": "z"}}]
    done = emocli("normalize", "--streams", "voice", stdin=given)
    assert [r["id"] for r in done.records] == [r["id"] for r in given]
    assert done.records[-1] == given[-1]
    for before, after in zip(given[:-1], done.records, strict=False):
        voice = after["features"].pop("voice")
        assert voice["normalized"] == "speaker"
        assert {k: voice[k] for k in ABOUT} == ABOUT
        assert after == before | {"features": {"sound": before["features"]["sound"]}}


def test_labels_are_not_looked_at(emocli: Emocli, store: Store) -> None:
    given = records(store)
    bare = [{k: v for k, v in record.items() if k != "label"} for record in given]
    with_labels, without = (emocli("normalize", stdin=rows).records for rows in (given, bare))
    assert [r["features"] for r in with_labels] == [r["features"] for r in without]


def test_what_has_no_mean_is_gone_and_said(emocli: Emocli, store: Store) -> None:
    given = records(store)
    given[0]["speaker"] = "stranger"
    del given[1]["speaker"]
    given[2]["features"]["voice"]["vector"] = [1.0, None, 2.0]
    given[3]["features"] = {}
    done = emocli("normalize", stdin=given)
    assert done.status == 1
    stranger, nobody, broken, bare = done.records[:4]
    assert stranger["features"] == nobody["features"] == {}
    assert stranger["missing"]["sound"]["code"] == "too_few"
    assert "speaker stranger has 1 record with features.voice, a mean needs 5" in done.stderr
    assert nobody["missing"]["voice"]["code"] == "no_speaker"
    assert broken["features"].keys() == {"sound"}
    assert broken["missing"]["voice"]["code"] == "not_finite"
    assert bare["error"]["code"] == "no_features"
    others = [r for i, r in enumerate(given) if i != 2 and r.get("speaker") == "s2"]
    np.testing.assert_allclose(
        vectors(done.records[3:], "s2"), stats.zscore(vectors(others, "s2")), atol=1e-5
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--shard", "1/2"], "no such option"),
        (["--streams", "voice,vioce"], "--streams vioce: no record has it"),
        (["--least", "1"], "--least"),
    ],
)
def test_flags_that_make_no_sense_are_refused(
    emocli: Emocli, store: Store, tmp_path: Path, flags: list[str], message: str
) -> None:
    flags = [str(tmp_path / f) if f.endswith(".jsonl") else f for f in flags]
    done = emocli("normalize", *flags, stdin=records(store))
    assert (done.status, done.stdout) == (2, b"")
    assert message in done.stderr


def test_twice_is_once_too_often(emocli: Emocli, store: Store) -> None:
    once = emocli("normalize", stdin=records(store))
    twice = emocli("normalize", stdin=once.records)
    assert (twice.status, twice.stdout) == (3, b"")
    assert "is already normalized by speaker" in twice.stderr


def test_nothing_comes_in(emocli: Emocli) -> None:
    assert emocli("normalize").status == 5
    assert emocli("normalize", "--allow-empty").status == 0


def test_a_model_wants_what_it_was_trained_on(emocli: Emocli, store: Store, tmp_path: Path) -> None:
    given, bundle = records(store, 80), str(tmp_path / "m")
    normal = emocli("normalize", stdin=given).records
    flags = ("--model", "concat", "--streams", "voice", "--epochs", "40", "-o", bundle)
    trained = emocli("train", *flags, stdin=normal)
    assert trained.status == 0, trained.stderr
    done = emocli("predict", "-m", bundle, stdin=normal)
    right = [r["prediction"]["emotion"] == r["label"]["emotion"] for r in done.records]
    assert sum(right) > 72  # of 80; what is said is in the distance from the speaker's own mean
    refused = emocli("predict", "-m", bundle, stdin=given)
    assert refused.status == 3
    assert "emocli normalize --by speaker" in refused.stderr
    written = emocli("predict", "-m", bundle, stdin=[{"id": "a", "text": "so happy"}])
    assert written.status == 1
    assert "no features.voice" in written.stderr
