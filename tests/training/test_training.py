"""The loop, the split, the temperature."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emocli import models
from emocli.training import loop
from emocli.training.loop import Data, Settings


def blobs(rows: int, seed: int, spread: float = 1.0) -> Data:
    """Three classes around (4, 0), (0, 4), (-4, 0) in stream a; stream b is noise."""
    random = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, 3, (rows,), generator=random)
    centres = torch.tensor([[4.0, 0.0], [0.0, 4.0], [-4.0, 0.0]])
    a = centres[targets] + spread * torch.randn(rows, 2, generator=random)
    b = torch.randn(rows, 3, generator=random)
    masks = {n: torch.ones(rows, dtype=torch.bool) for n in "ab"}
    return Data({"a": a, "b": b}, masks, targets)


def fitted(name: str, **settings: float) -> tuple[object, dict[str, object]]:
    torch.manual_seed(0)
    model = models.build(name, {"dims": {"a": 2, "b": 3}, "classes": 3})
    best = loop.fit(model, blobs(300, 1), blobs(90, 2), Settings(**settings), lambda _: None)
    return model, best


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_separable_classes_are_learned(name: str) -> None:
    model, best = fitted(name, epochs=60, learning_rate=1e-2)
    test = blobs(300, 3)
    right = (loop.logits(model, test).argmax(1) == test.targets).float().mean()
    assert right > 0.97
    assert best["epoch"] >= 1


def test_a_seed_gives_the_same_weights() -> None:
    first, second = fitted("mlp", epochs=3)[0], fitted("mlp", epochs=3)[0]
    for one, other in zip(first.parameters(), second.parameters(), strict=True):  # type: ignore[attr-defined]
        assert torch.equal(one, other)


def test_sixteen_records_can_be_learned_by_heart() -> None:
    data = blobs(16, 5)
    data.targets = torch.randint(0, 3, (16,), generator=torch.Generator().manual_seed(9))
    model = models.build(
        "mlp", {"dims": {"a": 2, "b": 3}, "classes": 3, "hidden": 64, "dropout": 0.0}
    )
    settings = Settings(
        epochs=600, patience=600, learning_rate=1e-2, weight_decay=0, modality_dropout=0
    )
    loop.fit(model, data, data, settings, lambda _: None)
    assert (loop.logits(model, data).argmax(1) == data.targets).all()


def test_dropout_of_modalities_leaves_one() -> None:
    masks = {"a": torch.ones(500, dtype=torch.bool), "b": torch.arange(500) % 2 == 0}
    kept = torch.rand(2, 500, generator=torch.Generator().manual_seed(0)) >= 0.7
    out = loop.dropped(masks, kept)
    assert (out["a"] | out["b"]).all()
    assert not (out["b"] & ~masks["b"]).any()
    both = masks["b"]
    assert out["a"][~both].all()
    assert 0.12 < 1 - out["a"][both].float().mean() < 0.3  # 0.7 x 0.3; both dropped are both kept


def test_records_can_be_drawn_evenly_from_classes() -> None:
    data = blobs(1000, 3).rows(torch.arange(1000))
    data.targets = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    random = torch.Generator().manual_seed(0)
    order = loop._order(data, Settings(even=True), random)
    assert len(order) == 1000
    assert all(270 < count < 400 for count in torch.bincount(data.targets[order]).tolist())
    once = loop._order(data, Settings(), random)
    assert torch.equal(once.sort().values, torch.arange(1000))


def test_frames_that_are_padding_do_not_count_for_the_mean() -> None:
    streams = {"a": torch.tensor([[[1.0], [3.0], [99.0]], [[5.0], [99.0], [99.0]]])}
    masks = {"a": torch.tensor([[True, True, False], [True, False, False]])}
    model = models.build("concat", {"dims": {"a": 1}, "classes": 2})
    loop.standardise(model, Data(streams, masks, torch.zeros(2)))
    assert model.inputs.mean.tolist() == [3.0]
    assert model.inputs.scale.tolist() == [2.0]


def test_dropout_of_modalities_keeps_the_padding() -> None:
    masks = {
        n: torch.rand(500, 6, generator=torch.Generator().manual_seed(i)) < 0.5
        for i, n in enumerate("ab")
    }
    masks["a"][0] = False
    kept = torch.rand(2, 500, generator=torch.Generator().manual_seed(0)) >= 0.7
    out = loop.dropped(masks, kept)
    for name, mask in out.items():
        kept = mask.any(1)
        assert torch.equal(mask[kept], masks[name][kept])
    before = masks["a"].any(1) | masks["b"].any(1)
    assert torch.equal(out["a"].any(1) | out["b"].any(1), before)


def test_an_objective_of_its_own_is_summed_and_told_term_by_term() -> None:
    data = blobs(64, 1)
    model = models.build("stars", {"dims": {"a": 2, "b": 3}, "classes": 3, "hidden": 8})
    rows: list[dict[str, float]] = []
    loop.fit(model, data, data, Settings(epochs=2), rows.append)
    terms = [v for k, v in rows[0].items() if k.startswith("train_") and k != "train_loss"]
    assert len(terms) >= 8
    assert sum(terms) == pytest.approx(rows[0]["train_loss"], rel=1e-5)
    assert rows[0]["train_translate"] == 0 < rows[1]["train_translate"]  # it is warmed up
    assert {"shared_spread", "shared_rank", "recovered_variance"} <= set(rows[0])


def test_regression_is_absolute_or_squared_error() -> None:
    model = models.build("concat", {"dims": {"a": 2}, "classes": 1, "task": "regression"})
    logits, targets = torch.tensor([[1.0], [4.0]]), torch.tensor([0.0, 0.0])
    for squared, expected in ((False, 2.5), (True, 8.5)):
        loss = loop.task_loss(model, blobs(4, 0), Settings(squared=squared))
        assert loss(logits, targets).item() == expected


def test_a_distribution_can_be_the_target() -> None:
    shares = torch.tensor([[0.75, 0.25, 0.0], [0.25, 0.75, 0.0]])
    assert loop.class_weights(shares, 3).tolist() == pytest.approx([2 / 3, 2 / 3, 0])
    data = blobs(30, 2)
    data.targets = torch.nn.functional.one_hot(data.targets, 3).float()
    model = models.build("concat", {"dims": {"a": 2, "b": 3}, "classes": 3, "hidden": 8})
    best = loop.fit(model, data, data, Settings(epochs=5), lambda _: None)
    assert best["epoch"] >= 1


def test_a_rare_class_weighs_more_and_an_absent_one_nothing() -> None:
    weights = loop.class_weights(torch.tensor([0] * 90 + [1] * 10), 3)
    assert weights.tolist() == pytest.approx([100 / 270, 100 / 30, 0.0])


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_of_simulated_logits_is_found(true: float) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20000, 4))
    odds = np.exp(logits)
    odds /= odds.sum(1, keepdims=True)
    targets = (odds.cumsum(1) > random.random((20000, 1))).argmax(1)
    assert loop.temperature(logits * true, targets) == pytest.approx(true, rel=0.05)


def test_the_temperature_is_where_scipy_finds_it() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    special = pytest.importorskip("scipy.special")
    random = np.random.default_rng(1)
    logits = random.normal(0, 3, (500, 5))
    targets = random.integers(0, 5, 500)
    targets[:300] = logits[:300].argmax(1)

    def loss(t: float) -> float:
        return -special.log_softmax(logits / t, axis=1)[np.arange(500), targets].mean()

    expected = optimize.minimize_scalar(loss, bounds=(0.1, 16), method="bounded").x
    assert loop.temperature(logits, targets) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("name", ["concat", "gated", "amber2"])
def test_frames_averaged_once_train_the_same_model(name: str) -> None:
    """Models that say `averages` read means; the same model without saying so reads frames."""
    random = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 3, (60,), generator=random)
    frames = torch.randn(60, 7, 4, generator=random) + targets[:, None, None]
    masks = {n: torch.rand(60, 7, generator=random) < 0.7 for n in "ab"}
    masks["b"][::5] = False
    data = Data({"a": frames, "b": torch.randn(60, 7, 4, generator=random)}, masks, targets)
    answers = []
    for averages in (True, False):
        torch.manual_seed(1)
        config = {"dims": {"a": 4, "b": 4}, "classes": 3, "hidden": 8, "dropout": 0.0}
        model = models.build(name, config)
        assert model.averages
        model.averages = averages
        loop.fit(model, data, data, Settings(epochs=3), lambda _: None)
        answers.append(loop.logits(model, data))
    assert torch.allclose(*answers, atol=1e-4)


def test_an_expert_that_nobody_uses_leaves_the_loss_a_number() -> None:
    model = models.build("expert-gating", {"dims": {"a": 2, "b": 3}, "classes": 3, "hidden": 8})
    with torch.no_grad():
        model.weigh.bias.copy_(torch.tensor([1e4, 0.0, 0.0]))  # a gate of exactly 0 for the others
    terms = loop.objective(model, blobs(64, 1), torch.nn.functional.cross_entropy)
    sum(terms.values()).backward()
    assert all(term.isfinite() for term in terms.values())
    assert model.project["a"].weight.grad.isfinite().all()
