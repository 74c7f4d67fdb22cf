"""The recipe of the shipped text head: what a corpus without a label says of it."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from emocli.models import late_fusion

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import default_text_corpora
    import default_text_model
    import default_text_travel
    import train_default_text

    yield SimpleNamespace(
        corpora=default_text_corpora,
        model=default_text_model,
        travel=default_text_travel,
        train=train_default_text,
    )
    for name in ("corpora", "model", "travel"):
        sys.modules.pop(f"default_text_{name}")
    sys.modules.pop("train_default_text")


def test_the_loss_by_hand(recipe):
    """Joy and anger are known, 3 to 1: p(joy) = 3e / (3e + e^2), whatever is said of fear."""
    evidence = torch.tensor([[1.0, 2.0, 50.0]], requires_grad=True)
    shares = torch.tensor([[0.75, 0.25, 0.0]])
    loss = recipe.model.masked_loss(evidence, shares.log(), torch.tensor([[1.0, 0.0, 0.0]]))
    loss.backward()
    p = 3 / (3 + math.e)
    assert float(loss.detach()) == pytest.approx(-math.log(p), rel=1e-6)
    np.testing.assert_allclose(evidence.grad[0].numpy(), [p - 1, 1 - p, 0.0], atol=1e-6)


def test_corpora_in_one_batch_do_not_ask_each_other(recipe):
    random = np.random.default_rng(0)
    evidence = torch.from_numpy(random.normal(size=(2, 3)))
    shares = torch.tensor([[0.2, 0.3, 0.5], [0.5, 0.5, 0.0]], dtype=torch.float64).log()
    wanted = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=torch.float64)
    alone = [recipe.model.masked_loss(evidence[[i]], shares[[i]], wanted[[i]]) for i in (0, 1)]
    both = recipe.model.masked_loss(evidence, shares, wanted)
    assert float(both) == pytest.approx(float(sum(alone)) / 2)


def test_a_corpus_has_the_share_of_the_root_of_its_size(recipe):
    places = recipe.model.order({"a": 400, "b": 100}, 300, np.random.default_rng(0))
    first = places[places < 400]
    assert (len(first), len(places)) == (200, 300)
    assert len(set(first)) == 200
    assert np.bincount(places[places >= 400] - 400, minlength=100).tolist() == [1] * 100


def test_figures_are_over_the_labels_that_a_corpus_has(recipe):
    """Evidence for neutral, which EmoContext does not have, changes no figure of it."""
    truth = np.array([1, 2, 3, 1])
    evidence = np.where(np.eye(7)[truth] > 0, 4.0, 0.0)
    evidence[3] = [9.0, 0, 3, 0, 0, 0, 0]
    some = recipe.travel.Answered("emocontext", evidence, truth, np.arange(4))
    found = recipe.travel.figures(some, 1.0)
    assert found["accuracy"][0] == 0.75
    assert found["macro_f1"][0] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found["unrestricted_macro_f1"] == pytest.approx((2 / 3 + 1 + 1) / 3)


def test_the_temperature_is_that_of_the_others(recipe):
    random = np.random.default_rng(0)

    def corpus(name, sharpness):
        truth = random.integers(1, 4, 3000)
        logits = random.normal(size=(3000, 7)) + 2 * np.eye(7)[truth]
        return recipe.travel.Answered(name, sharpness * 2 * logits, truth, np.arange(3000))

    some = {"meld": corpus("emocontext", 1.5), "emocontext": corpus("emocontext", 3.0)}
    rows = recipe.travel.left_out(some, some)
    assert rows["meld"]["temperature"] == pytest.approx(3.0, rel=0.06)
    assert rows["emocontext"]["temperature"] == pytest.approx(1.5, rel=0.06)


def test_a_head_without_its_shares_says_its_evidence(recipe):
    torch.manual_seed(0)
    learned = {"head.weight": torch.randn(7, recipe.model.DIM), "head.bias": torch.randn(7)}
    prior = recipe.travel.part_of(np.log([0.3, 0.39, 0.06, 0.13, 0.02, 0.01, 0.09]), 0.5)
    head = late_fusion.Head(recipe.model.DIM, 0, 7)
    head.load_state_dict(recipe.train.head_tensors(learned, 1.7, prior))
    x = torch.randn(5, recipe.model.DIM)
    evidence = x @ learned["head.weight"].T + learned["head.bias"]
    with torch.no_grad():
        found = (head(x) - head.log_prior).softmax(-1)
    np.testing.assert_allclose(found.numpy(), (evidence / 1.7).softmax(-1).numpy(), atol=1e-5)


def test_what_is_kept_of_an_adapter_is_what_it_adds(recipe):
    """Half of the second matrix is half of the product; half way is half way for each matrix."""
    first = {"x.lora_a": torch.tensor([2.0]), "x.lora_b": torch.tensor([4.0])}
    then = {"x.lora_a": torch.tensor([6.0]), "x.lora_b": torch.tensor([0.0])}
    assert recipe.model.shrunk(first, 0.5)["x.lora_b"].tolist() == [2.0]
    mixed = recipe.model.mixed(first, then, 0.5)
    assert (mixed["x.lora_a"].tolist(), mixed["x.lora_b"].tolist()) == ([4.0], [2.0])
