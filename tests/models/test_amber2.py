"""AmbER2 against its formulas, computed again with numpy and scipy, and on known raters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import binom
from torch.nn.functional import cross_entropy

from emocli.errors import ConfigError
from emocli.models import amber2
from tests.models.test_zoo import CLASSES, DIMS, TIMED, batch, build

Terms = dict[str, torch.Tensor]


def shares(rows: int = 6, seed: int = 0) -> torch.Tensor:
    """Return votes of three raters, as shares: some are zero."""
    random = np.random.default_rng(seed)
    votes = random.multinomial(3, random.dirichlet(np.ones(CLASSES), rows))
    return torch.from_numpy(votes / 3).float()


def terms(model: Any, targets: torch.Tensor, inputs: Any = None) -> Terms:
    return model.objective(*(inputs or batch()), targets, cross_entropy)


def answers(model: Any) -> dict[str, np.ndarray]:
    """Return what every head says of the batch, as probabilities."""
    means, present = model._means(*batch())
    vectors = model._vectors(means, present)
    with torch.no_grad():
        return {
            name: head(vectors[name]).softmax(1).numpy().astype(float)
            for name, head in model.heads.items()
        }


def js(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return jensenshannon(first, second, axis=1) ** 2  # scipy gives the root, in nats


def expected(model: Any, y: np.ndarray) -> dict[str, float]:
    """Return the terms by the formulas of the docstring, one record at a time."""
    config, p = model.config, answers(model)
    present = {n: m.numpy() for n, m in batch()[1].items()} | {"fusion": np.ones(len(y), bool)}
    s, total = p[config.student], dict.fromkeys(("rater", "modality", "experts"), 0.0)
    for row in range(len(y)):
        experts = [n for n in p if n != config.student and present[n][row]]
        d = {n: float(js(p[n][[row]], y[[row]])[0]) for n in experts}
        kappa = 0.0 if config.uniform else config.kappa
        weights = {n: np.exp(-kappa * d[n]) for n in experts}
        total["experts"] += sum(d.values())
        if present[config.student][row]:
            total["rater"] += config.rater * float(js(s[[row]], y[[row]])[0])
            total["modality"] += config.modality * sum(
                weights[n] / sum(weights.values()) * js(s[[row]], p[n][[row]])[0] for n in experts
            )
    return {name: value / len(y) for name, value in total.items()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"modality": 0.0},
        {"uniform": True},
        {"student": "audio"},
        {"kappa": 8.0, "rater": 0.5, "modality": 0.3},
    ],
)
def test_the_terms_are_those_of_the_formulas(changes: dict[str, Any]) -> None:
    model, y = build("amber2", **changes), shares()
    losses = {name: term.item() for name, term in terms(model, y).items()}
    assert losses == pytest.approx(expected(model, y.numpy().astype(float)), rel=1e-4, abs=1e-7)
    assert (losses["modality"] == 0) == (changes.get("modality") == 0)


def test_classes_are_shares_of_one_vote() -> None:
    model, classes = build("amber2"), torch.tensor([0, 1, 2, 3, 0, 1])
    one_hot = torch.nn.functional.one_hot(classes, CLASSES).float()
    assert terms(model, classes) == terms(model, one_hot)


def test_the_divergence_is_scipys_in_nats_at_its_ends_too() -> None:
    first = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    second = torch.tensor([[0.1, 0.8, 0.1], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.4, 0.4, 0.2]])
    divergences = amber2.divergence(first.log(), second.log())
    np.testing.assert_allclose(divergences, js(first.numpy(), second.numpy()), atol=1e-6)
    assert divergences[1] == pytest.approx(np.log(2))
    assert divergences[2] == 0


@pytest.mark.parametrize(("votes", "nearest"), [(3, 0.965), (10, 0.922), (1000, 0.900)])
def test_few_votes_draw_the_nearest_answer_away_from_the_truth(votes: int, nearest: float) -> None:
    """Of chances 0.9 and 0.1: what examples/ambiguity_raters.py says of the rater loss."""
    counts, answers = np.arange(votes + 1), torch.linspace(0.85, 0.999, 150, dtype=torch.float64)
    predictions = torch.stack([answers, 1 - answers], dim=1).log()
    total = torch.zeros_like(answers)
    for count, chance in zip(counts, binom.pmf(counts, votes, 0.9), strict=True):
        vote = torch.tensor([count, votes - count], dtype=torch.float64) / votes
        total += chance * amber2.divergence(vote.log().expand_as(predictions), predictions)
    assert answers[total.argmin()].item() == pytest.approx(nearest, abs=2e-3)


def test_a_sure_and_wrong_answer_still_has_a_slope_that_is_finite() -> None:
    logits = torch.tensor([[200.0, 0.0], [8.0, 0.0]], requires_grad=True)
    wrong = torch.tensor([[0.0, 1.0], [0.0, 1.0]]).log()
    amber2.divergence(wrong, logits.log_softmax(1)).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert logits.grad[1, 1] < 0


def test_no_kappa_trusts_all_alike_and_much_kappa_the_best_alone() -> None:
    distances = torch.tensor([[0.1, 0.3, 0.2], [0.5, 0.4, 0.0]])
    present = torch.tensor([[True, True, True], [True, True, False]])
    even = build("amber2", kappa=0.0).trust(distances, present)
    assert torch.allclose(even, torch.tensor([[1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]]))
    assert torch.equal(build("amber2", uniform=True).trust(distances, present), even)
    hard = build("amber2", kappa=1e6).trust(distances, present)
    assert torch.equal(hard, torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    some = build("amber2", kappa=4.0).trust(distances, present)[0].numpy()
    weights = np.exp([-0.4, -1.2, -0.8])
    np.testing.assert_allclose(some, weights / weights.sum(), rtol=1e-6)


def test_the_expert_that_says_what_raters_say_is_trusted_most() -> None:
    model, y = build("amber2"), torch.tensor([[0.7, 0.1, 0.1, 0.1]])
    predictions = {"audio": y.log(), "text": torch.full((1, 4), 0.25).log()}
    distances = torch.stack([amber2.divergence(p, y.log()) for p in predictions.values()], dim=1)
    trust = model.trust(distances, torch.ones(1, 2).bool())
    assert distances[0, 0] == 0
    assert trust[0, 0] > trust[0, 1]


def test_nothing_is_lost_where_all_say_what_raters_say() -> None:
    model, y = build("amber2"), shares(1).expand(6, CLASSES) * 0.9 + 0.1 / CLASSES
    with torch.no_grad():
        for head in model.heads.values():
            head[-1].weight.zero_()
            head[-1].bias.copy_(y[0].log())
    assert all(abs(term.item()) < 1e-6 for term in terms(model, y).values())


def slopes(model: Any, term: str, head: str) -> float:
    model.zero_grad()
    terms(model, shares())[term].backward()
    return sum(
        float(p.grad.abs().sum()) for p in model.heads[head].parameters() if p.grad is not None
    )


def test_the_modality_loss_moves_the_student_alone_unless_gradients_may_pass() -> None:
    assert slopes(build("amber2"), "modality", "fusion") > 0
    for head in DIMS:
        assert slopes(build("amber2"), "modality", head) == 0
        assert slopes(build("amber2", stop_gradient=False), "modality", head) > 0
        assert slopes(build("amber2"), "experts", head) > 0
        assert slopes(build("amber2"), "rater", head) == 0
    assert slopes(build("amber2", modality=0.0), "modality", "fusion") == 0


def test_a_stream_as_the_student_is_what_is_said_and_the_fusion_is_an_expert() -> None:
    model, (streams, masks) = build("amber2", student="audio"), batch()
    assert torch.equal(
        model(streams, masks).log_softmax(1), model.unimodal(streams, masks)["audio"]
    )
    assert slopes(model, "experts", "fusion") > 0
    assert slopes(model, "modality", "audio") > 0
    present = masks["audio"].float()
    assert torch.equal(
        model.gates(streams, masks)["modalities"], torch.stack([present, 0 * present], 1)
    )


def test_the_gate_of_two_streams_is_the_sigmoid_of_the_formula() -> None:
    model, (streams, masks) = build("amber2"), batch(kind=TIMED)
    with torch.no_grad():
        means, _ = model._means(streams, masks)
        g = torch.sigmoid(model.gate(torch.cat([means["audio"], means["text"]], 1)))
        a, t = (model.project[name](means[name]) for name in ("audio", "text"))
        fused, gates = model.fuse(streams, masks), model.gates(streams, masks)["modalities"]
        both = [0, 3, 4, 5]
        assert torch.allclose(fused[both], (g * a + (1 - g) * t)[both], atol=1e-6)
        assert torch.allclose(gates[both, 0], g.mean(1)[both], atol=1e-6)
        assert torch.allclose(fused[1], a[1], atol=1e-6)  # no text
        assert torch.allclose(fused[2], t[2], atol=1e-6)  # no audio


def test_three_streams_share_the_gate_and_one_has_it_to_itself() -> None:
    streams = {name: torch.randn(5, 3) for name in ("audio", "text", "video")}
    masks = {name: torch.ones(5).bool() for name in streams}
    masks["text"][0] = False
    gates = build("amber2", dims=dict.fromkeys(streams, 3)).gates(streams, masks)["modalities"]
    assert torch.allclose(gates.sum(1), torch.ones(5))
    assert gates[0, 1] == 0
    text_only = build("amber2", dims={"text": 3})
    assert torch.equal(text_only.gates(streams, masks)["modalities"][1:], torch.ones(4, 1))
    assert terms(text_only, shares(5), (streams, masks))["modality"] > 0


def test_mixed_precision_leaves_the_divergences_as_they_are() -> None:
    model, y = build("amber2"), shares()
    full = {name: term.item() for name, term in terms(model, y).items()}
    with torch.autocast("cpu", torch.bfloat16):
        mixed = {name: term.item() for name, term in terms(model, y).items()}
    assert mixed == pytest.approx(full, rel=0.03)


def test_the_baseline_is_the_same_student_and_has_no_experts() -> None:
    model, (streams, masks) = build("amber2", objective="task"), batch()
    assert list(model.heads) == ["fusion"]
    assert model.unimodal(streams, masks) == {}
    losses, y = terms(model, shares()), shares()
    assert list(losses) == ["task"]
    assert torch.equal(losses["task"], cross_entropy(model(streams, masks), y))


def test_other_heads_learn_by_the_loss_of_the_task() -> None:
    model = build("amber2", classes=CLASSES + 2, primary=CLASSES)
    packed = torch.cat([shares(), torch.randn(6, 2)], dim=1)
    packed[2, :CLASSES] = float("nan")  # a record without votes

    def numbers(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.mse_loss(logits[:, CLASSES:], targets[:, CLASSES:])

    terms = model.objective(*batch(), packed, numbers)
    assert list(terms) == ["rater", "modality", "experts", "task"]
    assert all(term.isfinite() for term in terms.values())
    sum(terms.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert model.unimodal(*batch())["text"].shape == (6, CLASSES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": "magic"}, "unknown objective 'magic'"),
        ({"student": "video"}, "unknown student 'video' of streams audio, text"),
        ({"dims": {"fusion": 3}}, "unknown student 'fusion' of streams fusion"),
    ],
)
def test_a_role_that_is_not_there_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("amber2", **changes)
