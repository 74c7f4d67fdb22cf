"""What every model promises."""

from __future__ import annotations

import copy
import importlib
import re
from typing import Any

import pytest
import torch

from emocli import models

DIMS = {"audio": 12, "text": 5}
CLASSES = 4
CONFIGS: dict[str, dict[str, Any]] = {
    "late-fusion": {"hidden": {"audio": 6, "text": 0}, "weights": {"audio": 1.0, "text": 0.4}}
}


def build(name: str) -> Any:
    torch.manual_seed(1)
    config = {"dims": DIMS, "classes": CLASSES, **CONFIGS.get(name, {})}
    return models.build(name, config).eval()


def batch(rows: int = 6) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    random = torch.Generator().manual_seed(2)
    streams = {n: torch.randn(rows, dim, generator=random) for n, dim in DIMS.items()}
    masks = {n: torch.ones(rows, dtype=torch.bool) for n in DIMS}
    masks["text"][1] = False
    masks["audio"][2] = False
    return streams, masks


everything = pytest.mark.parametrize("name", models.names())


@everything
def test_logits_have_the_shape_of_the_classes(name: str) -> None:
    assert build(name)(*batch()).shape == (6, CLASSES)


@everything
def test_forward_is_classify_of_fuse(name: str) -> None:
    model = build(name)
    assert torch.equal(model(*batch()), model.classify(model.fuse(*batch())))


@everything
def test_what_is_masked_does_not_matter(name: str) -> None:
    model, (streams, masks) = build(name), batch()
    changed = {
        n: torch.where(masks[n][:, None], v, torch.full_like(v, 1e6)) for n, v in streams.items()
    }
    assert torch.allclose(model(streams, masks), model(changed, masks), atol=1e-6)


@everything
def test_a_stream_that_is_there_matters(name: str) -> None:
    model, (streams, masks) = build(name), batch()
    for stream in DIMS:
        changed = {**streams, stream: streams[stream] + 1}
        assert not torch.allclose(model(streams, masks)[0], model(changed, masks)[0])


@everything
def test_one_row_alone_is_the_row_in_the_batch(name: str) -> None:
    model, (streams, masks) = build(name), batch()
    whole = model(streams, masks)
    for row in range(6):
        alone = model(
            {n: v[row : row + 1] for n, v in streams.items()},
            {n: m[row : row + 1] for n, m in masks.items()},
        )
        assert torch.allclose(alone[0], whole[row], atol=1e-6)


@everything
def test_gradients_reach_every_parameter(name: str) -> None:
    model, (streams, masks) = build(name).train(), batch()
    torch.nn.functional.cross_entropy(model(streams, masks), torch.arange(6) % CLASSES).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@everything
def test_the_state_makes_the_same_model(name: str) -> None:
    model, other = build(name), build(name)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1)
    assert not torch.allclose(model(*batch()), other(*batch()))
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    assert torch.equal(model(*batch()), other(*batch()))


@everything
def test_the_paper_is_named(name: str) -> None:
    doc = importlib.import_module(f"emocli.models.{name.replace('-', '_')}").__doc__ or ""
    assert re.search(r"\((18|19|20)\d\d\)", doc)
    assert "https://" in doc
