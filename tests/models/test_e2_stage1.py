"""The parts of E2-LLM's stage 1 against their equations."""

from __future__ import annotations

import math

import pytest
import torch

from emocli import models
from emocli.models import e2_stage1
from emocli.training import loop


def test_the_contrast_is_the_published_sum() -> None:
    random = torch.Generator().manual_seed(0)
    fused = torch.randn(9, 5, generator=random)
    kinds = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 3])
    people = torch.tensor([0, 1, 1, 0, 1, 2, 4, 4, 0])
    units = [row / row.norm() for row in fused]
    losses = []
    for i in range(9):
        partners = [p for p in range(9) if kinds[p] == kinds[i] and people[p] != people[i]]
        others = [a for a in range(9) if not (kinds[a] == kinds[i] and people[a] == people[i])]
        if partners:
            total = sum(math.exp(units[i] @ units[a] / 0.1) for a in others)
            each = [-math.log(math.exp(units[i] @ units[p] / 0.1) / total) for p in partners]
            losses.append(sum(each) / len(each))
    found = e2_stage1.contrast(fused, kinds, people, 0.1)
    assert float(found) == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    assert len(losses) == 6  # neither one person's emotion nor a lonely one has a partner


def test_without_partners_the_contrast_is_zero_and_has_a_gradient() -> None:
    fused = torch.randn(3, 4, requires_grad=True)
    found = e2_stage1.contrast(fused, torch.arange(3), torch.zeros(3).long(), 0.1)
    found.backward()
    assert float(found.detach()) == 0
    assert (fused.grad == 0).all()


def test_the_gradient_is_reversed_and_the_values_are_not() -> None:
    values = torch.randn(4, requires_grad=True)
    turned = e2_stage1.reversed_gradient(values, 0.3)
    assert torch.allclose(turned, values)
    turned.sum().backward()
    assert torch.allclose(values.grad, torch.full((4,), -0.3))
    assert e2_stage1.ramp(0.0) == 0
    assert e2_stage1.ramp(1.0) == pytest.approx(2 / (1 + math.exp(-10)) - 1)


def build(**config: object) -> e2_stage1.E2Stage1:
    torch.manual_seed(0)
    sizes = {"dims": {"eeg": 6}, "classes": 3, "hidden": 16, "speakers": 4}
    return models.build("e2-stage1", sizes | config)


def batch() -> loop.Data:
    random = torch.Generator().manual_seed(1)
    streams = {"eeg": torch.randn(12, 5, 6, generator=random)}
    targets, speakers = torch.arange(12) % 3, torch.arange(12) % 4
    return loop.Data(streams, {"eeg": torch.ones(12, 5).bool()}, targets, speakers)


@pytest.mark.parametrize(
    ("config", "terms"),
    [
        ({}, {"task", "contrast", "adversary"}),
        ({"contrast": 0.0}, {"task", "adversary"}),
        ({"adversary": 0.0}, {"task", "contrast"}),
        ({"contrast": 0.0, "adversary": 0.0}, {"task"}),
        ({"speakers": 0}, {"task", "contrast"}),
    ],
)
def test_every_term_can_be_left_out(config: dict[str, float], terms: set[str]) -> None:
    model = build(**config).train()
    found = loop.objective(model, batch(), torch.nn.functional.cross_entropy)
    assert set(found) == terms
    sum(found.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_speakers_reach_the_objective_through_the_loop() -> None:
    lines: list[dict] = []
    settings = loop.Settings(epochs=2, batch_size=5)
    data = batch()
    loop.fit(build(), data, data.rows(torch.arange(4)), settings, lines.append)
    assert {"train_task", "train_contrast", "train_adversary"} <= set(lines[0])
    loop.fit(build(), loop.Data(data.streams, data.masks, data.targets), data, settings, print)
    other = loop.Data(data.streams, data.masks, data.targets, torch.zeros(12).long())
    alone: list[dict] = []
    loop.fit(build(), other, data, settings, alone.append)
    assert alone[0]["train_contrast"] == 0  # a single person has no partner


def test_who_is_not_known_is_everybody_else_and_nobody_to_the_adversary() -> None:
    model, data = build().eval(), batch()

    def terms(speakers: torch.Tensor | None) -> dict[str, float]:
        given = loop.Data(data.streams, data.masks, data.targets, speakers)
        found = loop.objective(model, given, torch.nn.functional.cross_entropy)
        return {name: float(value.detach()) for name, value in found.items()}

    unknown = torch.full((12,), -1)
    assert terms(unknown) == terms(None)
    assert terms(unknown)["adversary"] == 0
    apart = e2_stage1.contrast(
        model.fuse(data.streams, data.masks), data.targets, torch.arange(12), 0.1
    )
    assert terms(unknown)["contrast"] == pytest.approx(0.5 * float(apart.detach()), rel=1e-5)
    half = torch.where(torch.arange(12) < 6, data.speakers, -1)
    first = data.rows(torch.arange(6))
    alone = loop.objective(model, first, torch.nn.functional.cross_entropy)
    assert terms(half)["adversary"] == pytest.approx(float(alone["adversary"].detach()), rel=1e-5)


@pytest.mark.parametrize("order", [False, True])
def test_the_order_of_windows_matters_if_it_is_wished(order: bool) -> None:
    model, data = build(order=order).eval(), batch()
    turned = {"eeg": data.streams["eeg"].flip(1)}
    same = torch.allclose(model(data.streams, data.masks), model(turned, data.masks), atol=1e-6)
    assert same != order
