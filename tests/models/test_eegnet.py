"""EEGNet against the published order of its layers, built from torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from emocli import models
from emocli.models import eegnet
from emocli.models._sequences import segments
from emocli.training import loop

CHANNELS, TIME = 5, 512


def build(**config: object) -> eegnet.Eegnet:
    torch.manual_seed(0)
    return models.build("eegnet", {"dims": {"eeg": CHANNELS}, "classes": 3} | config)


def signals(rows: int = 4, time: int = TIME) -> torch.Tensor:
    return torch.randn(rows, time, CHANNELS, generator=torch.Generator().manual_seed(1))


def full(values: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"eeg": torch.ones(values.shape[:2]).bool()}


def test_it_is_the_published_network() -> None:
    model, values = build().eval(), signals()
    early = model.early["eeg"]
    for norm in (early.norm, model.norm):
        norm.mean.normal_()
        norm.variance.uniform_(0.5, 2.0)
    image = values.transpose(1, 2)[:, None]  # (batch, 1, channels, time)
    image = functional.conv2d(functional.pad(image, (31, 32)), early.temporal.weight[:, :, None])
    spatial = early.spatial.weight[:, None, :, None]  # (16, 1, channels, 1)
    image = functional.conv2d(image, spatial, groups=8)
    image = functional.elu(_norm(image, early.norm))
    image = functional.avg_pool2d(image, (1, 4))
    image = functional.pad(image, (7, 8))
    image = functional.conv2d(image, model.over_time.weight[:, :, None], groups=16)
    image = functional.conv2d(image, model.mix.weight[:, :, None, None])
    image = functional.avg_pool2d(functional.elu(_norm(image, model.norm)), (1, 8))
    flat = image[:, :, 0].transpose(1, 2).flatten(1)
    expected = model.output(flat)
    assert torch.allclose(model({"eeg": values}, full(values)), expected, atol=1e-5)


def _norm(image: torch.Tensor, norm: eegnet.MaskedNorm) -> torch.Tensor:
    return functional.batch_norm(image, norm.mean, norm.variance, norm.weight, norm.bias, eps=1e-3)


def test_masked_norm_without_a_mask_is_batch_norm() -> None:
    ours, theirs = eegnet.MaskedNorm(6), nn.BatchNorm1d(6, eps=1e-3)
    values = 3 * torch.randn(8, 20, 6) + 1
    found = ours((values, torch.ones(8, 20).bool()), lambda x: x)
    assert torch.allclose(found, theirs(values.transpose(1, 2)).transpose(1, 2), atol=1e-5)
    assert torch.allclose(ours.mean, theirs.running_mean, atol=1e-6)
    assert torch.allclose(ours.variance, theirs.running_var, atol=1e-5)


def test_what_is_masked_does_not_enter_batch_norm() -> None:
    norm, values = eegnet.MaskedNorm(6), torch.randn(8, 20, 6)
    mask = torch.rand(8, 20) < 0.5
    loud = torch.where(mask[..., None], values, 1e6)
    quiet = eegnet.MaskedNorm(6)
    assert torch.allclose(
        norm((loud, mask), lambda x: x)[mask], quiet((values, mask), lambda x: x)[mask], atol=1e-5
    )
    norm((values, torch.zeros(8, 20).bool()), lambda x: x)  # nothing at all
    assert norm.variance.isfinite().all()


@pytest.mark.parametrize("time", [3, 16, 50, 200])
def test_moments_are_means_over_parts_of_a_record(time: int) -> None:
    values, mask = torch.randn(5, time, 4, requires_grad=True), torch.rand(5, time) < 0.8
    mask[1], mask[2, time // 2 :] = False, False
    (found, there), (expected, present) = (
        way(values, mask, 16) for way in (eegnet.binned, segments)
    )
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.equal(there, present)
    slopes = [torch.autograd.grad(x.square().sum(), values)[0] for x in (found, expected)]
    assert torch.allclose(*slopes, atol=1e-6)


def test_it_tells_rhythms_apart() -> None:
    random = torch.Generator().manual_seed(2)
    targets = torch.arange(60) % 2
    times = torch.arange(128) / 64
    phases = 6.28 * torch.rand(60, 1, generator=random)
    rhythm = torch.tensor([6, 10])[targets][:, None] * times * 6.2832 + phases
    values = torch.randn(60, 128, CHANNELS, generator=random)
    values[..., 2] += rhythm.sin()
    data = loop.Data({"eeg": values}, full(values), targets)
    model = build(kernel=32, moments=32, classes=2, dropout=0.2)
    settings = loop.Settings(epochs=15, learning_rate=1e-2, batch_size=15)
    train, test = (data.rows(torch.arange(*rows)) for rows in ((0, 40), (40, 60)))
    loop.fit(model, train, train, settings, lambda _: None)
    assert (loop.logits(model, test).argmax(1) == test.targets).float().mean() >= 0.9
