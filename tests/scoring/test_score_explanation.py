"""`score --task explanation`, against figures worked out by hand."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Emocli

Record = dict[str, Any]

VOICE: Record = {
    "levels": {"pitch": "high", "tempo": "very low", "loudness": None, "clarity": "moderate"},
    "vowels": [{"phone": "æ", "word": "happy", "start": 0.5, "levels": {"pitch": "low"}}],
    "pause_count": 1,
}


def record(number: int, text: Any, answer: str | None = "joy", **fields: Any) -> Record:
    return {
        "id": f"u{number}",
        "speaker": f"s{number % 2}",
        "label": {"emotion": "joy"},
        "prosody": VOICE,
        "prediction": {"emotion": answer, "explanation": text},
        **fields,
    }


def scored(emocli: Emocli, records: list[Record], *flags: str) -> Record:
    outcome = emocli("score", "--task", "explanation", "--bootstrap", "0", *flags, stdin=records)
    assert outcome.status == 0, outcome.stderr
    return outcome.records[0]


def test_citations_are_counted_over_all_records(emocli: Emocli) -> None:
    row = scored(
        emocli,
        [
            record(
                0, 'Pitch is high, tempo is very slow, with a pause; /æ/ in "happy": low pitch.'
            ),
            record(1, "Pitch is low, the voice is moderately clear."),
            record(2, "They speak."),
            record(3, "Pitch is high, with 2 pauses."),
        ],
    )
    assert row["cited_true"] == pytest.approx(5 / 6)
    assert row["all_true"] == pytest.approx(1 / 4)  # the pauses of the last are wrong
    assert row["covered"] == pytest.approx(3 / 8)
    assert row["covered_vowels"] == pytest.approx(1 / 4)
    assert row["cited"] == pytest.approx(6 / 4)
    assert row["cited_3"] == pytest.approx(1 / 4)
    assert row["well_formed"] == 1
    assert row["with_levels"] == 4


def test_a_record_without_measured_levels_says_nothing_of_citations(emocli: Emocli) -> None:
    bare = record(0, "Pitch is high.", prosody=None)
    row = scored(emocli, [bare])
    assert (row["cited_true"], row["cited"], row["with_levels"]) == (None, None, 0)
    both = scored(emocli, [bare, record(1, "Pitch is low.")])
    assert (both["cited_true"], both["cited"]) == (0, 1)


def test_the_form_is_that_of_the_answer_that_was_read(emocli: Emocli) -> None:
    failed = record(0, "joy joy", None)
    failed["prediction"]["warnings"] = {"answer": "no thought: 'joy joy'"}
    records = [
        failed,
        record(1, "Pitch is high."),
        record(2, "<think>Pitch is high.</think><answer>joy</answer>"),
        record(3, "<think>Pitch is high.</think>joy"),
        record(4, " ... "),
    ]
    row = scored(emocli, records)
    assert row["well_formed"] == pytest.approx(2 / 5)
    assert row["cited_true"] == 1


def test_agreement_is_of_thoughts_that_name_a_feeling(emocli: Emocli) -> None:
    records = [
        record(0, "She sounds happy.", "joy"),
        record(1, "She sounds furious.", "joy"),
        record(2, "She sounds cheerful, not furious.", "joy"),
        record(3, "Pitch is high.", "joy"),
        record(4, "She sounds furious.", "neutral"),
        record(5, "She sounds furious.", None),
    ]
    row = scored(emocli, records)
    assert row["label_agreement"] == pytest.approx(2 / 3)
    assert row["with_feelings"] == 3


def test_hits_are_means_over_wheels_of_those_labels_that_they_know(emocli: Emocli) -> None:
    records = [
        record(0, "x y", "happy"),
        record(1, "x y", "furious"),
        record(2, "x y", None),
        record(3, "x y", "joy", label={"emotion": "neutral"}),  # on no wheel
        record(4, "x y", "joy", label=None),
    ]
    row = scored(emocli, records)
    assert row["hit_rate"] == pytest.approx(1 / 3)
    assert row["wheel_precision"] == row["wheel_recall"] == row["wheel_f1"] == row["hit_rate"]
    assert row["with_labels"] == 3
    several = record(0, "x y", label={"multi": ["joy", "anger", "fear"]})
    several["prediction"]["multi"] = ["happy", "sad"]
    row = scored(emocli, [several])
    assert row["hit_rate"] == 1
    assert row["wheel_precision"] == pytest.approx(1 / 2)
    assert row["wheel_recall"] == pytest.approx(1 / 3)
    assert row["wheel_f1"] == pytest.approx(2 / 5)


def test_intervals_resample_speakers_and_limits_hold(emocli: Emocli) -> None:
    records = [
        record(i, "Pitch is high." if i % 3 else "Pitch is low.", speaker=f"s{i % 5}")
        for i in range(40)
    ]
    flags = ("score", "--task", "explanation", "--bootstrap", "200")
    outcome = emocli(*flags, "--min", "cited_true=0.9", stdin=records)
    assert outcome.status == 6
    row = outcome.records[0]
    low, high = row["intervals"]["cited_true"]
    assert low < row["cited_true"] < high
    assert (row["resampled"], row["clusters"]) == ("speaker", 5)
    assert emocli(*flags, "--by", "speaker", "--table", stdin=records).status == 0
    csv = emocli(*flags, "--format", "csv", stdin=records).stdout.decode()
    assert "cited_true,cited_true_low,cited_true_high" in csv


def test_two_files_are_compared(emocli: Emocli, tmp_path: Path) -> None:
    import orjson

    other = tmp_path / "other.jsonl"
    other.write_bytes(b"".join(orjson.dumps(record(i, "Pitch is low.")) + b"\n" for i in range(12)))
    ours = [record(i, "Pitch is high.") for i in range(12)]
    flags = ("--bootstrap", "50", "--compare", str(other))
    row = emocli("score", "--task", "explanation", *flags, stdin=ours).records[0]
    assert row["compared"]["cited_true"]["difference"] == 1


def judge(tmp_path: Path, body: str) -> str:
    program = tmp_path / "judge.py"
    program.write_text(
        f"import json, sys\nfor line in sys.stdin:\n    r = json.loads(line)\n{body}"
    )
    return shlex.join([sys.executable, str(program)])


def test_a_judge_reads_records_and_answers_numbers(emocli: Emocli, tmp_path: Path) -> None:
    body = (
        "    joyful = r['label']['emotion'] == 'joy'\n"
        "    print(len(r['prediction']['explanation']) + joyful, flush=True)"
    )
    records = [record(0, "a b"), record(1, "abcde"), {"id": "e", "error": {"code": "x"}}]
    row = scored(emocli, records, "--judge", judge(tmp_path, body))
    assert row["judge"] == pytest.approx((4 + 6) / 2)
    assert row["judgements"] == 2
    assert scored(emocli, records)["judge"] is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    print('good', flush=True)", "the judge answered 'good'"),
        ("    print('nan', flush=True)", "the judge answered 'nan'"),
        ("    sys.exit(3)", "the judge ended without an answer (exit status 3)"),
    ],
)
def test_a_judge_that_fails_is_named(body: str, said: str, emocli: Emocli, tmp_path: Path) -> None:
    flags = ("--task", "explanation", "--judge", judge(tmp_path, body))
    outcome = emocli("score", *flags, stdin=[record(0, "a b"), record(1, "c d")])
    assert outcome.status == 1
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--judge", "cat"], "--judge needs --task explanation"),
        (["--task", "explanation", "--judge", "no-such-program"], "--judge no-such-program"),
        (["--task", "explanation", "--judge", " "], "--judge is empty"),
        (["--task", "explanation", "--judge", "x 'y"], "No closing quotation"),
    ],
)
def test_a_judge_that_is_none_is_usage(flags: list[str], said: str, emocli: Emocli) -> None:
    outcome = emocli("score", *flags, stdin=[record(0, "a b")])
    assert outcome.status == 2
    assert said in outcome.stderr


def test_a_prediction_without_an_explanation_is_a_failure(emocli: Emocli) -> None:
    bare = {"id": "x", "label": {"emotion": "joy"}, "prediction": {"emotion": "joy"}}
    outcome = emocli("score", "--task", "explanation", stdin=[bare, record(0, "a b")])
    assert outcome.status == 1
    assert "has no explanation" in outcome.stderr
    assert outcome.records[0]["failed"] == 1
