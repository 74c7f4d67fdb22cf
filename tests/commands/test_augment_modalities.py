"""Missing modalities: the copies, their draws, and what predict makes of them."""

from __future__ import annotations

import os
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli.io.store import Store
from tests.conftest import Emocli
from tests.test_contract import start

Record = dict[str, Any]
THREE = ("audio", "text", "video")


def record(name: str = "u1", modalities: tuple[str, ...] = THREE, **more: Any) -> Record:
    features = {m: {"modality": m, "vector": [float(len(m)), 0.5]} for m in modalities}
    label = {"emotion": "joy", "distribution": {"joy": 0.75, "fear": 0.25}}
    return {"id": name, "zebra": {"a": [1, None]}, "label": label, "features": features, **more}


def only(emocli: Emocli, protocol: str, *flags: str, stdin: Any) -> list[Record]:
    done = emocli("augment", "modalities", "--protocol", protocol, *flags, stdin=stdin)
    assert done.status == 0, done.stderr
    return done.records


def test_every_choice_of_modalities_comes_once(emocli: Emocli) -> None:
    found = only(emocli, "subsets", stdin=[record()])
    wanted = ["+".join(kept) for size in (1, 2, 3) for kept in combinations(THREE, size)]
    assert [copy["condition"] for copy in found] == [{"modalities": name} for name in wanted]
    assert [copy["id"] for copy in found] == [f"u1#modalities={name}" for name in wanted]
    for copy in found:
        kept = set(copy["condition"]["modalities"].split("+"))
        assert set(copy["features"]) == kept
        assert set(copy.get("missing", {})) == set(THREE) - kept
        assert {note["code"] for note in copy.get("missing", {}).values()} <= {"dropped"}
        assert copy["label"] == record()["label"]
        assert copy["zebra"] == record()["zebra"]
        assert copy["augmented"]["from"] == ["u1"]


def test_streams_of_one_modality_go_together(emocli: Emocli) -> None:
    one = record(modalities=("audio", "text"))
    one["features"]["prosody"] = {"modality": "audio", "vector": [1.0]}
    found = only(emocli, "subsets", stdin=[one])
    assert [set(copy["features"]) for copy in found] == [
        {"audio", "prosody"},
        {"text"},
        {"audio", "prosody", "text"},
    ]


def test_what_knew_all_modalities_is_gone(emocli: Emocli) -> None:
    one = record(prediction={"emotion": "joy"}, unimodal={"text": {"emotion": "joy"}})
    one["features"]["fused"] = {"modality": "fused", "revision": "x", "vector": [1.0]}
    for copy in only(emocli, "subsets,dropout", stdin=[one]):
        assert not {"prediction", "unimodal"} & set(copy)
        assert "fused" not in copy["features"]
        assert "fused" not in copy["condition"].get("modalities", "")


def test_what_predict_could_compute_again_is_missing_as_well(emocli: Emocli) -> None:
    heard = record(modalities=("audio",), path="a.wav", text="hello")
    (copy,) = only(emocli, "subsets", stdin=[heard])
    assert set(copy["missing"]) == {"text"}
    broken = {"stage": "encode", "code": "no_text", "message": "no text", "hint": ""}
    (copy,) = only(emocli, "subsets", stdin=[heard | {"missing": {"text": broken}}])
    assert copy["missing"]["text"] == broken


def test_rates_are_as_asked_and_never_take_the_last(emocli: Emocli) -> None:
    rates = [n / 10 for n in range(8)]
    records = [record(f"u{i}") for i in range(1500)]
    found = only(emocli, "dropout", stdin=records)
    assert len(found) == len(records) * len(rates)
    for rate in rates:
        kept = [len(c["features"]) for c in found if c["condition"] == {"dropout": rate}]
        assert len(kept) == len(records)
        assert min(kept) >= 1
        # Of three, all would go with probability rate^3; one of them stays.
        share, wanted = 1 - np.mean(kept) / 3, rate - rate**3 / 3
        assert share == pytest.approx(wanted, abs=4 * np.sqrt(0.25 / (3 * len(records))) + 1e-9)
    last = [next(iter(c["features"])) for c in found if len(c["features"]) == 1]
    counts = [last.count(modality) / len(last) for modality in THREE]
    assert counts == pytest.approx([1 / 3] * 3, abs=0.04)  # no modality is spared


def test_higher_rates_take_more_of_the_same(emocli: Emocli) -> None:
    for i in range(30):
        kept = [set(c["features"]) for c in only(emocli, "dropout", stdin=[record(f"u{i}")])]
        assert all(later <= earlier for earlier, later in pairwise(kept))


def test_draws_depend_on_seed_and_id_alone(emocli: Emocli) -> None:
    records = [record(f"u{i}") for i in range(40)]
    forward = only(emocli, "dropout", stdin=records)
    backward = only(emocli, "dropout", stdin=records[::-1])
    shards = [only(emocli, "dropout", f"--shard={i}/2", stdin=records) for i in (1, 2)]

    def by_id(found: list[Record]) -> dict[str, Record]:
        return {copy["id"]: copy for copy in found}

    assert by_id(forward) == by_id(backward) == by_id(shards[0] + shards[1])
    other = only(emocli, "dropout", "--seed=1", stdin=records)
    assert [c["features"] for c in other] != [c["features"] for c in forward]


def test_ids_are_unique(emocli: Emocli) -> None:
    found = only(emocli, "subsets,dropout", stdin=[record("a"), record("b")])
    assert len({copy["id"] for copy in found}) == len(found) == 2 * (7 + 8)


def test_frames_are_lost_from_sequences(emocli: Emocli) -> None:
    frames = np.arange(4000, dtype=np.float32).reshape(2000, 2)
    one = record(modalities=("text",))
    reference = Store().put_array(frames)
    one["features"]["audio"] = {"modality": "audio", "array": reference, "dim": 2}
    found = only(emocli, "frames", "--rates", "0,0.3,1", stdin=[one])
    assert [copy["condition"] for copy in found] == [
        {"frame_loss": 0.0},
        {"frame_loss": 0.3},
        {"frame_loss": 1.0},
    ]
    whole, some, least = (Store().array(c["features"]["audio"]["array"]) for c in found)
    np.testing.assert_array_equal(whole, frames)
    assert len(some) == pytest.approx(1400, abs=4 * np.sqrt(2000 * 0.21))
    assert len(least) == 1
    assert (np.diff(some[:, 0]) > 0).all()  # in order, and each as it was
    assert set(some[:, 0]) < set(frames[:, 0])
    assert all(copy["features"]["text"] == one["features"]["text"] for copy in found)
    done = emocli("augment", "modalities", "--protocol=frames", stdin=[record()])
    assert done.status == 1
    assert done.records[0]["error"]["code"] == "no_frames"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"id": "x", "text": "hello"}, "no_features"),
        ({"id": "x", "features": [1]}, "no_features"),
        ({"id": "x", "features": {}}, "no_features"),
        ({"id": "x", "features": {"a": {"vector": [1]}}}, "no_modality"),
        ({"features": {"a": {"modality": "audio"}}}, "no_id"),
        (record("x") | {"condition": {"dropout": 0.1}}, "has_condition"),
    ],
)
def test_a_record_that_cannot_be_copied_says_why(emocli: Emocli, bad: Record, code: str) -> None:
    done = emocli("augment", "modalities", "--protocol=subsets", stdin=[bad, record("u2")])
    assert done.status == 1
    assert len(done.records) == 1 + 7
    assert done.records[0]["error"]["code"] == code
    assert done.records[0]["error"]["stage"] == "augment"


def test_a_record_that_failed_before_flows_past(emocli: Emocli) -> None:
    broken = {"id": "b", "error": {"stage": "x", "code": "y", "message": "z", "hint": ""}}
    done = emocli("augment", "modalities", stdin=[broken])
    assert (done.status, done.records) == (0, [broken])


@pytest.mark.parametrize(
    "flags", [("--protocol", "some"), ("--rates", "a"), ("--rates", "1.5"), ("--rates", "nan")]
)
def test_wrong_flags_are_usage(emocli: Emocli, flags: tuple[str, str]) -> None:
    done = emocli("augment", "modalities", *flags, stdin=[record()])
    assert (done.status, done.stdout) == (2, b"")
    assert flags[1] in done.stderr


def test_a_malformed_line_ends_it_with_its_number(emocli: Emocli, tmp_path: Path) -> None:
    import orjson

    lines = orjson.dumps(record()) + b"\n{torn\n"
    done = emocli("augment", "modalities", stdin=lines)
    assert done.status == 2
    assert ":2" in done.stderr
    assert len(done.records) == 15
    target = tmp_path / "out.jsonl"
    assert emocli("augment", "modalities", "-o", str(target), stdin=lines).status == 2
    assert not target.exists()


def test_the_output_file_is_what_stdout_would_be(emocli: Emocli, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    done = emocli("augment", "modalities", "-o", str(target), stdin=[record()])
    assert (done.status, done.stdout) == (0, b"")
    assert target.read_bytes() == emocli("augment", "modalities", stdin=[record()]).stdout
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_nothing_in_is_exit_5(emocli: Emocli) -> None:
    assert emocli("augment", "modalities").status == 5
    assert emocli("augment", "modalities", "--allow-empty").status == 0


@pytest.mark.parametrize("kind", ["modalities", "dime"])
def test_a_closed_pipe_is_silent(kind: str) -> None:
    import orjson

    read, write = os.pipe()
    os.close(read)
    process = start("augment", kind, stdout=write)
    os.close(write)
    line = orjson.dumps(record(split="train")) + b"\n"
    _, stderr = process.communicate(line, timeout=60)
    assert (process.returncode, stderr) == (141, b"")


def test_predict_uses_what_is_left_and_nothing_else(emocli: Emocli, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    records = []
    for i in range(80):
        one = record(f"u{i}", ("audio", "text"), speaker=f"s{i % 8}", text="I am here")
        one["label"] = {"emotion": ("joy", "anger")[i % 2]}
        for feature in one["features"].values():
            vector = random.normal(size=4) + 3 * (-1) ** i
            feature |= {"encoder": "net", "dim": 4, "vector": vector.round(3).tolist()}
        records.append(one)
    flags = ("--model", "gated", "--epochs", "3", "-q")
    assert emocli("train", "-o", str(tmp_path / "m"), *flags, stdin=records).status == 0
    copies = emocli("augment", "modalities", stdin=records[:5])
    done = emocli("predict", "-m", str(tmp_path / "m"), "--keep-features", stdin=copies.stdout)
    assert done.status == 0, done.stderr
    assert len(done.records) == 5 * (3 + 8)
    for found in done.records:
        used = sorted(found["features"]["fused"]["streams"])
        if "modalities" in found["condition"]:
            assert "+".join(used) == found["condition"]["modalities"]
        assert set(used) == {"audio", "text"} - set(found.get("missing", {}))
        assert sorted(found["prediction"]["modalities"]) == used
