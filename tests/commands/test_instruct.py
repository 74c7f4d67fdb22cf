"""`emocli instruct`: questions and answers that depend on seed, epoch and id alone."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emocli.bundles import language
from emocli.encoders.transformers_import import imported
from emocli.llm import answers, candidates, instructions, prompts, rewards
from emocli.records.labels import EMOTIONS
from emocli.stages import voice_levels
from emocli.stages.language_predictor import asking
from tests.conftest import Emocli

Record = dict[str, Any]

LEVELS = {"pitch": "high", "pitch_variation": "low", "tempo": "very high", "loudness": None}
PROSODY: Record = {
    "levels": LEVELS,
    "summary": "Pitch is high with low variation, tempo is very fast, without pauses.",
    "description": '/æ/ in "happy": low slope, high pitch, moderate intensity, low duration.',
    "vowels": [
        {"phone": "æ", "word": "happy", "start": 0.5}
        | {"levels": {"slope": "low", "pitch": "high", "intensity": "moderate", "duration": "low"}}
    ],
    "pause_count": 0,
}
LABEL: Record = {
    "emotion": "joy",
    "polarity": "positive",
    "valence": 4.26,
    "multi": ["joy", "surprise"],
}


def many(count: int = 1, **changes: Any) -> list[Record]:
    """Return records that have something for every task."""
    return [
        {"id": f"r{i}", "zebra": i, "text": f"I am happy {i}", "speaker": "Ann"}
        | {"label": LABEL, "prosody": PROSODY, "dataset": "made up", **changes}
        for i in range(count)
    ]


def made(emocli: Emocli, *flags: str, records: list[Record] | None = None) -> Record:
    outcome = emocli("instruct", *flags, stdin=many() if records is None else records)
    assert outcome.status == 0, outcome.stderr
    return outcome.records[-1]["instruction"]


def failure(emocli: Emocli, *flags: str, **changes: Any) -> str:
    outcome = emocli("instruct", *flags, stdin=[*many(), *many(1, id="bad", **changes)])
    assert outcome.status == 1
    assert [r["id"] for r in outcome.records] == ["r0", "bad"]
    assert "Traceback" not in outcome.stderr
    assert "instruction" not in outcome.records[1]
    return str(outcome.records[1]["error"]["code"])


def test_every_task_has_eight_wordings_or_more_that_name_what_is_asked() -> None:
    assert {"emotion", "sentiment", "valence", "open", "explanation"} <= set(instructions.names())
    for name in instructions.names():
        task = instructions.task(name)
        assert len(set(task.wordings)) == len(task.wordings) >= 8
        for number in range(len(task.wordings)):
            for form in task.contents["format"]:
                system = task.system(number, ["joy", "anger"], (1.0, 5.0), form)
                assert "$" not in system
                assert ("joy, anger" in system) == (task.kind in instructions.LISTED), system
                assert ("1.0" in system) == (task.kind == instructions.NUMBER), system
    for name in ("emotion", "explanation"):
        assert tuple(instructions.task(name).labels) == EMOTIONS


@pytest.mark.parametrize(
    ("task", "answer", "said", "labels"),
    [
        ("emotion", "joy", "Emotion: joy", list(EMOTIONS)),
        ("sentiment", "positive", "Sentiment: positive", ["negative", "neutral", "positive"]),
        ("valence", "4.3", "Valence: 4.3", []),
        ("open", "joy, surprise", "joy, surprise", []),
    ],
)
def test_the_answer_is_the_label(
    task: str, answer: str, said: str, labels: list[str], emocli: Emocli
) -> None:
    instruction = made(emocli, "--task", task, "--neutral-out", "0")
    assert (instruction["task"], instruction["answer"]) == (task, answer)
    assert instruction["labels"] == labels
    system, user, assistant = instruction["messages"]
    assert [m["role"] for m in (system, user, assistant)] == ["system", "user", "assistant"]
    assert assistant["content"] == said
    assert "I am happy 0" in user["content"]
    assert PROSODY["summary"] in user["content"]
    assert "Ann" not in user["content"]
    assert all(label in system["content"] for label in labels)


@pytest.mark.parametrize("form", ["plain", "thought"])
def test_predict_asks_in_the_same_words_and_scores_what_is_learned(
    form: str, emocli: Emocli
) -> None:
    turns = [{**r, "dialogue": "d", "speaker": who} for r, who in zip(many(3), "ABA", strict=True)]
    flags = ("--context", "2", "--prosody", "full", "--neutral-out", "0")
    decode = {"plain": prompts.CONSTRAINED, "thought": prompts.THINKING}[form]
    for task in ("emotion", "valence"):
        more = ("--rationale", "template") if form == "thought" else ()
        records = emocli("instruct", "--task", task, *flags, *more, stdin=turns).records
        trained = language.zero_shot("m", task, context=2, prosody="full", decode=decode)
        asked = prompts.template(task)
        for instruction, record in ((r["instruction"], r) for r in records):
            system, user, said = (m["content"] for m in instruction["messages"])
            utterance = asking.utterance(record, language.spec(trained))
            own_system, own_user = asked.messages(utterance, instruction["labels"], decode)
            assert user == own_user["content"]
            assert system.endswith(own_system["content"].partition("\n")[2].partition("\n")[2])
            before, after = asked.around(decode)
            listed = instruction["labels"] or candidates.numbers(asked.numbers or {})
            assert any(said.endswith(before + answer + after) for answer in listed)
            assert said == asked.completion(instruction["answer"], answers.parse(said).thought)


def test_numbers_are_written_as_they_are_scored(emocli: Emocli) -> None:
    for value, dataset, written in (
        (3.04, "x", "3.0"),
        (2.5, "mer2023", "+2.5"),
        (9, "deap", "9.0"),
    ):
        records = many(1, label={"valence": value}, dataset=dataset)
        assert made(emocli, "--task", "valence", records=records)["answer"] == written


def test_where_sentiment_is_a_number_its_sign_is_the_answer(emocli: Emocli) -> None:
    for value, word in ((-0.2, "negative"), (0, "neutral"), (2.4, "positive")):
        records = many(1, label={"sentiment": value}, dataset="mosi")
        assert made(emocli, "--task", "sentiment", records=records)["answer"] == word


def test_a_thought_is_true_and_every_reader_accepts_it(emocli: Emocli) -> None:
    for flags in (["--rationale", "template"], ["--task", "explanation", "--prosody", "full"]):
        instruction = made(emocli, *flags)
        said = instruction["messages"][2]["content"]
        assert instruction["rationale"] == "template"
        question = instruction["messages"][0]["content"]
        assert answers.parse(said, instruction["labels"], question).problem is None
        measured = voice_levels.measured(many()[0])
        assert rewards.truth(said, measured, least=3) == 1
        assert ('/æ/ in "happy"' in said) == ("full" in flags)


def test_a_thought_may_come_from_a_field(emocli: Emocli) -> None:
    flags = ("--rationale", "label.why")
    instruction = made(emocli, *flags, records=many(1, label={**LABEL, "why": "Fast\n speech."}))
    said = "<think>Fast speech.</think><answer>joy</answer>"
    assert (instruction["messages"][2]["content"], instruction["rationale"]) == (said, "label.why")
    assert made(emocli, "--rationale", "none")["rationale"] is None
    both = [{**r, "why": "Loud."} for r in many(2)]
    for why, code in (
        (None, "no_rationale"),
        (7, "no_rationale"),
        ("a <answer>b", "bad_rationale"),
        ("word " * 121, "bad_rationale"),
    ):
        outcome = emocli("instruct", "--rationale", "why", stdin=[both[0], {**both[1], "why": why}])
        assert outcome.status == 1
        assert outcome.records[1]["error"]["code"] == code
        assert "error" not in outcome.records[0]


def test_neutral_is_left_out_at_the_published_rates_and_never_as_the_answer(
    emocli: Emocli,
) -> None:
    for task, dataset, share in (
        ("emotion", "meld", 0.5),
        ("explanation", "MER2023", 0.8),
        ("explanation", "dfew", 0.5),
        ("sentiment", "mosi", 0.5),
    ):
        lines = emocli("instruct", "--task", task, stdin=many(1000, dataset=dataset)).records
        without = sum(r["instruction"]["made"]["without"] == ["neutral"] for r in lines)
        assert without / 1000 == pytest.approx(share, abs=0.05), (task, dataset)
        for instruction in (r["instruction"] for r in lines):
            listed = "neutral" in instruction["messages"][0]["content"].replace("is neutral", "")
            assert listed == ("neutral" in instruction["labels"])
    calm = many(50, label={"emotion": "neutral", "polarity": "neutral"})
    for task in ("emotion", "sentiment"):
        for record in emocli("instruct", "--task", task, "--neutral-out", "1", stdin=calm).records:
            assert "neutral" in record["instruction"]["labels"]
    assert "neutral" not in made(emocli, "--neutral-out", "1")["labels"]
    assert "neutral" in made(emocli, "--neutral-out", "0")["labels"]


def test_what_is_drawn_depends_on_seed_epoch_and_id_alone(emocli: Emocli) -> None:
    flags = ("--task", "emotion,sentiment,valence,open")
    records = many(60)
    first = emocli("instruct", *flags, stdin=records)
    assert emocli("instruct", *flags, stdin=records).stdout == first.stdout
    turned = emocli("instruct", *flags, stdin=records[::-1]).records[::-1]
    assert turned == first.records
    parts = [emocli("instruct", *flags, f"--shard={i}/3", stdin=records).records for i in (1, 2, 3)]
    assert sorted((r["id"], str(r)) for part in parts for r in part) == sorted(
        (r["id"], str(r)) for r in first.records
    )
    assert {r["instruction"]["task"] for r in first.records} == {*flags[1].split(",")}
    for other in (("--seed", "1"), ("--epoch", "1")):
        assert emocli("instruct", *flags, *other, stdin=records).stdout != first.stdout
    wordings = Counter(r["instruction"]["made"]["wording"] for r in first.records)
    assert len(wordings) >= 8


def test_one_of_the_tasks_that_a_label_can_answer_is_drawn(emocli: Emocli) -> None:
    records = many(20, label={"valence": 3})
    records += many(20, label={"emotion": "joy", "valence": 99})  # off the scale
    outcome = emocli("instruct", "--task", "emotion,valence", stdin=records)
    assert outcome.status == 0
    tasks = [r["instruction"]["task"] for r in outcome.records]
    assert tasks == ["valence"] * 20 + ["emotion"] * 20


def test_labels_may_be_others_and_are_spelt_as_they_are_given(emocli: Emocli) -> None:
    flags = ("--labels", "Angry,Happy,neutral", "--neutral-out", "1")
    happy = many(1, label={"emotion": "HAPPY"})
    instruction = made(emocli, *flags, records=happy)
    assert (instruction["answer"], instruction["labels"]) == ("Happy", ["Angry", "Happy"])
    assert made(emocli, records=happy)["answer"] == "joy"
    assert failure(emocli, label={"emotion": "boredom"}) == "unknown_label"


def test_the_scale_is_that_of_the_dataset(emocli: Emocli) -> None:
    records = many(1, label={"valence": -3.5}, dataset="mer2023")
    instruction = made(emocli, "--task", "valence", records=records)
    assert instruction["answer"] == "-3.5"
    assert "-5.0" in instruction["messages"][0]["content"]
    assert failure(emocli, "--task", "valence", label={"valence": -3.5}) == "off_scale"


def test_turns_before_are_told_with_their_speakers_made_anonymous(emocli: Emocli) -> None:
    turns = [
        {"id": f"t{i}", "dialogue": "d", "speaker": who, "text": f"line {i}", "label": LABEL}
        for i, who in enumerate(["Ann", "Bob", "Ann", "Bob"])
    ]
    user = made(emocli, "--context", "2", records=turns)["messages"][1]["content"]
    assert "line 0" not in user
    assert "Speaker_1: line 1" in user
    assert "Speaker_2: line 2" in user
    assert 'Speaker_1 says: "line 3"' in user
    assert "line 2" not in made(emocli, records=turns)["messages"][1]["content"]


def test_the_voice_is_told_as_asked(emocli: Emocli) -> None:
    texts = {
        flag: made(emocli, "--prosody", flag)["messages"][1]["content"]
        for flag in ("none", "summary", "full")
    }
    assert PROSODY["summary"] not in texts["none"]
    assert PROSODY["summary"] in texts["summary"]
    assert PROSODY["description"] not in texts["summary"]
    assert PROSODY["summary"] in texts["full"]
    assert PROSODY["description"] in texts["full"]


@pytest.mark.parametrize(
    ("code", "flags", "changes"),
    [
        ("no_label", [], {"label": None}),
        ("no_label", [], {"label": {"emotion": None}}),
        ("bad_label", [], {"label": "joy"}),
        ("bad_label", [], {"label": {"emotion": 7}}),
        ("nothing_told", [], {"text": None, "prosody": None}),
        ("nothing_told", ["--prosody", "none"], {"text": " "}),
        ("no_prosody", ["--prosody", "summary"], {"prosody": {}}),
        ("no_vowels", ["--prosody", "full"], {"prosody": {**PROSODY, "description": None}}),
        ("no_levels", ["--rationale", "template"], {"prosody": {"summary": "x"}}),
        ("bad_prosody", [], {"prosody": "high"}),
        ("bad_context", ["--context", "1"], {"context": ["what?"]}),
    ],
)
def test_a_record_that_cannot_be_asked_about_fails_alone(
    code: str, flags: list[str], changes: Record, emocli: Emocli
) -> None:
    assert failure(emocli, *flags, **changes) == code


def test_streams_are_named_and_have_to_be_there(emocli: Emocli) -> None:
    features = {"voice": {"modality": "audio", "dim": 2, "vector": [0.1, 0.2]}}
    silent = many(1, features=features, text=None, prosody=None)
    assert made(emocli, "--streams", "voice", records=silent)["streams"] == ["voice"]
    outcome = emocli("instruct", "--streams", "face", stdin=silent)
    assert outcome.records[0]["error"]["code"] == "no_features"


def test_rows_for_trl_are_prompts_and_completions(emocli: Emocli) -> None:
    lines = [*many(2), {"id": "bad", "text": "x"}]
    own = emocli("instruct", stdin=lines).records
    outcome = emocli("instruct", "--to", "trl", stdin=lines)
    assert outcome.status == 1
    for row, record in zip(outcome.records[:2], own, strict=False):
        instruction = record["instruction"]
        assert row["prompt"] == instruction["messages"][:2]
        assert row["completion"] == instruction["messages"][2:]
        assert row["completion"] == [{"role": "assistant", "content": "Emotion: joy"}]
        assert (row["id"], row["answer"]) == (record["id"], "joy")
        assert row.keys() == {"id", "prompt", "completion", "task", "answer", "labels", "streams"}
    assert outcome.records[2].keys() == {"id", "error"}


def test_rows_for_sharegpt_are_conversations(emocli: Emocli) -> None:
    record = emocli("instruct", "--to", "sharegpt", stdin=many()).records[0]
    instruction = made(emocli)
    system, user, assistant = (m["content"] for m in instruction["messages"])
    assert record["system"] == system
    assert record["conversations"] == [
        {"from": "human", "value": user},
        {"from": "gpt", "value": assistant},
    ]


@pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="trl is not installed")
def test_trl_takes_the_rows_as_conversations(emocli: Emocli) -> None:
    imported()  # else a torchaudio that cannot be loaded breaks it
    from trl.data_utils import is_conversational

    assert is_conversational(emocli("instruct", "--to", "trl", stdin=many()).records[0])


def test_a_record_keeps_its_fields_and_asking_again_replaces_the_question(
    emocli: Emocli, tmp_path: Path
) -> None:
    once = emocli("instruct", stdin=many(3))
    for before, after in zip(many(3), once.records, strict=True):
        assert {key: after[key] for key in before} == before
        assert list(after) == [*before, "instruction"]
    assert emocli("instruct", stdin=once.stdout).stdout == once.stdout
    target = tmp_path / "out.jsonl"
    assert emocli("instruct", "-o", str(target), stdin=many(3)).status == 0
    assert target.read_bytes() == once.stdout
    resumed = emocli("instruct", "-o", str(target), "--resume", stdin=many(4))
    assert resumed.status == 0
    assert target.read_bytes() == emocli("instruct", stdin=many(4)).stdout


def test_what_failed_before_flows_past(emocli: Emocli) -> None:
    broken = {"id": "b", "error": {"stage": "x", "code": "y", "message": "z", "hint": ""}}
    for flags in ([], ["--to", "trl"]):
        outcome = emocli("instruct", *flags, stdin=[broken, *many()])
        assert outcome.status == 0
        assert outcome.records[0] == broken


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--task", "no-such"], "unknown task no-such"),
        (["--task", "emotion,emotion"], "--task"),
        (["--labels", "joy,,anger"], "--labels"),
        (["--streams", ""], "--streams"),
        (["--prosody", "some"], "--prosody some"),
        (["--to", "alpaca"], "--to alpaca"),
        (["--task", "explanation", "--rationale", "none"], "--rationale none"),
        (["--neutral-out", "2"], "--neutral-out"),
    ],
)
def test_flags_that_make_no_sense_are_usage(flags: list[str], said: str, emocli: Emocli) -> None:
    outcome = emocli("instruct", *flags, stdin=many())
    assert outcome.status == 2
    assert said in outcome.stderr


def test_an_id_may_be_a_number_or_missing(emocli: Emocli) -> None:
    for record in (many(1, id=7), [{k: v for k, v in many()[0].items() if k != "id"}]):
        assert emocli("instruct", stdin=record).status == 0
