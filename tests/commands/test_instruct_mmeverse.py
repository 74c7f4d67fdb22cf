"""`emocli instruct` with the tasks of MMEVerse: label spaces, descriptions, streams of a task."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from emocli.llm import answers, instructions
from tests.conftest import Emocli

Record = dict[str, Any]

SPACE = ["angry", "happy", "neutral", "sad", "surprise", "worried"]
WRITTEN = {
    "audio": "A low, slow voice.",
    "image": "She frowns.",
    "emotion": "She speaks slowly and frowns: she is worried.",
}


def clip(number: int = 0, **changes: Any) -> Record:
    described = {k: {"text": t, "by": "M-7B", "synthetic": True} for k, t in WRITTEN.items()}
    return {
        "id": f"mmeverse/mer2023/s{number}",
        "dataset": "mmeverse",
        "corpus": "mer2023",
        "text": "Where is he?",
        "prosody": {"summary": "Pitch is low."},
        "label": {"emotion": None, "original": "worried", "intent": "wishing"}
        | {"multi_original": ["sad", "worried"], "polarity": "negative"},
        "label_space": {"emotion": SPACE, "multi": SPACE, "intent": ["wishing", "agreeing"]},
        "descriptions": described,
        "features": {
            name: {"modality": modality, "encoder": "e", "revision": None, "layer": None}
            | {"pooling": "mean", "dim": 1, "vector": [1.0]}
            for name, modality in (("voice", "audio"), ("image", "image"), ("film", "video"))
        },
        **changes,
    }


def made(emocli: Emocli, *flags: str, **changes: Any) -> Record:
    outcome = emocli("instruct", *flags, stdin=[clip(**changes)])
    assert outcome.status == 0, outcome.stderr
    instruction: Record = outcome.records[0]["instruction"]
    return instruction


def test_there_is_a_task_for_all_that_mmeverse_asks() -> None:
    wanted = {"emotion", "sentiment", "intent", "multi", "open", "reason", "think", "audio"}
    assert wanted | {"image"} <= set(instructions.names())


@pytest.mark.parametrize(
    ("task", "answer", "labels"),
    [
        ("emotion", "worried", SPACE),
        ("multi", "sad, worried", SPACE),
        ("intent", "wishing", ["wishing", "agreeing"]),
        ("think", "worried", SPACE),
        ("sentiment", "negative", ["negative", "neutral", "positive"]),
    ],
)
def test_a_corpus_has_its_own_labels(
    task: str, answer: str, labels: list[str], emocli: Emocli
) -> None:
    instruction = made(emocli, "--task", task, "--neutral-out", "0")
    assert (instruction["answer"], instruction["labels"]) == (answer, labels)


def test_a_label_of_the_seven_is_asked_for_in_the_words_of_the_corpus(emocli: Emocli) -> None:
    instruction = made(emocli, "--neutral-out", "0", label={"emotion": "joy"})
    assert (instruction["answer"], instruction["labels"]) == ("happy", SPACE)
    chosen = made(emocli, "--labels", "joy,anger", label={"emotion": "joy", "original": "happy"})
    assert (chosen["answer"], chosen["labels"]) == ("joy", ["joy", "anger"])


def test_a_label_outside_of_the_list_of_its_corpus_fails(emocli: Emocli) -> None:
    outcome = emocli("instruct", stdin=[clip(label={"emotion": None, "original": "bored"})])
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == "unknown_label"
    assert "'bored' is not one of angry, happy" in outcome.records[0]["error"]["message"]


@pytest.mark.parametrize(
    ("task", "streams", "voice"),
    [("audio", ["voice"], True), ("image", ["image"], False), ("reason", None, True)],
)
def test_a_description_is_asked_of_the_streams_that_it_is_of(
    task: str, streams: list[str] | None, voice: bool, emocli: Emocli
) -> None:
    instruction = made(emocli, "--task", task, "--streams", "voice,image,film")
    assert instruction["streams"] == (streams or ["voice", "image", "film"])
    system, user, said = (m["content"] for m in instruction["messages"])
    assert said == instruction["answer"] == WRITTEN.get(task, WRITTEN["emotion"])
    assert ("Pitch is low." in user) == voice
    assert "Where is he?" in user
    assert said not in system + user
    assert instruction["labels"] == []
    assert instruction["made"]["described_by"] == "M-7B"


def test_think_puts_the_description_before_the_label(emocli: Emocli) -> None:
    instruction = made(emocli, "--task", "think")
    said = instruction["messages"][2]["content"]
    assert said == f"<think>{WRITTEN['emotion']}</think><answer>worried</answer>"
    assert instruction["rationale"] == "descriptions"
    assert instruction["made"]["described_by"] == "M-7B"
    assert answers.parse(said, instruction["labels"]).problem is None


@pytest.mark.parametrize("task", ["think", "reason", "audio", "image"])
@pytest.mark.parametrize(
    "text",
    [None, "", "word " * 121, "so <answer>joy</answer>"],
    ids=["none", "empty", "long", "tag"],
)
def test_without_a_description_of_use_the_label_is_asked_for(
    task: str, text: str | None, emocli: Emocli
) -> None:
    described = {} if text is None else {key: {"text": text, "by": "M-7B"} for key in WRITTEN}
    flags = ("--task", task, "--streams", "voice,image,film")
    instruction = made(emocli, *flags, descriptions=described)
    assert (instruction["task"], instruction["answer"]) == ("emotion", "worried")
    assert instruction["streams"] == ["voice", "image", "film"]
    assert instruction["made"]["instead_of"] == task
    assert "described_by" not in instruction["made"]


def test_what_takes_the_place_is_what_the_label_has(emocli: Emocli) -> None:
    for label, task in (
        ({"sentiment": -1.5}, "sentiment"),
        ({"multi_original": ["sad"]}, "multi"),
        ({"intent": "wishing"}, "intent"),
    ):
        assert made(emocli, "--task", "reason", descriptions={}, label=label)["task"] == task
    both = made(emocli, "--task", "think", label={"sentiment": 0.5})
    assert both["answer"] == "positive"
    assert set(both["labels"]) <= {"negative", "neutral", "positive"}


def test_neutral_is_left_out_at_the_published_rates(emocli: Emocli) -> None:
    for task, corpus, share in (("think", "mer2023", 0.8), ("think", "dfew", 0.5),
                                ("emotion", "mer2023", 0.5), ("multi", "mafw", 0.0)):  # fmt: skip
        clips = [clip(i, corpus=corpus) for i in range(600)]
        found = emocli("instruct", "--task", task, stdin=clips).records
        without = sum(r["instruction"]["made"]["without"] == ["neutral"] for r in found)
        assert without / 600 == pytest.approx(share, abs=0.06)


def test_of_several_tasks_one_is_drawn_for_each_record(emocli: Emocli) -> None:
    clips = [clip(i) for i in range(600)]
    found = emocli("instruct", "--task", "emotion,audio,image", stdin=clips).records
    drawn = Counter(r["instruction"]["task"] for r in found)
    assert set(drawn) == {"emotion", "audio", "image"}
    assert min(drawn.values()) > 160


def test_descriptions_of_another_form_fail_with_their_place(emocli: Emocli) -> None:
    for field, value in (("descriptions", "She frowns."), ("label_space", {"emotion": "joy"})):
        outcome = emocli("instruct", "--task", "think", stdin=[clip(**{field: value})])
        assert outcome.status == 1
        assert outcome.records[0]["error"]["code"] == f"bad_{field}"
        assert "Traceback" not in outcome.stderr
