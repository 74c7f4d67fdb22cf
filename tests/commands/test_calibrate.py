"""Calibrate: probabilities that mean what they say, written into the bundle and nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import scipy.optimize
import scipy.special

from emocli.bundles import bundle
from tests.commands import bundles
from tests.conftest import Emocli

Record = dict[str, Any]

HEADS: dict[str, list[Record]] = {
    "emotion": [{"target": "emotion", "kind": "classes", "labels": bundles.LABELS}],
    "distribution": [{"target": "distribution", "kind": "shares", "labels": bundles.LABELS}],
    "blend": [{"target": "blend", "kind": "blend", "labels": bundles.LABELS}],
}


def answers(emocli: Emocli, folder: Path, given: list[Record]) -> np.ndarray:
    """Return the log-probabilities that a bundle gives."""
    found = emocli("predict", "-m", str(folder), stdin=given).records
    return np.log([list(r["prediction"]["probabilities"].values()) for r in found])


def labelled(emocli: Emocli, folder: Path, target: str, count: int = 300) -> list[Record]:
    """Return records with labels drawn from what the bundle says, but half as sure, and bent."""
    given = bundles.records("mean", count)
    random = np.random.default_rng(3)
    bent = [-0.7, 0.0, 0.4] if target == "blend" else [0.7, 0.0, -1.5]
    true = scipy.special.softmax(answers(emocli, folder, given) / 2 + bent, axis=1)
    for record, shares in zip(given, true, strict=True):
        votes = random.multinomial(1 if target == "emotion" else 5, shares)
        if target == "emotion":
            record["label"] = {"emotion": bundles.LABELS[int(votes.argmax())]}
        elif target == "distribution":
            record["label"] = {"votes": dict(zip(bundles.LABELS, votes.tolist(), strict=True))}
        else:
            record["label"] = {"blend": blend(shares)}
    return given


def blend(shares: np.ndarray) -> Record:
    """Return joy and anger in the shares of BLEMORE, or one emotion alone."""
    _neutral, joy, anger = shares
    if shares.argmax() == 0 or min(joy, anger) < 0.2:
        return {bundles.LABELS[int(shares.argmax())]: 100}
    if abs(joy - anger) < 0.2:
        return {"joy": 50, "anger": 50}
    return {"joy": 70, "anger": 30} if joy > anger else {"joy": 30, "anger": 70}


def truth(given: list[Record]) -> np.ndarray:
    rows = []
    for record in given:
        label = record["label"]
        shares = label.get("votes") or label.get("blend") or {label.get("emotion"): 1}
        rows.append([shares.get(name, 0) / sum(shares.values()) for name in bundles.LABELS])
    return np.array(rows)


def loss(logs: np.ndarray, shares: np.ndarray) -> float:
    return float(-(shares * scipy.special.log_softmax(logs, axis=1)).sum(1).mean())


@pytest.mark.parametrize("target", HEADS)
@pytest.mark.parametrize("method", ["temperature", "vector"])
def test_what_predict_says_fits_the_labels_better(
    emocli: Emocli, tmp_path: Path, target: str, method: str
) -> None:
    folder = bundles.save(tmp_path / "m", "gated", heads=HEADS[target]).folder
    given = labelled(emocli, folder, target)
    raw, shares = answers(emocli, folder, given), truth(given)
    done = emocli("calibrate", "-m", str(folder), "--method", method, stdin=given)
    assert done.status == 0, done.stderr
    (row,) = done.records
    assert (row["records"], row["skipped"], row["method"]) == (300, {}, method)
    assert row["log_loss"]["before"] == pytest.approx(loss(raw, shares), abs=1e-4)
    after = answers(emocli, folder, given)
    assert row["log_loss"]["after"] == pytest.approx(loss(after, shares), abs=1e-4)
    assert row["log_loss"]["after"] < row["log_loss"]["before"] - 0.01
    assert row["ece"]["after"] < row["ece"]["before"]
    if method == "temperature":
        best = scipy.optimize.minimize_scalar(
            lambda t: loss(raw / t, shares), bounds=(0.1, 16), method="bounded"
        )
        assert row["calibration"]["temperature"] == pytest.approx(best.x, rel=0.01)
    found = emocli("predict", "-m", str(folder), stdin=given[:1]).records[0]["prediction"]
    assert found["calibrated"] is True
    assert found["calibrated_on"] == "300 records given to calibrate"
    assert found["model"] == row["calibrated_model"] != row["model"]
    for words in ("log_loss", "ece", f"300 records -> {folder}", "optimistic"):
        assert words in done.stderr


def test_a_vector_does_more_than_a_temperature_and_starts_from_the_logits(
    emocli: Emocli, tmp_path: Path
) -> None:
    folder = bundles.save(tmp_path / "m", "late-fusion").folder
    given = labelled(emocli, folder, "emotion")
    flags = ("calibrate", "-m", str(folder), "--method")
    first, second, again = (
        emocli(*flags, method, stdin=given).records[0]
        for method in ("temperature", "vector", "temperature")
    )
    assert second["log_loss"]["before"] == pytest.approx(first["log_loss"]["after"])
    assert second["log_loss"]["after"] < first["log_loss"]["after"] - 0.01
    assert again["calibration"] == first["calibration"]
    card = (folder / "card.md").read_text().splitlines()
    assert [line[:12] for line in card] == ["# card", "", "Calibrated b"]
    assert "(temperature) on 300 records" in card[-1]
    assert bundle.read(folder).model() is not None


@pytest.mark.parametrize("rule", ["published", "expected"])
def test_blends_are_decoded_anew(emocli: Emocli, tmp_path: Path, rule: str) -> None:
    folder = bundles.save(tmp_path / "m", "gated", heads=HEADS["blend"]).folder
    given = labelled(emocli, folder, "blend")
    done = emocli("calibrate", "-m", str(folder), "--decoder", rule, stdin=given)
    assert done.status == 0, done.stderr
    (row,) = done.records
    assert row["decoder"]["rule"] == rule
    assert row["blend_score"]["after"] > row["blend_score"]["before"]
    found = emocli("predict", "-m", str(folder), stdin=given).records
    right = [r["prediction"]["blend"] == r["label"]["blend"] for r in found]
    several = [len(r["label"]["blend"]) == 2 for r in found]
    same = [set(r["prediction"]["blend"]) == set(r["label"]["blend"]) for r in found]
    score = (np.mean(same) + np.mean([r for r, s in zip(right, several, strict=True) if s])) / 2
    assert row["blend_score"]["after"] == pytest.approx(score)
    kept = emocli("calibrate", "-m", str(folder), stdin=given).records[0]
    assert kept["decoder"] == row["decoder"]


def test_another_folder_leaves_the_bundle_alone(emocli: Emocli, tmp_path: Path) -> None:
    before = bundles.save(tmp_path / "m", "concat")
    given = labelled(emocli, before.folder, "emotion", 40)
    other = tmp_path / "new" / "calibrated"
    done = emocli("calibrate", "-m", str(before.folder), "-o", str(other), stdin=given)
    assert done.status == 0, done.stderr
    assert bundle.read(before.folder).digest == before.digest
    contents = bundle.read(other).contents
    assert contents["calibration"] == done.records[0]["calibration"]
    assert contents["calibrated_on"]["records"] == 40
    assert contents["canary"] == before.contents["canary"]
    weights = [(f / "model.safetensors").read_bytes() for f in (before.folder, other)]
    assert weights[0] == weights[1]


@pytest.mark.usefixtures("default_models")
def test_the_shipped_model_is_calibrated_elsewhere(emocli: Emocli, tmp_path: Path) -> None:
    given = [{"id": "a", "text": "I am so happy!", "label": {"emotion": "joy"}}]
    given.append({"id": "b", "text": "I hate you.", "label": {"emotion": "anger"}})
    for flags in ((), ("-o", str(bundle.DEFAULT))):
        done = emocli("calibrate", "-m", "default", *flags, stdin=given)
        assert done.status == 2
        assert "the shipped model is never overwritten" in done.stderr
    done = emocli("calibrate", "-m", "default", "-o", str(tmp_path / "own"), stdin=given)
    assert done.status == 0, done.stderr
    found = emocli("predict", "-m", str(tmp_path / "own"), "--text", "hello").records[0]
    assert found["prediction"]["model"] == done.records[0]["calibrated_model"]


def test_what_cannot_be_used_is_counted_and_said(emocli: Emocli, tmp_path: Path) -> None:
    folder = bundles.save(tmp_path / "m", "gated").folder
    given = labelled(emocli, folder, "emotion", 12)
    bad = [
        {"id": "x", "label": {"emotion": "joy"}, "error": {"message": "broken"}},
        {"id": "y", "label": {"emotion": "joy"}},
        {"id": "z", "features": given[0]["features"]},
        {"id": "w", "features": given[0]["features"], "label": {"emotion": "awe"}},
    ]
    done = emocli("calibrate", "-m", str(folder), stdin=given + bad)
    assert done.status == 0
    expected = {"error": 2, "no label": 1, "a label the model does not know": 1}
    assert done.records[0]["skipped"] == expected
    assert "2 records skipped: error" in done.stderr
    for stdin in (bad, []):
        done = emocli("calibrate", "-m", str(folder), stdin=stdin)
        assert (done.status, done.stdout) == (5, b"")
        assert "nothing to calibrate on" in done.stderr


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        (("--method", "platt"), 2, "--method platt"),
        (("--decoder", "guess"), 2, "--decoder guess"),
        (("--decoder", "expected"), 2, "does not predict blends"),
        (("--resume",), 2, "--resume"),
        (("-o", "/proc/none"), 1, "/proc/none"),
    ],
)
def test_what_makes_no_sense_is_named(
    emocli: Emocli, tmp_path: Path, flags: tuple[str, ...], status: int, message: str
) -> None:
    folder = bundles.save(tmp_path / "m", "gated").folder
    before = bundle.read(folder).digest
    given = labelled(emocli, folder, "emotion", 8)
    done = emocli("calibrate", "-m", str(folder), *flags, stdin=given)
    assert (done.status, done.stdout) == (status, b"")
    assert message in done.stderr
    assert bundle.read(folder).digest == before


def test_bad_lines_labels_and_bundles_are_named(emocli: Emocli, tmp_path: Path) -> None:
    folder = bundles.save(tmp_path / "m", "gated", heads=HEADS["distribution"]).folder
    flags = ("calibrate", "-m", str(folder))
    given = labelled(emocli, folder, "distribution", 8)
    twice = emocli(*flags, stdin=[*given, given[3]])
    assert (twice.status, "the id r3 occurs twice" in twice.stderr) == (2, True)
    torn = emocli(*flags, stdin=orjson.dumps(given[0]) + b"\n{torn\n")
    assert (torn.status, ":2" in torn.stderr) == (2, True)
    wrong = {**given[0], "id": "w", "label": {"distribution": {"joy": 0.2}}}
    done = emocli(*flags, stdin=[*given, wrong])
    assert (done.status, "w: label.distribution adds to 0.2" in done.stderr) == (1, True)
    number = [{"target": "valence", "kind": "number"}]
    numbers = bundles.save(tmp_path / "n", "gated", heads=number, columns=1, labels=[]).folder
    done = emocli("calibrate", "-m", str(numbers), stdin=given)
    assert (done.status, "regression heads only" in done.stderr) == (2, True)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    shutil.copy(__file__, theirs / "config.json")
    done = emocli(*flags, "-o", str(theirs), stdin=given)
    assert (done.status, "would be overwritten" in done.stderr) == (2, True)
    assert "Traceback" not in done.stderr
