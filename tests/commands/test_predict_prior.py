"""`predict --prior`: class shares other than those of training, stated, counted or estimated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emocli import models
from emocli.bundles import bundle
from tests.commands import bundles
from tests.conftest import Emocli

LABELS = bundles.LABELS
SHARES = {"audio": [0.5, 0.3, 0.2], "voice": [0.2, 0.2, 0.6], "text": [0.7, 0.2, 0.1]}
Answers = dict[str, dict[str, Any]]


def save(folder: Path, rule: str = "evidence", **contents: Any) -> Path:
    """A bundle of late fusion whose heads know how frequent the labels were."""
    config = {"dims": bundles.DIMS, "classes": 3, "rule": rule, **bundles.CONFIGS["late-fusion"]}
    torch.manual_seed(4)
    network = models.build("late-fusion", config)
    for name, shares in SHARES.items():
        network.heads[name].log_prior.copy_(torch.tensor(shares).log())
    about = {"name": "late", "architecture": "late-fusion", "config": config, "labels": LABELS}
    streams = {name: bundles.spec(name, bundles.VECTORS) for name in bundles.DIMS}
    bundle.save(folder, network, {**about, "streams": streams, **contents}, "# card\n")
    return folder


@pytest.fixture
def predicted(emocli: Emocli, tmp_path: Path) -> Callable[..., Answers]:
    """What predict says of records with vectors, by id."""

    def run(*flags: str, model: Path | None = None, count: int = 14) -> Answers:
        place = model or (
            tmp_path / "late" if (tmp_path / "late").exists() else save(tmp_path / "late")
        )
        records = bundles.records(bundles.VECTORS, count)
        outcome = emocli("predict", "--model", str(place), *flags, stdin=records)
        assert outcome.status == 0, outcome.stderr
        return {record["id"]: record["prediction"] for record in outcome.records}

    return run


def of(prediction: dict[str, Any]) -> np.ndarray:
    return np.array([prediction["probabilities"][label] for label in LABELS])


def in_training(prediction: dict[str, Any]) -> np.ndarray:
    """The shares by hand: those of the first stream, else the product of the others'."""
    used = [np.array(SHARES[name]) for name in SHARES if name in prediction["modalities"]]
    shares = used[0] if "audio" in prediction["modalities"] else np.prod(used, 0)
    return np.asarray(shares / shares.sum())


def test_answers_are_multiplied_by_new_share_over_that_in_training(predicted, tmp_path) -> None:
    (tmp_path / "new.json").write_text('{"anger": 3, "neutral": 0.75, "happy": 0.25}')
    plain, moved = predicted(), predicted("--prior", str(tmp_path / "new.json"))
    for name, prediction in plain.items():
        by_hand = of(prediction) * np.array([0.1875, 0.0625, 0.75]) / in_training(prediction)
        np.testing.assert_allclose(of(moved[name]), by_hand / by_hand.sum(), rtol=2e-5)
        assert moved[name]["prior"] == {"neutral": 0.1875, "joy": 0.0625, "anger": 0.75}


def test_uniform_takes_the_shares_in_training_out(predicted) -> None:
    plain, moved = predicted(), predicted("--prior", "uniform")
    for name, prediction in plain.items():
        by_hand = of(prediction) / in_training(prediction)
        np.testing.assert_allclose(of(moved[name]), by_hand / by_hand.sum(), rtol=2e-5)
        assert moved[name]["confidence"] == max(moved[name]["probabilities"].values())
        assert moved[name]["prior"] == "uniform"
    assert {n: p.get("disagreement") for n, p in moved.items()} == {
        n: p.get("disagreement") for n, p in plain.items()
    }


def test_train_is_what_a_bundle_says_without_a_prior(predicted) -> None:
    stated = predicted("--prior", "train")
    assert {p.pop("prior") for p in stated.values()} == {"train"}
    assert stated == predicted()


def test_a_bundle_may_have_another_prior_as_its_own(predicted, tmp_path) -> None:
    own = save(tmp_path / "own", prior="uniform")
    usual, asked = predicted(model=own), predicted("--prior", "train", model=own)
    assert {p["prior"] for p in usual.values()} == {"uniform"}
    assert [of(p).tolist() for p in asked.values()] == [
        of(p).tolist() for p in predicted().values()
    ]
    assert [of(p).tolist() for p in usual.values()] == [
        of(p).tolist() for p in predicted("--prior", "uniform").values()
    ]


def test_a_label_without_a_share_is_never_predicted(predicted, tmp_path) -> None:
    (tmp_path / "two.json").write_text('{"joy": 0.5, "anger": 0.5}')
    moved = predicted("--prior", str(tmp_path / "two.json"))
    assert {p["probabilities"]["neutral"] for p in moved.values()} == {0.0}
    assert all(0 <= p["entropy"] <= np.log(2) + 1e-6 for p in moved.values())


def test_labelled_records_are_counted_each_label_once_more(predicted, tmp_path) -> None:
    words = ["happy"] * 5 + ["anger"] + ["boredom", None]
    lines = [json.dumps({"id": str(i), "label": {"emotion": w}}) for i, w in enumerate(words)]
    (tmp_path / "seen.jsonl").write_text("\n".join([*lines, '{"id": "none"}']) + "\n")
    moved = predicted("--prior", str(tmp_path / "seen.jsonl"))
    expected = {"neutral": 0.111111, "joy": 0.666667, "anger": 0.222222}
    assert [p["prior"] for p in moved.values()] == [expected] * len(moved)


@pytest.mark.parametrize("rule", ["sum", "product"])
def test_other_rules_combine_the_shares_as_they_combine_answers(predicted, tmp_path, rule) -> None:
    own = save(tmp_path / rule, rule)
    plain, moved = predicted(model=own), predicted("--prior", "uniform", model=own)
    for name, prediction in plain.items():
        shares = {n: w for n, w in prediction["modalities"].items() if w}
        rows, weights = np.array([SHARES[n] for n in shares]), np.array(list(shares.values()))
        mixed = weights @ rows if rule == "sum" else np.exp(weights @ np.log(rows))
        by_hand = of(prediction) / mixed
        np.testing.assert_allclose(of(moved[name]), by_hand / by_hand.sum(), rtol=2e-3)


def test_the_shares_in_training_are_calibrated_as_the_answers_are(predicted, tmp_path) -> None:
    own = save(tmp_path / "own", calibration={"temperature": 2.0})
    plain, moved = predicted(model=own), predicted("--prior", "uniform", model=own)
    for name, prediction in plain.items():
        by_hand = of(prediction) / np.sqrt(in_training(prediction))
        np.testing.assert_allclose(of(moved[name]), by_hand / by_hand.sum(), rtol=2e-5)


def test_estimated_shares_are_those_that_give_themselves_again(predicted) -> None:
    """At the greatest likelihood the mean of the new posteriors is the prior itself."""
    moved = predicted("--prior", "estimate", count=420)
    (prior, *others) = [prediction["prior"] for prediction in moved.values()]
    assert all(other == prior for other in others)
    mean = np.mean([of(prediction) for prediction in moved.values()], 0)
    np.testing.assert_allclose(mean, [prior[label] for label in LABELS], atol=2e-3)


def test_what_is_estimated_is_told_and_records_keep_their_order(emocli, tmp_path) -> None:
    records = bundles.records(bundles.VECTORS, 210)
    records[5]["features"] = {}
    place = save(tmp_path / "late")
    outcome = emocli("predict", "-m", str(place), "--prior", "estimate", stdin=records)
    assert outcome.status == 1
    assert "class shares of these records, estimated: neutral 0." in outcome.stderr
    assert [r["id"] for r in outcome.records] == [r["id"] for r in records]
    assert [r["id"] for r in outcome.records if "prediction" not in r] == ["r5"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--prior", "estimate"], "14 records to estimate class shares from"),
        (["--prior", "estimate", "--shard", "1/2"], "--shard: --prior estimate reads all records"),
        (["--prior", "estimate", "-o", "x", "--resume"], "--resume: --prior estimate reads all"),
        (["--prior", "nowhere.json"], "cannot open nowhere.json"),
        (["--prior", "sentences"], "--prior says how --llm is asked"),
        (["--prior", "word.json"], "not shares by label"),
        (["--prior", "list.json"], "not shares by label"),
        (["--prior", "unknown.json"], "unknown label 'boredom'"),
        (["--prior", "negative.json"], "joy has a share of -1"),
        (["--prior", "nothing.json"], "the shares add to 0"),
        (["--prior", "unlabelled.jsonl"], "no label to count"),
    ],
)
def test_what_makes_no_shares_is_refused(emocli, tmp_path, monkeypatch, flags, said) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "word.json": '{"joy": "often"}',
        "list.json": "[0.5, 0.5]",
        "unknown.json": '{"boredom": 1}',
        "negative.json": '{"joy": -1, "anger": 2}',
        "nothing.json": "{}",
        "unlabelled.jsonl": '{"id": "a"}\n',
    }.items():
        Path(name).write_text(text)
    records = bundles.records(bundles.VECTORS, 14)
    outcome = emocli("predict", "-m", str(save(tmp_path / "late")), *flags, stdin=records)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert said in outcome.stderr


@pytest.mark.parametrize("rule", ["linear", "regression"])
def test_a_predictor_that_states_no_shares_is_refused(emocli, tmp_path, rule) -> None:
    place = tmp_path / rule
    if rule == "linear":
        bundles.save(place, rule)
    else:
        save(place, rule)
    outcome = emocli("predict", "-m", str(place), "--prior", "uniform", stdin=[])
    assert outcome.status == 2
    assert "states no class shares" in outcome.stderr


def test_a_calibrated_bundle_is_fitted_to_the_shares_in_training(emocli, tmp_path) -> None:
    own = save(tmp_path / "own", prior="uniform")
    records = bundles.records(bundles.VECTORS, 30)
    for i, record in enumerate(records):
        record["label"] = {"emotion": LABELS[i % 3]}
    outcome = emocli("calibrate", "-m", str(own), "-o", str(tmp_path / "fit"), stdin=records)
    assert outcome.status == 0, outcome.stderr
    assert bundle.read(tmp_path / "fit").contents["prior"] == "train"
