"""Late fusion against its formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from emocli.errors import ConfigError
from emocli.models import _late_rules as rules
from tests.models.test_zoo import TIMED, batch, build


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_the_product_of_experts_is_that_of_the_formula() -> None:
    model, (streams, masks) = build("late-fusion"), batch()
    with torch.no_grad():
        model.heads["text"].log_prior.copy_(torch.tensor([0.4, 0.3, 0.2, 0.1]).log())
        model.heads["text"].temperature.fill_(1.7)
        single = {n: v.exp().numpy() for n, v in model.unimodal(streams).items()}
        fused = model(streams, masks).exp().numpy()
    expected = single["audio"] * (single["text"] / [0.4, 0.3, 0.2, 0.1]) ** 0.4
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(fused[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(fused[1], single["audio"][1], rtol=1e-5)  # no text
    np.testing.assert_allclose(fused[2], single["text"][2], rtol=1e-5)  # no audio


def test_a_text_that_says_its_prior_changes_nothing() -> None:
    model, (streams, masks) = build("late-fusion"), batch()
    with torch.no_grad():
        for parameter in model.heads["text"].parameters():
            parameter.zero_()
        model.heads["text"].output.bias.copy_(model.heads["text"].log_prior)
        fused, single = model(streams, masks)[0], model.unimodal(streams)["audio"][0]
    assert torch.allclose(fused, single, atol=1e-6)


def test_shares_add_to_one_over_what_is_there() -> None:
    model, (_, masks) = build("late-fusion"), batch()
    shares = model.shares(masks)
    assert torch.allclose(shares["audio"] + shares["text"], torch.ones(6))
    assert shares["text"][0] == torch.tensor(0.4 / 1.4)
    assert shares["audio"][1] == 1
    assert shares["text"][2] == 1


def predictions(model: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the probabilities of each stream of the batch, and those of the model."""
    with torch.no_grad():
        single = {n: v.exp().double().numpy() for n, v in model.unimodal(*batch()).items()}
        return single, model(*batch()).exp().double().numpy()


def weighted(rule: str, **weights: float) -> Any:
    return build("late-fusion", rule=rule, weights=weights)


def test_a_sum_is_the_weighted_mean_of_probabilities() -> None:
    unimodal, fused = predictions(weighted("sum", audio=0.35, text=0.65))
    np.testing.assert_allclose(
        fused[0], 0.35 * unimodal["audio"][0] + 0.65 * unimodal["text"][0], 1e-5
    )
    np.testing.assert_allclose(fused[1], unimodal["audio"][1], rtol=1e-5)  # no text
    np.testing.assert_allclose(fused[2], unimodal["text"][2], rtol=1e-5)  # no audio


def test_a_product_is_that_of_powers_of_probabilities() -> None:
    unimodal, fused = predictions(weighted("product", audio=0.35, text=0.65))
    expected = unimodal["audio"] ** 0.35 * unimodal["text"] ** 0.65
    np.testing.assert_allclose(fused[0], expected[0] / expected[0].sum(), rtol=1e-5)
    np.testing.assert_allclose(fused[1], unimodal["audio"][1], rtol=1e-5)
    np.testing.assert_allclose(fused[2], unimodal["text"][2], rtol=1e-5)


@pytest.mark.parametrize("rule", ["sum", "product"])
def test_weights_are_scaled_over_what_is_there(rule: str) -> None:
    answers = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]).log()[None]
    present = torch.tensor([[True, False, True]])
    weights = rules.scaled(torch.tensor([0.2, 0.5, 0.3]), present)
    assert weights[0].tolist() == pytest.approx([0.4, 0, 0.6])
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.2, 0.6])
    expected = 0.4 * p + 0.6 * q if rule == "sum" else p**0.4 * q**0.6
    combine = rules.weighted_sum if rule == "sum" else rules.product
    got = combine(answers, weights)[0].exp()
    np.testing.assert_allclose(got, expected / expected.sum(), rtol=1e-5)


@pytest.mark.parametrize("rule", ["sum", "product"])
def test_a_stream_of_no_weight_answers_where_it_is_alone(rule: str) -> None:
    model = weighted(rule, audio=0.0, text=1.0)
    unimodal, fused = predictions(model)
    np.testing.assert_allclose(fused[0], unimodal["text"][0], rtol=1e-5)
    np.testing.assert_allclose(fused[1], unimodal["audio"][1], rtol=1e-5)  # no text
    assert model.shares(batch()[1])["audio"].tolist()[:2] == [0, 1]


@pytest.mark.parametrize("rule", rules.RULES)
def test_where_nothing_is_there_all_classes_are_as_likely(rule: str) -> None:
    model, (streams, masks) = build("late-fusion", rule=rule), batch()
    nothing = {n: torch.zeros_like(m) for n, m in masks.items()}
    broken = {n: torch.full_like(v, float("nan")) for n, v in streams.items()}
    fused = model(broken, nothing)
    assert torch.allclose(fused.exp(), torch.full((6, 4), 0.25))
    fused.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_a_regression_is_linear_in_log_probabilities_and_a_sum_where_something_lacks() -> None:
    model = build("late-fusion", rule="regression", weights={"audio": 0.3, "text": 0.7})
    unimodal, fused = predictions(model)
    side = np.concatenate([np.log(unimodal["audio"]), np.log(unimodal["text"])], axis=1)
    weight, bias = (p.detach().numpy() for p in model.regression.parameters())
    np.testing.assert_allclose(fused[0], softmax(side[0] @ weight.T + bias), rtol=1e-4)
    np.testing.assert_allclose(fused[1], unimodal["audio"][1], rtol=1e-5)
    np.testing.assert_allclose(fused[2], unimodal["text"][2], rtol=1e-5)
    sizes = [np.linalg.norm(weight[:, :4]), np.linalg.norm(weight[:, 4:])]
    assert model.shares(batch()[1])["audio"][0] == pytest.approx(sizes[0] / sum(sizes))


@pytest.mark.parametrize("soft", [False, True])
def test_the_regression_is_that_of_scikit_learn(soft: bool) -> None:
    random = np.random.default_rng(0)
    x = np.log(random.dirichlet(np.ones(3), size=(80, 2))).reshape(80, 6).astype(np.float32)
    noise = random.gumbel(size=(80, 3))
    truth = (x[:, :3] + 0.5 * x[:, 3:] + noise).argmax(1)
    targets, rows, labels, counts = torch.from_numpy(truth), x, truth, np.ones(80)
    if soft:  # a record of shares is a record per class that weighs its share
        shares = random.dirichlet(np.ones(3), size=80).astype(np.float32)
        targets, counts = torch.from_numpy(shares), shares.ravel()
        rows, labels = np.repeat(x, 3, axis=0), np.tile(np.arange(3), 80)
    peer = LogisticRegression(tol=1e-8, max_iter=5000)
    peer.fit(rows.astype(float), labels, sample_weight=counts)
    weight, bias = rules.regression(torch.from_numpy(x), targets, 3)
    np.testing.assert_allclose(weight, peer.coef_, atol=1e-3)
    np.testing.assert_allclose(
        softmax(x @ weight.numpy().T + bias.numpy()), peer.predict_proba(x), atol=1e-4
    )


def test_a_head_reads_the_mean_of_the_frames_that_are_there() -> None:
    model, (streams, masks) = build("late-fusion"), batch(kind=TIMED)
    means = {
        n: torch.stack([v[i][m[i]].mean(0).nan_to_num() for i in range(6)])
        for (n, v), m in zip(streams.items(), masks.values(), strict=True)
    }
    present = {n: m.any(1) for n, m in masks.items()}
    assert torch.allclose(model(streams, masks), model(means, present), atol=1e-6)


def test_without_masks_everything_is_there() -> None:
    model, (streams, masks) = build("late-fusion"), batch()
    unmasked = model.unimodal(streams)
    assert torch.equal(unmasked["text"][0], model.unimodal(streams, masks)["text"][0])
    assert not torch.equal(unmasked["text"][1], model.unimodal(streams, masks)["text"][1])


def test_a_rule_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="unknown rule 'vote' of late-fusion"):
        build("late-fusion", rule="vote")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 30])
def test_a_grid_adds_to_one_and_starts_with_the_first_stream(count: int) -> None:
    tried = list(rules.grid("sum", count))
    assert tried[0] == (1.0, *[0.0] * (count - 1))
    assert tried[-1] == (*[0.0] * (count - 1), 1.0)
    assert tried == sorted(set(tried), reverse=True)
    assert len(tried) <= rules.COMBINATIONS
    assert [sum(weights) for weights in tried] == pytest.approx([1.0] * len(tried))
    expected = {1: 1, 2: 21, 3: 231, 4: 1771}  # of w = 0, 0.05, ..., 1: choose(20 + n - 1, n - 1)
    assert len(tried) == expected.get(count, len(tried))
