"""Late fusion fitted: heads, temperatures, and rules on held-out records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from emocli.errors import ConfigError, UsageError
from emocli.training import late_fusion, loop
from emocli.training.loop import Data, Place, Settings

CENTRES = torch.tensor([[2.0, 0.0], [0.0, 2.0], [-2.0, -2.0]])
DIMS = {"text": 2, "audio": 2}
CONFIG: dict[str, Any] = {"dims": DIMS, "classes": 3, "hidden": 8}
SETTINGS = Settings(epochs=12, learning_rate=2e-2, balanced=False)


def data(rows: int, seed: int, **loud: float) -> Data:
    """Three classes that each stream says as loud as given, between noise of one."""
    random = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, 3, (rows,), generator=random)
    loud = loud or {"text": 1.0, "audio": 0.7}
    streams = {
        name: level * CENTRES[targets] + torch.randn(rows, 2, generator=random)
        for name, level in loud.items()
    }
    return Data(streams, {n: torch.ones(rows).bool() for n in streams}, targets)


def fitted(train: Data, dev: Data, **changes: Any) -> tuple[Any, list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []
    dims = {name: 2 for name in train.streams}
    torch.manual_seed(0)
    config = {**CONFIG, "dims": dims, **changes}
    return late_fusion.fit(config, train, dev, SETTINGS, lines.append)[0], lines


def probabilities(model: Any, data: Data) -> np.ndarray:
    return loop.logits(model, data).double().exp().numpy()


@pytest.mark.parametrize("rule", ["sum", "product"])
def test_the_weight_is_the_best_of_the_grid_by_weighted_f1(rule: str) -> None:
    train, dev = data(200, 1), data(150, 2)
    model, _ = fitted(train, dev, rule=rule)
    alone = [v.double() for v in model.unimodal(dev.streams, dev.masks).values()]
    p, q = (v.detach().exp().numpy() for v in alone)
    best, chosen = -1.0, None
    for w in np.arange(20, -1, -1) / 20:  # from the largest: of equals it stays
        fused = w * p + (1 - w) * q if rule == "sum" else p**w * q ** (1 - w)
        score = f1_score(dev.targets, fused.argmax(1), average="weighted")
        if score > best + 1e-12:
            best, chosen = score, w
    assert 0 < chosen < 1
    assert model.config.weights == {"text": chosen, "audio": pytest.approx(1 - chosen)}


@pytest.mark.parametrize("rule", ["sum", "product"])
def test_a_stream_of_noise_gets_no_weight_beside_one_that_is_right(rule: str) -> None:
    loud = {"text": 9.0, "audio": 0.0}
    model, _ = fitted(data(100, 1, **loud), data(100, 2, **loud), rule=rule)
    assert model.config.weights == {"text": 1.0, "audio": 0.0}


@pytest.mark.parametrize("rule", ["sum", "product", "regression", "evidence"])
@pytest.mark.parametrize("loud", [{"text": 1.0, "audio": 0.0}, {"audio": 0.0, "text": 1.0}])
def test_a_stream_of_noise_costs_little(rule: str, loud: dict[str, float]) -> None:
    model, _ = fitted(data(300, 1, **loud), data(300, 2, **loud), rule=rule)
    *alone, fused = late_fusion.compared([model], data(2000, 3, **loud))
    assert fused["weighted_f1"] > max(row["weighted_f1"] for row in alone) - 0.01


@pytest.mark.parametrize("rule", ["sum", "product", "regression", "evidence"])
def test_fusion_is_better_than_each_stream_on_records_nobody_has_seen(rule: str) -> None:
    model, _ = fitted(data(400, 1), data(300, 2), rule=rule)
    test = data(2000, 3)
    *alone, fused = late_fusion.compared([model], test)
    assert fused["weighted_f1"] > max(row["weighted_f1"] for row in alone) + 0.02


def test_of_equals_the_first_stream_has_the_larger_weight() -> None:
    loud = {"text": 9.0, "audio": 9.0}  # both are always right
    model, _ = fitted(data(100, 1, **loud), data(60, 2, **loud), rule="sum")
    assert model.config.weights == {"text": 1.0, "audio": 0.0}


def test_three_streams_have_weights_that_add_to_one() -> None:
    loud = {"text": 0.8, "audio": 0.8, "video": 0.8}
    model, _ = fitted(data(300, 1, **loud), data(200, 2, **loud), rule="sum")
    weights = list(model.config.weights.values())
    assert sum(weights) == pytest.approx(1)
    assert max(weights) < 1


def test_heads_are_calibrated_on_held_out_records() -> None:
    train, dev = data(40, 1), data(500, 2)
    settings = replace(SETTINGS, epochs=60, patience=60)
    heads, best = late_fusion.calibrated(CONFIG, train, dev, settings, lambda _: None)
    for name, logs in heads.unimodal(dev.streams, dev.masks).items():

        def loss(factor: float, logs: torch.Tensor = logs.detach()) -> float:
            return float(torch.nn.functional.cross_entropy(logs * factor, dev.targets))

        assert loss(1.0) < min(loss(1.03), loss(1 / 1.03)), name
        assert best["epochs"][name] >= 1


def test_frames_are_fitted_like_their_means() -> None:
    def timed(rows: int, seed: int) -> tuple[Data, Data]:
        pooled = data(rows, seed)
        random = torch.Generator().manual_seed(seed)
        mask = torch.arange(5) < torch.randint(1, 6, (rows, 1), generator=random)
        streams = {}
        for name, values in pooled.streams.items():
            frames = torch.randn(rows, 5, 2, generator=random)
            there = mask[..., None].float()
            shift = values - (frames * there).sum(1) / there.sum(1)
            streams[name] = torch.where(mask[..., None], frames + shift[:, None], float("nan"))
        return Data(streams, {n: mask for n in streams}, pooled.targets), pooled

    (train, means), (dev, dev_means) = timed(100, 1), timed(60, 2)
    one, other = fitted(train, dev)[0], fitted(means, dev_means)[0]
    assert one.config == other.config
    got, expected = loop.logits(one, dev), loop.logits(other, dev_means)
    torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-3)


def test_heads_learn_from_the_records_that_have_their_stream() -> None:
    train, dev = data(200, 1), data(100, 2)
    for part in (train, dev):
        lost = torch.arange(len(part)) % 2 == 0
        part.masks["audio"] = ~lost
        part.streams["audio"][lost] = float("nan")
    model, _ = fitted(train, dev, rule="sum")
    test = data(300, 3)
    test.masks["text"] = torch.zeros(300).bool()
    assert (probabilities(model, test).argmax(1) == test.targets.numpy()).mean() > 0.7


def test_weights_that_are_given_are_kept() -> None:
    weights = {"text": 0.6, "audio": 0.4}
    model, _ = fitted(data(60, 1), data(40, 2), rule="product", weights=weights)
    assert model.config.weights == weights


def test_a_linear_head_has_no_hidden_layer() -> None:
    model, _ = fitted(data(60, 1), data(40, 2), head="linear")
    assert model.config.hidden == {"text": 0, "audio": 0}
    assert all(head.hidden is None for head in model.heads.values())


def test_shares_of_classes_can_be_learned() -> None:
    def soft(part: Data) -> Data:
        hot = torch.nn.functional.one_hot(part.targets, 3).float()
        return Data(part.streams, part.masks, 0.7 * hot + 0.1)

    train, dev, test = (soft(data(n, n)) for n in (300, 200, 500))
    for rule in ("sum", "regression"):
        model, _ = fitted(train, dev, rule=rule)
        found = probabilities(model, test)
        assert (found.argmax(1) == test.targets.argmax(1).numpy()).mean() > 0.85, rule
    priors = model.heads["text"].log_prior.exp()
    torch.testing.assert_close(priors, train.targets.mean(0), rtol=1e-4, atol=1e-5)


def test_the_prior_is_the_one_that_the_loss_sees() -> None:
    train = data(300, 1)
    some = (train.targets != 2) | (torch.arange(300) % 2 == 0)  # class 2 is rarer
    train = train.rows(some.nonzero()[:, 0])
    priors = {}
    for how in ({"balanced": False}, {"balanced": True}, {"balanced": False, "even": True}):
        settings = replace(SETTINGS, epochs=1, **how)
        heads, _ = late_fusion.calibrated(CONFIG, train, data(40, 2), settings, lambda _: None)
        priors["even" if "even" in how else how["balanced"]] = heads.heads["text"].log_prior.exp()
    counts = torch.bincount(train.targets) / len(train)
    torch.testing.assert_close(priors[False], counts)
    torch.testing.assert_close(priors[True], torch.full((3,), 1 / 3))
    torch.testing.assert_close(priors["even"], torch.full((3,), 1 / 3))


def test_every_stream_and_rule_is_reported_with_its_weighted_f1() -> None:
    train, dev = data(100, 1), data(80, 2)
    model, lines = fitted(train, dev, rule="product")
    assert {line["stream"] for line in lines if "train_loss" in line} == {"text", "audio"}
    last = {line.get("stream") or line["rule"]: line for line in lines if "train_loss" not in line}
    assert set(last) == {"text", "audio", "sum", "product", "regression", "evidence"}
    found = probabilities(model, dev).argmax(1)
    expected = f1_score(dev.targets, found, average="weighted")
    assert last["product"]["dev_weighted_f1"] == pytest.approx(expected)
    alone = model.unimodal(dev.streams)["text"].argmax(1)
    expected = f1_score(dev.targets, alone, average="weighted")
    assert last["text"]["dev_weighted_f1"] == pytest.approx(expected)


def test_the_regression_learns_which_of_two_streams_to_trust_for_what() -> None:
    """Text tells class 0 from the rest, audio class 1: no single weight has both right."""

    def part(rows: int, seed: int) -> Data:
        made = data(rows, seed, text=0.0, audio=0.0)
        for place, name in enumerate(DIMS):
            made.streams[name][:, 0] += 4.0 * (made.targets == place)
        return made

    test = part(1000, 3)
    scores = {}
    for rule in ("sum", "regression"):
        model, _ = fitted(part(300, 1), part(300, 2), rule=rule)
        scores[rule] = late_fusion.compared([model], test)[-1]["weighted_f1"]
    assert scores["regression"] >= scores["sum"]


def test_training_goes_on_from_its_checkpoints_to_the_same_weights(tmp_path: Path) -> None:
    """BrokenError off in the second head: the first is not trained again."""
    train, dev = data(100, 1), data(80, 2)
    whole, _ = fitted(train, dev)
    places = {"checkpoint": tmp_path / "seed-0.safetensors", "run": "it"}
    lines: list[dict[str, Any]] = []

    class BrokenError(Exception):
        pass

    def until(line: dict[str, Any]) -> None:
        lines.append(line)
        if line.get("stream") == "audio" and line["epoch"] == 3:
            raise BrokenError

    torch.manual_seed(0)
    with pytest.raises(BrokenError):
        late_fusion.fit(CONFIG, train, dev, SETTINGS, until, place=Place(**places))
    assert len(list(tmp_path.glob("seed-*.safetensors"))) == 2
    torch.manual_seed(7)  # what it begins with does not matter any more
    again = Place(**places, resume=True)
    other, _ = late_fusion.fit(CONFIG, train, dev, SETTINGS, lines.append, place=again)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


@pytest.mark.parametrize(
    ("change", "message"),
    [({"rule": "vote"}, "unknown rule 'vote'"), ({"head": "forest"}, "unknown head 'forest'")],
)
def test_a_config_that_makes_no_sense_is_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fitted(data(20, 1), data(20, 2), **change)


def test_a_regression_needs_a_record_that_has_all_streams() -> None:
    dev = data(20, 2)
    dev.masks = {"text": torch.arange(20) < 10, "audio": torch.arange(20) >= 10}
    with pytest.raises(UsageError, match="no held-out record has all streams"):
        fitted(data(60, 1), dev, rule="regression")
    rules = {line.get("rule") for line in fitted(data(60, 1), dev, rule="sum")[1]}
    assert "regression" not in rules
    dev.masks = {"text": torch.ones(20).bool(), "audio": torch.zeros(20).bool()}
    with pytest.raises(UsageError, match="stream audio: no record has it"):
        fitted(data(60, 1), dev)
