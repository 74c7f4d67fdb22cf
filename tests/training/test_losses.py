"""What training makes smaller, against scipy, torch's own losses and the sum of its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special
from scipy.spatial import distance

from emocli.bundles import heads
from emocli.bundles.heads import Head
from emocli.training import losses
from emocli.training.loop import Settings

LABELS = ("a", "b", "c", "d")


def drawn(rows: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (rows, 4))
    shares = random.dirichlet(np.ones(4) * 0.5, rows)
    shares[0] = [1, 0, 0, 0]
    return torch.tensor(logits), torch.tensor(shares)


def test_kl_and_js_are_those_of_scipy() -> None:
    logits, shares = drawn()
    answers, truth = special.softmax(logits.numpy(), axis=1), shares.numpy()
    expected = special.rel_entr(truth, answers).sum(1).mean()
    assert losses.kl(logits, shares).item() == pytest.approx(expected, rel=1e-9)
    expected = (distance.jensenshannon(truth, answers, axis=1) ** 2).mean()
    assert losses.js(logits, shares).item() == pytest.approx(expected, rel=1e-9)


def test_cross_entropy_is_kl_and_the_entropy_of_the_labels() -> None:
    logits, shares = drawn()
    entropy = special.entr(shares.numpy()).sum(1).mean()
    expected = losses.kl(logits, shares).item() + entropy
    assert losses.cross_entropy(logits, shares).item() == pytest.approx(expected, rel=1e-9)
    classes = torch.tensor([0, 1, 2, 3] * 3)
    expected = torch.nn.functional.cross_entropy(logits, classes).item()
    assert losses.cross_entropy(logits, classes).item() == pytest.approx(expected, rel=1e-9)


def test_js_has_a_slope_where_an_answer_is_all_but_zero() -> None:
    logits = torch.tensor([[200.0, -200.0, 0.0, 0.0]], requires_grad=True)
    losses.js(logits, torch.tensor([[0.0, 1.0, 0.0, 0.0]])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", losses.NAMES)
def test_parts_of_a_batch_add_up_to_the_whole(name: str) -> None:
    logits, shares = drawn(13)
    loss = losses.of([Head("distribution", heads.SHARES, LABELS)], shares, Settings(loss=name))
    parts = [(loss(logits[i::2], shares[i::2]), len(logits[i::2]) / 13) for i in range(2)]
    whole = sum(value * part for value, part in parts)
    assert loss(logits, shares).item() == pytest.approx(whole.item(), rel=1e-9)


def test_weights_of_classes_add_up_over_parts_too() -> None:
    logits, _ = drawn(13)
    classes = torch.tensor([0] * 9 + [1, 1, 2, 3])
    loss = losses.of([Head("emotion", heads.CLASSES, LABELS)], classes, Settings())
    whole = sum(loss(logits[i::2], classes[i::2]) * len(classes[i::2]) / 13 for i in range(2))
    assert loss(logits, classes).item() == pytest.approx(whole.item(), rel=1e-6)
    weights = losses.class_weights(classes, 4).double()
    each = torch.nn.functional.cross_entropy(logits, classes, reduction="none")
    assert loss(logits, classes).item() == pytest.approx((weights[classes] * each).mean().item())


def test_several_heads_add_up_and_what_is_unknown_counts_nothing() -> None:
    logits, shares = drawn(4)
    wanted = [Head("distribution", heads.SHARES, LABELS), Head("valence", heads.NUMBER)]
    logits = torch.cat([logits, torch.tensor([[1.0], [2.0], [3.0], [4.0]])], dim=1)
    targets = torch.cat([shares, torch.tensor([[0.0], [float("nan")], [1.0], [4.0]])], dim=1)
    loss = losses.of(wanted, targets, Settings(loss="kl"))
    expected = losses.kl(logits[:, :4], shares).item() + (1 + 0 + 2 + 0) / 4
    assert loss(logits, targets).item() == pytest.approx(expected)
    targets[1, :4] = float("nan")
    rest = losses.kl(logits[[0, 2, 3], :4], shares[[0, 2, 3]]).item() * 3 / 4
    assert loss(logits, targets).item() == pytest.approx(rest + 3 / 4)


def test_half_precision_takes_nothing_from_the_weights_of_classes() -> None:
    classes, weights = torch.tensor([0, 1, 2, 1]), torch.tensor([1.0, 0.301, 2.003])
    logits = torch.tensor([[0.0, 1.0, 2.0]]).bfloat16().expand(4, 3)
    whole = losses.cross_entropy(logits.float(), classes, weights=weights).item()
    assert losses.cross_entropy(logits, classes, weights=weights).item() == pytest.approx(whole)
    with torch.autocast("cpu", torch.bfloat16):
        assert losses.cross_entropy(logits, classes, weights=weights).item() == pytest.approx(whole)


def test_half_precision_loses_no_small_divergence() -> None:
    logits = torch.tensor([[0.0, 0.1, 0.2, 0.3]])
    shares = torch.tensor([[0.22, 0.24, 0.26, 0.28]])
    whole = losses.js(logits, shares).item()
    with torch.autocast("cpu", torch.bfloat16):
        assert losses.js(logits.bfloat16(), shares).item() == pytest.approx(whole, rel=0.1)


def test_classes_that_are_drawn_evenly_are_not_weighed_again() -> None:
    classes, logits = torch.tensor([0, 0, 0, 1]), torch.randn(4, 2)
    head = Head("emotion", heads.CLASSES, ("a", "b"))
    plain, even, weighed = (
        losses.of([head], classes, Settings(balanced=b, even=e))(logits, classes)
        for b, e in ((False, False), (True, True), (True, False))
    )
    assert even == plain
    assert weighed != plain
