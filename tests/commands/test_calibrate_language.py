"""Calibrate a language model: what it says to anything, and how sure it is, kept in a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from emocli.bundles import language
from emocli.records.labels import EMOTIONS
from tests.conftest import Emocli
from tests.llm import tiny_language

Record = dict[str, Any]

WORDS = ("yes", "no", "well", "why", "never", "of course", "I see", "look at that", "go", "stop")


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny", limit=2048))


def given(count: int = 40) -> list[Record]:
    random = np.random.default_rng(0)
    return [
        {"id": f"r{i}", "text": f"{WORDS[i % 10]} {i}", "label": {"emotion": str(emotion)}}
        for i, emotion in enumerate(random.choice(EMOTIONS, count))
    ]


def logs(emocli: Emocli, *argv: str, records: list[Record]) -> np.ndarray:
    """Return the log-probabilities that are predicted."""
    outcome = emocli("predict", *argv, stdin=records)
    assert outcome.status == 0, outcome.stderr
    found = [list(r["prediction"]["probabilities"].values()) for r in outcome.records]
    return np.log(np.array(found))


def of(folder: Path) -> Record:
    return dict(orjson.loads((folder / "config.json").read_bytes()))


def test_the_mean_and_the_temperature_of_a_file_are_kept_in_a_bundle(
    emocli: Emocli, llm: str, tmp_path: Path
) -> None:
    records, folder = given(), tmp_path / "fitted"
    outcome = emocli("calibrate", "--llm", llm, "-o", str(folder), stdin=records)
    assert outcome.status == 0, outcome.stderr
    (row,) = outcome.records
    assert row["model"].startswith("tiny@local:")
    kept = of(folder)
    raw = logs(emocli, "--llm", llm, "--prior", "none", records=records)
    assert (kept["prior"], row["prior"]) == ("fitted", "fitted")
    counts = [1 + sum(r["label"]["emotion"] == name for r in records) for name in EMOTIONS]
    prior = raw.mean(0) - np.log(counts)
    differences = np.array(kept["prior_values"]) - prior  # logs that sum to one, or not
    np.testing.assert_allclose(differences - differences.mean(), 0, atol=1e-4)
    warmth = kept["calibration"]["temperature"]
    expected = (raw - prior) / warmth
    expected -= np.log(np.exp(expected).sum(1, keepdims=True))
    found = logs(emocli, "-m", str(folder), records=records)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    (alone,) = emocli("predict", "-m", str(folder), stdin=records[:1]).records
    assert alone["prediction"]["calibrated"] is True
    assert alone["prediction"]["prompting"]["prior"] == "fitted"
    shares = np.log(list(alone["prediction"]["probabilities"].values()))
    np.testing.assert_allclose(shares, found[0], atol=1e-4)
    loss = row["log_loss"]
    assert loss["after"] < loss["before"]
    assert "Calibrated by" in (folder / "card.md").read_text()


def test_what_subtracts_nothing_goes_on_doing_so(emocli: Emocli, llm: str, tmp_path: Path) -> None:
    contents = language.zero_shot(llm, "emotion", prior="none").contents
    language.save(tmp_path / "m", contents, "# tiny\n", None)
    outcome = emocli("calibrate", "-m", str(tmp_path / "m"), stdin=given())  # in place
    assert outcome.status == 0, outcome.stderr
    kept = of(tmp_path / "m")
    assert kept["prior"] == "none"
    assert kept["calibration"]["temperature"] != 1
    loss = outcome.records[0]["log_loss"]
    assert loss["after"] <= loss["before"]


@pytest.mark.parametrize("method", ["temperature", "vector"])
def test_an_answer_after_a_thought_is_calibrated_as_well(
    emocli: Emocli, llm: str, tmp_path: Path, method: str
) -> None:
    contents = language.zero_shot(llm, "emotion", decode="thought", prior="none").contents
    language.save(tmp_path / "m", contents, "# tiny\n", None)
    argv = ("calibrate", "-m", str(tmp_path / "m"), "-o", str(tmp_path / "n"), "--method", method)
    assert emocli(*argv, stdin=given(6)).status == 0
    (record,) = emocli("predict", "-m", str(tmp_path / "n"), stdin=given(1)).records
    assert record["prediction"]["calibrated"] is True
    assert record["prediction"]["explanation"]


def test_records_without_label_or_words_are_counted(
    emocli: Emocli, llm: str, tmp_path: Path
) -> None:
    bad: list[Record] = [
        {"id": "a", "text": "yes"},
        {"id": "b", "text": "yes", "label": {"emotion": "boredom"}},
        {"id": "c", "label": {"emotion": "joy"}},
        {"id": "d", "text": "word " * 3000, "label": {"emotion": "joy"}},
    ]
    argv = ("calibrate", "--llm", llm, "-o", str(tmp_path / "m"))
    outcome = emocli(*argv, stdin=[*given(10), *bad])
    assert outcome.status == 0, outcome.stderr
    assert outcome.records[0]["records"] == 10
    assert sum(outcome.records[0]["skipped"].values()) == 4
    assert emocli(*argv, stdin=bad).status == 5


@pytest.mark.parametrize(
    ("flags", "status", "said"),
    [
        ([], 2, "--model BUNDLE"),
        (["--llm", "LLM"], 2, "--output DIR"),
        (["--llm", "LLM", "-m", "x", "-o", "OUT"], 2, "only one of them"),
        (["--llm", "LLM", "--template", "valence", "-o", "OUT"], 2, "regression heads only"),
        (["--llm", "LLM", "--decoder", "expected", "-o", "OUT"], 2, "does not predict blends"),
        (["-m", "GREEDY"], 2, "has no probabilities"),
        (["-m", "GREEDY", "--context", "3"], 2, "--context says how --llm is asked"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_before_any_record(
    emocli: Emocli, llm: str, tmp_path: Path, flags: list[str], status: int, said: str
) -> None:
    contents = language.zero_shot(llm, "emotion", decode="greedy").contents
    language.save(tmp_path / "greedy", contents, "card", None)
    places = {"LLM": llm, "OUT": str(tmp_path / "o"), "GREEDY": str(tmp_path / "greedy")}
    outcome = emocli("calibrate", *[places.get(flag, flag) for flag in flags], stdin=given(3))
    assert outcome.status == status, outcome.stderr
    assert said in outcome.stderr
    assert outcome.stdout == b""
    assert not (tmp_path / "o").exists()


def test_labels_of_a_language_bundle_are_drawn_by_annotate(
    emocli: Emocli, llm: str, tmp_path: Path
) -> None:
    contents = language.zero_shot(llm, "emotion", context=1).contents
    language.save(tmp_path / "m", contents, "card", None)
    talk = [{"id": f"t{i}", "dialogue": "d", "text": word} for i, word in enumerate(WORDS[:3])]
    argv = ("annotate", "-m", str(tmp_path / "m"), "--n", "3")
    outcome = emocli(*argv, stdin=talk)
    assert outcome.status == 0, outcome.stderr
    for record in outcome.records:
        assert len(record["annotations"]) == 3
        assert record["prediction"]["prompting"]["context"] == 1
    whole = emocli("predict", "-m", str(tmp_path / "m"), stdin=talk).records
    predictions = [
        [r["prediction"]["probabilities"] for r in rs] for rs in (outcome.records, whole)
    ]
    assert predictions[0] == predictions[1]
