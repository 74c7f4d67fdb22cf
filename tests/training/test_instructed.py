"""Records of `instruct` are trained as they are: their messages, their answer, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emocli.bundles import bundle
from emocli.errors import RecordError
from emocli.llm import prompts
from emocli.training.language import instructed
from tests.conftest import Emocli
from tests.llm import tiny_language

LABELS = ["joy", "anger"]
TURNS = [
    {"role": "system", "content": "Name it."},
    {"role": "user", "content": "joyful"},
    {"role": "assistant", "content": "Emotion: joy"},
]


def labelled(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{i}",
            "text": LABELS[i % 2],
            "speaker": f"s{i // 2 % 6}",
            "label": {"emotion": LABELS[i % 2]},
        }
        for i in range(count)
    ]


def test_the_last_turn_is_learned_after_all_the_others() -> None:
    model = tiny_language.model()
    turns = instructed.messages({"instruction": {"messages": TURNS}})
    assert turns
    made = instructed.example(model, turns)
    assert list(made.prompt) == prompts.tokens(model, TURNS[:2])
    assert list(made.completion) == [*model.tokens("Emotion: joy"), *model.ends[:1]]


def test_messages_without_an_answer_are_not_learned_and_bad_ones_are_refused() -> None:
    assert instructed.messages({}) is None
    assert instructed.messages({"instruction": {"task": "emotion"}}) is None
    assert instructed.messages({"instruction": {"messages": TURNS[:2]}}) is None
    wrong: list[Any] = ["joy", [], TURNS[2:], [{"role": "user"}, TURNS[2]], [TURNS[0], "joy"]]
    wrong += [[{"role": "tool", "content": "x"}, TURNS[2]]]
    for found in wrong:
        with pytest.raises(RecordError, match="no messages"):
            instructed.messages({"instruction": {"messages": found}})


def test_messages_that_are_too_long_are_refused_not_cut() -> None:
    turns = [TURNS[0], {"role": "user", "content": "joy " * 600}, TURNS[2]]
    with pytest.raises(RecordError, match="the model reads 512"):
        instructed.example(tiny_language.model(), turns)


def test_what_instruct_writes_is_trained_in_a_pipe_and_mixed_with_labelled_records(
    emocli: Emocli, tmp_path: Path
) -> None:
    backbone = str(tiny_language.write(tmp_path / "tiny", limit=2048))
    asked = emocli("instruct", "--labels", "joy,anger,fear", stdin=labelled(24))
    assert asked.status == 0, asked.stderr
    plain = [{**r, "id": f"plain-{r['id']}"} for r in labelled(24)]
    settings = tmp_path / "settings.toml"
    settings.write_text(
        "[training]\nepochs = 5\nlearning_rate = 0.01\nbatch_size = 4\ndropout = 0.0\nrank = 8\n"
    )
    log = tmp_path / "log.jsonl"
    given = ("--model", "language", "--backbone", backbone, "--config", str(settings))
    written = ("--log", str(log), "-o", str(tmp_path / "m"))
    made = emocli("train", *given, *written, stdin=[*asked.records, *plain])
    assert made.status == 0, made.stderr
    assert "24 records learned as `instruction` has them" in made.stderr
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["train_loss"] > 3 * lines[-1]["train_loss"]
    assert bundle.read(tmp_path / "m").contents["labels"] == LABELS  # as predict asks: by template
    found = emocli("predict", "-m", str(tmp_path / "m"), stdin=labelled(8)).records
    assert all(r["prediction"]["emotion"] == r["label"]["emotion"] for r in found)


def test_thoughts_that_predict_will_not_ask_for_are_told() -> None:
    thought = {"role": "assistant", "content": "<think>high</think><answer>joy</answer>"}
    counted = instructed.Instructed()
    for last in (TURNS[2], thought):
        counted.add({"instruction": {"messages": [*TURNS[:2], last]}})
    assert "2 records learned" in counted.told(rewarded=False, thinking=True)
    assert "no thought" in counted.told(rewarded=False, thinking=False)
    assert "no thought" not in counted.told(rewarded=False, thinking=True)
    assert "not read" in counted.told(rewarded=True, thinking=True)
    assert instructed.Instructed().told(rewarded=False, thinking=False) == ""
