"""Dialogue context: the turns before a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from emocli import hub
from emocli.encoders import transformer_text
from emocli.io import conversation
from tests.conftest import Emocli

Record = dict[str, Any]


def talk(dialogue: str, count: int) -> list[Record]:
    return [
        {"id": f"{dialogue}{i}", "dialogue": dialogue, "speaker": "ab"[i % 2], "text": f"line {i}"}
        for i in range(count)
    ]


def contexts(records: list[Record], turns: int) -> list[list[str]]:
    read = conversation.with_context((dict(record) for record in records), turns)
    return [[turn["text"] for turn in record.get("context", ())] for record in read]


def test_a_record_gets_the_turns_before_it_and_no_more() -> None:
    assert contexts(talk("x", 4), 2) == [[], ["line 0"], ["line 0", "line 1"], ["line 1", "line 2"]]


def test_dialogues_may_be_interleaved_and_records_without_one_have_none() -> None:
    x, y = talk("x", 2), talk("y", 2)
    assert contexts([x[0], y[0], {"id": "alone", "text": "?"}, x[1], y[1]], 3) == [
        [],
        [],
        [],
        ["line 0"],
        ["line 0"],
    ]


def test_a_context_that_is_there_stays() -> None:
    mine = {**talk("x", 1)[0], "context": [{"text": "mine"}]}
    assert contexts([*talk("x", 1), mine], 3)[1] == ["mine"]


def test_many_dialogues_are_forgotten_in_the_order_of_their_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conversation, "OPEN", 2)
    x, y, z = (talk(name, 2) for name in "xyz")
    assert contexts([x[0], y[0], z[0], x[1], z[1]], 1) == [[], [], [], [], ["line 0"]]


def test_encode_reads_the_turns_before(emocli: Emocli, default_models: Path) -> None:
    flags = ("--modality", "text", "--encoder", "all-minilm-l6-v2", "--context", "2")
    done = emocli("encode", *flags, stdin=talk("x", 4))
    assert done.status == 0, done.stderr
    feature = done.records[3]["features"]["text"]
    assert feature["context"] == 2
    encoder = transformer_text.load(hub.resolve("all-minilm-l6-v2"))
    text = "b: line 1 [SEP] a: line 2 [SEP] b: line 3"
    (expected,) = transformer_text.encode(encoder, [text])
    np.testing.assert_allclose(feature["vector"], expected, atol=1e-5)
    separators = [token for token in transformer_text.tokens(encoder, text, None) if token == 102]
    assert len(separators) == 3  # [SEP] between the turns and at the end


def test_only_text_has_turns_before_it(emocli: Emocli) -> None:
    done = emocli("encode", "--modality", "audio", "--context", "2", stdin=talk("x", 1))
    assert done.status == 2
    assert "--modality text" in done.stderr


def test_shards_and_a_resumed_run_see_the_same_turns(
    emocli: Emocli, default_models: Path, tmp_path: Path
) -> None:
    lines = b"".join(orjson.dumps(r) + b"\n" for r in talk("x", 5) + talk("y", 5))
    flags = ("--modality", "text", "--as", "text", "--context", "1", "--batch-size", "1")
    unsharded = emocli("encode", *flags, stdin=lines).records
    parts = [
        emocli("encode", *flags, "--shard", f"{i}/3", "--allow-empty", stdin=lines)
        for i in (1, 2, 3)
    ]
    assert sorted(r["id"] for part in parts for r in part.records) == [r["id"] for r in unsharded]
    by_id = {r["id"]: r for r in unsharded}
    assert all(by_id[r["id"]]["context"] == r["context"] for part in parts for r in part.records)
    output = tmp_path / "out.jsonl"
    assert emocli("encode", *flags, "-o", str(output), "--resume", stdin=lines).status == 0
    kept = output.read_bytes().splitlines(keepends=True)
    assert [orjson.loads(line)["context"] for line in kept] == [r["context"] for r in unsharded]


def test_the_oldest_turns_give_way_to_the_limit(default_models: Path) -> None:
    encoder = transformer_text.load(hub.resolve("all-minilm-l6-v2"))
    turns = ["old " * 600, "middle " * 300, "mine"]
    assert transformer_text.joined(encoder, turns) == f"{'middle ' * 300} [SEP] mine"
    assert transformer_text.joined(encoder, ["long " * 900]) == "long " * 900


def test_a_dialogue_may_be_a_number() -> None:
    turns = [{"dialogue": name, "text": str(name)} for name in (1, "1", 1, True, "1")]
    found = conversation.with_context((dict(turn) for turn in turns), 3)
    assert [[t["text"] for t in r["context"]] for r in found] == [[], [], ["1"], [], ["1"]]
