"""Late fusion against its formula."""

from __future__ import annotations

import numpy as np
import torch

from tests.models.test_zoo import batch, build


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_the_product_of_experts_is_that_of_the_formula() -> None:
    model, (streams, masks) = build("late-fusion"), batch()
    with torch.no_grad():
        model.heads["text"].log_prior.copy_(torch.tensor([0.4, 0.3, 0.2, 0.1]).log())
        model.heads["text"].temperature.fill_(1.7)
        alone = {n: v.exp().numpy() for n, v in model.unimodal(streams).items()}
        fused = model(streams, masks).exp().numpy()
    expected = alone["audio"] * (alone["text"] / [0.4, 0.3, 0.2, 0.1]) ** 0.4
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(fused[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(fused[1], alone["audio"][1], rtol=1e-5)  # no text
    np.testing.assert_allclose(fused[2], alone["text"][2], rtol=1e-5)  # no audio


def test_a_text_that_says_its_prior_changes_nothing() -> None:
    model, (streams, masks) = build("late-fusion"), batch()
    with torch.no_grad():
        for parameter in model.heads["text"].parameters():
            parameter.zero_()
        model.heads["text"].output.bias.copy_(model.heads["text"].log_prior)
        fused, alone = model(streams, masks)[0], model.unimodal(streams)["audio"][0]
    assert torch.allclose(fused, alone, atol=1e-6)


def test_shares_add_to_one_over_what_is_there() -> None:
    model, (_, masks) = build("late-fusion"), batch()
    shares = model.shares(masks)
    assert torch.allclose(shares["audio"] + shares["text"], torch.ones(6))
    assert shares["text"][0] == torch.tensor(0.4 / 1.4)
    assert shares["audio"][1] == 1
    assert shares["text"][2] == 1
