"""STARS: which gradients flow, what is drawn, and that stop-gradient keeps it from collapse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from emocli import models
from emocli.models import _alignment as align
from tests.models.test_zoo import TIMED, batch, build


def built(**more: Any) -> Any:
    return build("stars", **more).train()


def grown(parts: Any) -> list[torch.nn.Parameter]:
    """Return the parameters that have a gradient other than zero."""
    return [p for p in parts if p.grad is not None and p.grad.abs().sum() > 0]


@pytest.mark.parametrize("term", [0, 2])
@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 0)])
def test_a_target_never_moves_towards_its_predictor(term: int, source: int, target: int) -> None:
    """Term 0 is the translation, 2 the shared alignment; the way back is in the next test."""
    model, names = built(), list(build("stars").config.dims)
    parts = model.parts(*batch(kind=TIMED))
    for part in (parts.shared, parts.specific):
        part.retain_grad()
    model.pair_terms(parts, model.translations(parts), (source, target))[term].backward()
    assert parts.specific.grad is None or parts.specific.grad[target].abs().max() == 0
    assert parts.shared.grad[target].abs().max() == 0
    assert parts.shared.grad[source].abs().max() > 0
    assert grown(model.specify[names[target]].parameters()) == []
    assert grown(model.project[names[target]].parameters()) == []
    assert grown(model.project[names[source]].parameters())


def test_translation_reaches_translator_and_source() -> None:
    model = built()
    parts = model.parts(*batch(kind=TIMED))
    model.pair_terms(parts, model.translations(parts), (0, 1))[0].backward()
    for part in (model.translate["audio-text"], model.share, model.specify["audio"]):
        assert grown(part.parameters())
    assert grown(model.translate["text-audio"].parameters()) == []


def test_the_way_back_does_not_pull_its_target() -> None:
    """The target of there-and-back is p_i, which is also where it starts: only that end is held."""
    model = built()
    parts = model.parts(*batch(kind=TIMED))
    start = {"i": parts.specific[0].detach().requires_grad_()}
    end = parts.specific[0].detach().clone().requires_grad_()
    translation = model._translator(0, 1)(parts.shared[0], start["i"], parts.mask[0])
    back = model._translator(1, 0)(parts.shared[0], translation, parts.mask[0])
    align.mean(align.distance(back, model._fixed(end)), parts.mask[0]).backward()
    assert end.grad is None
    assert start["i"].grad is not None


def test_without_stop_gradient_the_target_does_move() -> None:
    model = built(stop_gradient=False)
    parts = model.parts(*batch(kind=TIMED))
    model.pair_terms(parts, model.translations(parts), (0, 1))[0].backward()
    assert grown(model.specify["text"].parameters())


def aligned(*, stop_gradient: bool) -> dict[str, float]:
    """Train on alignment alone, no task: two streams of one hidden code; return the monitors."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(0)
    code = torch.randn(256, 6, generator=random)
    streams = {
        name: code @ torch.randn(6, dim, generator=random)
        + 0.3 * torch.randn(256, dim, generator=random)
        for name, dim in {"audio": 12, "text": 12}.items()
    }
    masks = {name: torch.ones(256, dtype=torch.bool) for name in streams}
    config = {"dims": {"audio": 12, "text": 12}, "classes": 2, "hidden": 16, "shared": 1.0}
    model = models.build("stars", {**config, "stop_gradient": stop_gradient}).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        parts = model.parts(streams, masks)
        loss = sum(model.alignment(parts, model.translations(parts)).values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.after_epoch(streams, masks, torch.zeros(256).long())


def test_stop_gradient_keeps_the_parts_from_collapse() -> None:
    held, free = aligned(stop_gradient=True), aligned(stop_gradient=False)
    assert held["shared_spread"] > 2 * align.HEALTHY_SPREAD
    assert free["shared_spread"] < align.HEALTHY_SPREAD
    assert held["recovered_variance"] > 2 * align.HEALTHY_VARIANCE
    assert free["recovered_variance"] < align.HEALTHY_VARIANCE
    assert held["shared_rank"] > 2 * free["shared_rank"]


def test_the_monitors_see_a_collapse() -> None:
    random = torch.Generator().manual_seed(0)
    healthy = torch.randn(5000, 128, generator=random)
    assert align.spread(healthy) == pytest.approx(128**-0.5, rel=0.02)
    assert align.spread(torch.ones(100, 128)) == pytest.approx(0, abs=1e-6)
    assert align.effective_rank(torch.eye(7)) == pytest.approx(7)
    assert align.effective_rank(torch.ones(20, 7)) == pytest.approx(1, abs=1e-3)
    values = np.array([3.0, 1.0])
    shares = values / values.sum()
    expected = np.exp(-(shares * np.log(shares)).sum())
    assert align.effective_rank(torch.diag(torch.tensor([3.0, 1.0]))) == pytest.approx(expected)
    assert align.variance_ratio(0.5 * healthy, healthy) == pytest.approx(0.25, rel=1e-4)


def test_units_are_drawn_evenly_from_classes_then_records() -> None:
    classes = torch.tensor([0] * 900 + [1] * 97 + [2] * 3)
    records = torch.cat([torch.zeros(800), torch.arange(1, 101), torch.arange(200, 300)]).long()
    torch.manual_seed(0)
    drawn = [align.draw(classes, records, 90, balanced=True) for _ in range(200)]
    for places in drawn:
        assert torch.bincount(classes[places]).tolist() == [30, 30, 30]
        assert torch.bincount(places[classes[places] == 2] - 997).tolist() == [10, 10, 10]
    first = torch.cat([records[p[classes[p] == 0]] for p in drawn])
    assert (first == 0).float().mean() < 0.1  # 800 of 900 units, but one record of 101


def test_random_draws_follow_the_units() -> None:
    torch.manual_seed(0)
    classes = torch.tensor([0] * 900 + [1] * 100)
    drawn = torch.cat([align.draw(classes, classes, 100, balanced=False) for _ in range(50)])
    assert 0.07 < classes[drawn].float().mean() < 0.13


@pytest.mark.parametrize("soft", [False, True])
def test_the_contrast_of_segments_is_that_of_the_formula(soft: bool) -> None:
    random = np.random.default_rng(0)
    units, kinds = random.normal(size=(10, 4)), random.integers(0, 3, 10)
    classes, values = random.integers(0, 3, 10), random.normal(size=10) * soft
    unit = units / np.linalg.norm(units, axis=1, keepdims=True)
    losses = []
    for u in range(10):
        weight = {v: np.exp(unit[u] @ unit[v] / 0.1) for v in range(10) if kinds[v] != kinds[u]}
        same = [v for v in weight if classes[v] == classes[u]]
        if same:
            pos = sum(np.exp(-((values[u] - values[v]) ** 2) / 0.5) * weight[v] for v in same)
            neg = sum(w for v, w in weight.items() if classes[v] != classes[u])
            losses.append(-np.log(pos / (pos + neg)))
    got = align.segment_contrast(*(torch.from_numpy(x) for x in (units, kinds, classes, values)))
    assert float(got) == pytest.approx(np.mean(losses), rel=1e-6)


def test_the_distance_is_that_of_the_formula() -> None:
    random = np.random.default_rng(1)
    left, right = random.normal(size=(2, 3, 5, 8))
    mask = random.random((3, 5)) < 0.6

    def normed(x: np.ndarray) -> np.ndarray:
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

    lengths = np.linalg.norm(left, axis=-1) * np.linalg.norm(right, axis=-1)
    angle = 1 - (left * right).sum(-1) / lengths
    apart = np.abs(normed(left) - normed(right))
    smooth = np.where(apart < 1, apart**2 / 2, apart - 0.5).mean(-1)
    expected = (angle + 0.5 * smooth)[mask].mean()
    got = align.mean(align.distance(*map(torch.from_numpy, (left, right))), torch.from_numpy(mask))
    assert float(got) == pytest.approx(expected, rel=1e-6)


def test_a_lost_stream_is_the_mean_of_what_the_others_say_of_it() -> None:
    dims = {"audio": 4, "text": 3, "video": 5}
    torch.manual_seed(0)
    model = models.build("stars", {"dims": dims, "classes": 2, "hidden": 8, "segments": 4}).eval()
    streams = {name: torch.randn(2, 6, dim) for name, dim in dims.items()}
    masks = {name: torch.ones(2, 6).bool() for name in dims}
    masks["video"][0] = False
    with torch.no_grad():
        parts = model.parts(streams, masks)
        translations = model.translations(parts)
        shared, specific = model.recover.missing(parts, translations, 2, "video")
        guesses = torch.stack([translations[0, 2], translations[1, 2]]).numpy()
        weight = model.recover.score["video"].weight[0].numpy()
    scores = np.exp(guesses @ weight)
    shares = scores / scores.sum(0)
    np.testing.assert_allclose(specific, (shares[..., None] * guesses).sum(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(shared, (parts.shared[0] + parts.shared[1]).detach() / 2, atol=1e-6)


def test_every_parameter_of_three_streams_is_trained() -> None:
    dims = {"audio": 4, "text": 3, "video": 5}
    torch.manual_seed(0)
    model = models.build("stars", {"dims": dims, "classes": 2, "hidden": 8, "segments": 4}).train()
    streams = {name: torch.randn(64, 6, dim) for name, dim in dims.items()}
    masks = {name: torch.ones(64, 6).bool() for name in dims}
    terms = model.objective(streams, masks, torch.arange(64) % 2, torch.nn.functional.cross_entropy)
    sum(terms.values()).backward()
    names = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    assert names == set()


def test_translation_is_warmed_up() -> None:
    model, inputs = built(), batch(kind=TIMED)
    parts = model.parts(*inputs)
    translations = model.translations(parts)
    terms = {}
    for model.progress in (0.0, 0.05, 0.1, 1.0):
        terms[model.progress] = model.alignment(parts, translations)["translate"].item()
    assert terms[0.0] == 0
    assert terms[0.05] == pytest.approx(terms[1.0] / 2)
    assert terms[0.1] == pytest.approx(terms[1.0])


def test_the_accuracy_of_each_stream_is_noted() -> None:
    model = built()
    streams, masks = batch(64)
    masks = {name: torch.ones_like(mask) for name, mask in masks.items()}
    model.eval()
    targets = model.unimodal(streams, masks)["text"].argmax(dim=1)
    model.after_epoch(streams, masks, targets)
    assert model.accuracy[list(model.config.dims).index("text")] == 1
    assert model.accuracy[list(model.config.dims).index("audio")] < 1
