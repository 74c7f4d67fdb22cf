"""DiME-Aug over records: who is mixed, what comes out, and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.signals import audio, dime, spectral
from emocli.stages.augment import targets
from tests.conftest import Emocli

Record = dict[str, Any]


@pytest.fixture
def votes(wav: Callable[..., Path]) -> list[Record]:
    """Clips with votes: ten mostly neutral, two mostly anger, one fear."""
    counts = [{"neutral": 4, "anger": 1}] * 10
    counts += [{"anger": 3, "neutral": 2}, {"anger": 5, "fear": 1}, {"fear": 2, "anger": 1}]
    return [
        {
            "id": f"clip {i}",
            "zebra": [i],
            "path": str(wav(f"{i}.wav", seconds=0.3 + 0.05 * (i % 3), f0_hz=100 + 10 * i)),
            "speaker": f"s{i}",
            "dataset": "crema-d",
            "split": "train",
            "text": f"This is number {i}.",
            "label": {"emotion": "fear", "votes": found},
        }
        for i, found in enumerate(counts)
    ]


def cached(values: dict[str, list[list[float]]], streams: tuple[str, ...] = ("audio",)) -> Any:
    """Return records with vectors, by emotion."""
    return [
        {
            "id": f"{emotion}{i}",
            "split": "train",
            "label": {"emotion": emotion},
            "features": {
                name: {"modality": name, "encoder": "net", "dim": len(vector), "vector": vector}
                for name in streams
            },
        }
        for emotion, vectors in values.items()
        for i, vector in enumerate(vectors)
    ]


def made(emocli: Emocli, records: Any, *flags: str) -> tuple[list[Record], list[Record], str]:
    """Return what came in and went out again, what is new, and what was said."""
    done = emocli("augment", "dime", "-j1", "--jobs=1", *flags, stdin=records)
    assert done.status == 0, done.stderr
    return done.records[: len(records)], done.records[len(records) :], done.stderr


def test_rare_classes_are_filled_and_all_else_is_as_it_was(
    emocli: Emocli, votes: list[Record]
) -> None:
    before, new, said = made(emocli, votes, "--rho", "0.45")
    assert before == votes
    assert [r["label"]["emotion"] for r in new] == ["anger", "anger"]  # floor(4.5) - 2
    assert "anger: 2 and 2 new" in said
    assert "fear: 3 too few, but only 1 to mix: left as it is" in said
    for record in new:
        assert record["split"] == "train"
        assert record["dataset"] == "crema-d"
        assert record["speaker"] is None
        assert record["id"].startswith("dime-")
    assert len({r["id"] for r in before + new}) == len(before + new)


def test_audio_text_and_labels_lie_between_the_two(emocli: Emocli, votes: list[Record]) -> None:
    _, new, _ = made(emocli, votes, "--rho", "1")
    by_id = {r["id"]: r for r in votes}
    assert len(new) == 8  # of anger; fear is alone
    texts = set()
    for record in new:
        how = record["augmented"]
        one, other = (by_id[name] for name in how["from"])
        assert {one["id"], other["id"]} == {"clip 10", "clip 11"}
        assert how["speakers"] == [one["speaker"], other["speaker"]]
        assert (how["method"], how["rho"], how["seed"]) == ("dime", 1.0, 0)
        alpha = how["alpha"]
        x, y = (audio.read(r["path"]).samples.astype(float) for r in (one, other))
        wanted = [(1 - alpha) * a + alpha * b for a, b in zip(x, y, strict=False)]
        assert len(wanted) == min(len(x), len(y))
        path = Store().path(record["audio"]["path"])
        found = audio.read(path).samples
        np.testing.assert_allclose(found, wanted, atol=0.51 / 32768)
        assert record["audio"]["duration"] == len(wanted) / 16000
        assert record["text"] == (one if alpha < 0.5 else other)["text"]
        texts.add((record["text"] == one["text"], alpha < 0.5))
        shares = record["label"]["distribution"]
        assert sum(shares.values()) == pytest.approx(1, abs=1e-12)
        for name, share in shares.items():
            parts = [r["label"]["votes"].get(name, 0) for r in (one, other)]
            sums = [sum(r["label"]["votes"].values()) for r in (one, other)]
            at = (1 - alpha) * parts[0] / sums[0] + alpha * parts[1] / sums[1]
            assert share == pytest.approx(at, abs=1e-12)
    assert texts == {(True, True), (False, False)}  # both texts are really used


def test_neighbours_are_by_sound_and_words_within_the_class(
    emocli: Emocli, wav: Callable[..., Path], votes: list[Record]
) -> None:
    extra = []
    for i in range(4):  # with the two there are six of anger
        path = str(wav(f"more{i}.wav", seconds=0.4, f0_hz=(110, 112, 300, 305)[i]))
        text = ("Yes.", "No.", "Well, what is it now?", "Well, who is it now?")[i]
        extra.append(votes[10] | {"id": f"more{i}", "path": path, "text": text})
    records = [*votes, *extra]
    anger = [r for r in records if r["id"] in ("clip 10", "clip 11") or r in extra]
    rows = [
        np.concatenate(
            [spectral.summary(audio.read(r["path"]).samples), dime.lexical_counts(r["text"])]
        )
        for r in anger
    ]
    values = np.array(rows)
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0))[:, spread > 1e-6] / spread[spread > 1e-6]
    ids = [r["id"] for r in anger]
    near = {}
    for i, name in enumerate(ids):
        order = np.argsort(np.linalg.norm(scaled - scaled[i], axis=1))
        near[name] = {ids[j] for j in order[1:3]}
    _, new, _ = made(emocli, records, "--rho", "1")
    assert len(new) == 4
    seen = [tuple(r["augmented"]["from"]) for r in new]
    seeds = [made(emocli, records, "--rho", "1", "--seed", str(s))[1] for s in range(1, 6)]
    seen += [tuple(r["augmented"]["from"]) for found in seeds for r in found]
    assert all(other in near[one] for one, other in seen)
    assert len(set(seen)) > 6


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    emocli: Emocli, votes: list[Record], tmp_path: Path
) -> None:
    def run(*flags: str) -> bytes:
        flags = flags or ("-j1",)
        return emocli("augment", "dime", "--rho=0.8", *flags, stdin=votes).stdout

    one = run("--jobs=1", "--store", str(tmp_path / "a"))
    assert run("--jobs=2", "--store", str(tmp_path / "b")) == one
    stores = [
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.flac")}
        for n in "ab"
    ]
    assert stores[0] == stores[1]
    assert stores[0]
    assert run("--seed=1", "-j1") != one
    target = tmp_path / "out.jsonl"
    assert emocli("augment", "dime", "-j1", "--rho=0.8", "-o", str(target), stdin=votes).status == 0
    assert target.read_bytes() == one
    # More of a class begins with what there was of it, and once filled there is nothing to do.
    fewer = emocli("augment", "dime", "-j1", "--rho=0.6", stdin=votes).records
    sources = [[r["augmented"]["from"] for r in found[13:]] for found in (fewer, lines(one))]
    assert sources[0] == sources[1][: len(sources[0])]
    assert emocli("augment", "dime", "-j1", "--rho=0.8", stdin=one).stdout == one


def lines(text: bytes) -> list[Record]:
    return [orjson.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("split", ["dev", "test", None, "Train", 3])
def test_what_is_not_for_training_is_refused_and_nothing_written(
    emocli: Emocli, votes: list[Record], split: Any, tmp_path: Path
) -> None:
    votes[12]["split"] = split
    target = tmp_path / "out.jsonl"
    for flags in ((), ("-o", str(target))):
        done = emocli("augment", "dime", "-j1", *flags, stdin=votes)
        assert (done.status, done.stdout) == (2, b"")
        assert "clip 12" in done.stderr
        assert "nothing is written" in done.stderr
        assert not list(tmp_path.glob("out*"))
    assumed = emocli("augment", "dime", "-j1", "--assume-train", stdin=votes)
    assert assumed.status == (0 if split is None else 2)


def test_a_malformed_line_and_a_shard_write_nothing(emocli: Emocli, votes: list[Record]) -> None:
    torn = b"".join(orjson.dumps(r) + b"\n" for r in votes) + b"{torn\n"
    done = emocli("augment", "dime", stdin=torn)
    assert (done.status, done.stdout) == (2, b"")
    assert ":14" in done.stderr
    assert emocli("augment", "dime", "-j1", "--shard=1/2", stdin=votes).status == 2
    assert emocli("augment", "dime", "-j1", "--rho=0", stdin=votes).status == 2
    assert emocli("augment", "dime", "-j1", "--mix=words", stdin=votes).status == 2
    assert emocli("augment", "dime").status == 5


def test_a_sound_that_cannot_be_read_costs_its_neighbours_nothing(
    emocli: Emocli, votes: list[Record], tmp_path: Path
) -> None:
    more = [votes[10] | {"id": "clip 13"}, votes[10] | {"id": "gone", "path": "/no/such.wav"}]
    failed = {"id": "failed", "split": "train", "error": {"code": "x", "message": "y"}}
    unlabelled = {"id": "unlabelled", "split": "train", "text": "hello"}
    wordy = {k: v for k, v in votes[10].items() if k != "path"} | {"id": "only text"}
    records = [*votes, *more, failed, unlabelled, wordy]
    done = emocli("augment", "dime", "-j1", "--rho", "0.8", stdin=records)
    assert done.status == 1
    found = done.records[: len(records)]
    assert found[:14] == records[:14]
    assert found[14]["missing"]["audio"]["code"] == "not_found"
    assert found[15] == failed
    assert found[16]["error"]["code"] == "no_label"
    assert found[17] == wordy  # a text cannot be mixed as sound; that is no failure
    new = done.records[len(records) :]
    assert len(new) == 8 - 5
    assert {n for r in new for n in r["augmented"]["from"]} <= {"clip 10", "clip 11", "clip 13"}
    assert "anger: 5 and 3 new, mixed of 3" in done.stderr


def test_vectors_are_mixed_where_there_is_no_sound(emocli: Emocli) -> None:
    # In units of SD, from (0,0): (1,0) and (0,1) are near; (9,9) is far from all.
    rare = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]
    records = cached({"joy": [[0.0, 0.0]] * 12, "anger": rare}, ("audio", "text"))
    before, new, _ = made(emocli, records, "--rho", "1")
    assert before == records
    assert len(new) == 8
    by_id = {r["id"]: r for r in records}
    for record in new:
        one, other = (by_id[n]["features"] for n in record["augmented"]["from"])
        assert record["augmented"]["from"][1] != "anger3"
        alpha = record["augmented"]["alpha"]
        assert set(record["features"]) == {"audio", "text"}
        assert "audio" not in record
        for name, feature in record["features"].items():
            x, y = np.array(one[name]["vector"]), np.array(other[name]["vector"])
            np.testing.assert_allclose(feature["vector"], x + alpha * (y - x), rtol=1e-6)
            assert (feature["encoder"], feature["dim"]) == ("net", 2)
        assert record["label"] == {"emotion": "anger", "distribution": {"anger": 1.0}}
    assert Counter(r["augmented"]["from"][1] for r in new).keys() <= {"anger0", "anger1", "anger2"}


def test_vectors_that_do_not_fit_together_are_said(emocli: Emocli) -> None:
    records = cached({"joy": [[0.0, 0.0]] * 9, "anger": [[0.0, 1.0]] * 5})
    records[10]["features"]["audio"]["encoder"] = "another"
    records[11]["features"]["text"] = records[11]["features"].pop("audio")
    records[12]["features"]["audio"]["vector"] = [[1.0, 2.0]]
    del records[13]["features"]
    done = emocli("augment", "dime", "-j1", "--rho=1", stdin=records)
    assert done.status == 1
    codes = [r.get("error", {}).get("code") for r in done.records]
    assert codes[9:] == [None, "other_features", "other_streams", "not_a_vector", "no_features"]
    assert "anger: 4 too few, but only 1 to mix" in done.stderr


def test_new_records_train_with_the_old(emocli: Emocli, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = {
        "joy": (random.normal(size=(30, 3)) + 2).round(3).tolist(),
        "anger": (random.normal(size=(4, 3)) - 2).round(3).tolist(),
    }
    records = cached(vectors)
    more = emocli("augment", "dime", "-j1", "--rho=0.5", stdin=records).stdout
    dev = tmp_path / "dev.jsonl"
    dev.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in records))
    flags = ("-o", str(tmp_path / "m"), "--dev", str(dev), "--epochs", "2")
    done = emocli("train", *flags, stdin=more)
    assert done.status == 0, done.stderr
    assert "45 records" in done.stderr  # 30, 4, and 11 up to half of 30
    cross = emocli("train", "--cv", "speaker", stdin=more)
    assert cross.status != 0  # two speakers in one record cannot be held out


def test_the_first_label_that_is_there_counts() -> None:
    label = {"emotion": "joy", "votes": {"fear": 3, "joy": 1}, "distribution": {"anger": 2.0}}
    assert targets.shares({"label": label}) == {"anger": 1.0}
    del label["distribution"]
    assert targets.shares({"label": label}) == {"joy": 0.25, "fear": 0.75}
    del label["votes"]
    assert targets.shares({"label": label}) == {"joy": 1.0}


@pytest.mark.parametrize(
    "label",
    [
        None,
        {},
        {"emotion": None},
        {"emotion": 3},
        {"votes": [1, 2]},
        {"votes": {"joy": -1, "fear": 2}},
        {"distribution": {"joy": 0.0}},
        {"distribution": {"joy": "much"}},
        {"distribution": {"joy": True}},
    ],
)
def test_bad_labels_are_errors(label: Any) -> None:
    with pytest.raises(RecordError, match="label"):
        targets.shares({"id": "a", "label": label})


def test_a_tie_goes_to_the_first_label() -> None:
    assert targets.likeliest({"zeal": 0.4, "sadness": 0.3, "awe": 0.4}) == "awe"
    assert targets.likeliest({"anger": 0.5, "sadness": 0.5}) == "sadness"
