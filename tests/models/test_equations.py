"""Models against their equations, computed again with numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emocli.models import _sequences
from emocli.models.miar import _contrast, _moments
from tests.models.test_zoo import TIMED, batch, build


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def linear(layer: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    weight = layer.weight.detach().numpy().astype(float)
    return x @ weight.T + (0 if layer.bias is None else layer.bias.detach().numpy())


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def test_the_gated_unit_is_that_of_the_paper() -> None:
    model, (streams, masks) = build("gated"), batch()
    x = {n: np.where(masks[n][:, None], v, 0).astype(float) for n, v in streams.items()}
    flags = np.stack([m.numpy() for m in masks.values()], 1)
    joined = np.concatenate([*x.values(), flags], 1)
    expected = sum(
        flags[:, [i]]
        * sigmoid(linear(model.gate[n], joined))
        * np.tanh(linear(model.features[n], v))
        for i, (n, v) in enumerate(x.items())
    )
    np.testing.assert_allclose(model.fuse(streams, masks).detach(), expected, atol=1e-6)


@pytest.mark.parametrize("soft", [False, True])
def test_conv_attention_is_that_of_the_released_code(soft: bool) -> None:
    """Where nothing is missing: six frames in six moments, each convolution written out."""
    model = build("conv-attention", softmax=soft)
    random = torch.Generator().manual_seed(0)
    streams = {n: torch.randn(2, 6, d, generator=random) for n, d in model.config.dims.items()}
    masks = {n: torch.ones(2, 6).bool() for n in streams}
    hidden = [_relus(model.project[n], v.numpy()) for n, v in streams.items()]
    joined = np.concatenate(hidden, -1)
    weights = linear(model.attend[1], _relus(model.attend[0], joined))
    weights = softmax(weights) if soft else weights
    attended = sum(weights[..., [m]] * h for m, h in enumerate(hidden))
    values = _conv(model.first, joined)
    for layer in model.convolve:
        change = _conv(layer, values)
        values = values + change * sigmoid(change)
    expected = linear(model.token, attended + values)
    got, mask = model.tokens(streams, masks)
    np.testing.assert_allclose(got.detach(), expected, atol=1e-5)
    assert mask.all()
    np.testing.assert_allclose(model.fuse(streams, masks).detach(), expected.mean(1), atol=1e-5)


def _relus(mlp: torch.nn.Sequential, x: np.ndarray) -> np.ndarray:
    return np.maximum(linear(mlp[3], np.maximum(linear(mlp[0], x), 0)), 0)


def _conv(layer: torch.nn.Conv1d, x: np.ndarray) -> np.ndarray:
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    reach = weight.shape[2] // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (0, 0)))
    taps = [padded[:, k : k + x.shape[1]] @ weight[:, :, k].T for k in range(weight.shape[2])]
    return sum(taps) + bias


def test_a_zeroed_and_masked_stream_leaves_conv_attention_as_if_it_were_zero_features() -> None:
    """The released code fails this: biases of a stream that is not there go on into the tokens."""
    model = build("conv-attention")
    with torch.no_grad():
        for parameter in model.project.parameters():
            parameter.fill_(1.0)
    streams, masks = batch(kind=TIMED)
    features, present = model._moments(streams, masks)
    assert not present[1, :, 1].any()
    assert features[1, :, 1].abs().max() == 0
    assert features[0, :, 1].abs().max() > 0


def test_expert_gates_and_fusion_are_those_of_the_formula() -> None:
    model, inputs = build("expert-gating"), batch(kind=TIMED)
    with torch.no_grad():
        encoded = {
            n: (model.project[n](v) * m[..., None], m)
            for n, (v, m) in model.inputs(*inputs).items()
        }
        anchor = _sequences.masked_mean(*encoded["text"]).numpy()
        present = np.stack([m.any(1).numpy() for _, m in encoded.values()], 1)
        opinions, alphas = [], []
        for name, expert in model.experts.items():
            parts, extra = expert(encoded)
            e = np.stack([p.numpy() for p in parts], 1)
            beside = np.broadcast_to(anchor[:, None], e.shape)
            score = np.tanh(linear(model.mix[name], np.concatenate([e, beside], -1)))
            score = linear(model.choose[name], score)[..., 0]
            alphas.append(softmax(np.where(present, score, -1e30)))
            extra = extra.numpy() if isinstance(extra, torch.Tensor) else extra
            opinions.append(extra + (alphas[-1][..., None] * e).sum(1))
        gates = softmax(linear(model.weigh, np.concatenate([*opinions, anchor], 1)))
        total = sum(
            gates[:, [i]] * sigmoid(linear(model.open[n], np.concatenate([x, anchor], 1))) * x
            for i, (n, x) in enumerate(zip(model.experts, opinions, strict=True))
        )
        spread = np.sqrt(total.var(1, keepdims=True) + 1e-5)
        expected = (total - total.mean(1, keepdims=True)) / spread
        np.testing.assert_allclose(model.fuse(*inputs), expected, atol=1e-4)
        weights = model.gates(*inputs)
        np.testing.assert_allclose(weights["experts"], gates, atol=1e-5)
        shares = sum(gates[:, [i]] * a for i, a in enumerate(alphas))
        np.testing.assert_allclose(weights["modalities"], shares, atol=1e-5)
        terms = model.objective(*inputs, torch.zeros(6).long(), torch.nn.functional.cross_entropy)
    usage = gates.mean(0)
    assert float(terms["balance"]) == pytest.approx(
        0.01 * (usage * np.log(3 * usage)).sum(), abs=1e-6
    )


def test_experts_can_be_left_out_and_made_equal() -> None:
    model = build("expert-gating", experts=("local", "global"), uniform=True)
    gates = model.gates(*batch())["experts"]
    assert torch.equal(gates, torch.full((6, 2), 0.5))


@pytest.mark.parametrize("targets", [None, [0.1, 0.5, -2.0, 1.5, 0.2]])
def test_the_contrast_of_miar_is_info_nce(targets: list[float] | None) -> None:
    random = np.random.default_rng(0)
    tokens = random.normal(size=(5, 3, 4))
    present = np.ones((5, 3), bool)
    present[1, 2] = False
    unit = tokens / np.linalg.norm(tokens, axis=2, keepdims=True)
    losses = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        both = present[:, a] & present[:, b]
        scores = unit[both, a] @ unit[both, b].T / 0.07
        match = np.eye(both.sum())
        if targets is not None:
            y = np.array(targets)[both]
            match = softmax(-np.abs(y[:, None] - y[None]) / 0.5)
        for matrix in (scores, scores.T):
            losses.append(-(match * np.log(softmax(matrix))).sum(1).mean())
    values = None if targets is None else torch.tensor(targets, dtype=torch.float64)
    got = _contrast(torch.from_numpy(tokens), torch.from_numpy(present), values)
    assert float(got) == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_moments_of_miar_are_means_and_spreads_of_what_is_there() -> None:
    random = np.random.default_rng(1)
    tokens, present = random.normal(size=(30, 2, 4)), random.random((30, 2)) < 0.7
    means = [tokens[present[:, m], m].mean(0) for m in range(2)]
    spreads = [tokens[present[:, m], m].std(0) for m in range(2)]
    expected = ((means[0] - means[1]) ** 2).sum() + ((spreads[0] - spreads[1]) ** 2).sum()
    got = _moments(torch.from_numpy(tokens), torch.from_numpy(present))
    assert float(got) == pytest.approx(expected, rel=1e-4)


def test_miar_has_a_token_per_stream_and_a_joint_one_or_two_of_the_text() -> None:
    dims = {"text": 5, "audio": 4, "video": 3}
    assert [t[0] for t in build("miar", dims=dims).tokens] == ["text", "audio", "video", "joint"]
    other = build("miar", dims=dims, fourth_token="text2")
    assert [t[0] for t in other.tokens] == ["text-audio", "text-video", "audio", "video"]
    streams = {n: torch.randn(3, 4, d) for n, d in dims.items()}
    masks = {n: torch.ones(3, 4).bool() for n in dims}
    assert other(streams, masks).isfinite().all()


@pytest.mark.parametrize("asking", [1, 2, None])
def test_attention_is_softmax_of_scaled_products_over_what_is_there(asking: int | None) -> None:
    """One query, some, and a sequence that asks itself: three ways to compute the same."""
    torch.manual_seed(0)
    attention = _sequences.Attention(8, 2)
    values = torch.randn(3, 5, 8)
    queries = values if asking is None else torch.randn(3, asking, 8)
    mask = torch.tensor([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]]).bool()
    q, k, v = (
        linear(layer, x.numpy()).reshape(3, -1, 2, 4).swapaxes(1, 2)
        for layer, x in (
            (attention.query, queries),
            (attention.key, values),
            (attention.value, values),
        )
    )
    scores = np.where(mask[:, None, None], q @ k.swapaxes(2, 3) / 2, -1e30)
    output = (softmax(scores) @ v).swapaxes(1, 2).reshape(3, -1, 8)
    expected = linear(attention.output, output)
    expected[2] = 0
    np.testing.assert_allclose(attention(queries, values, mask).detach(), expected, atol=1e-5)


@pytest.mark.parametrize("looks", ["own", "others", "both"])
def test_the_first_place_alone_is_the_first_of_all(looks: str) -> None:
    """Values and slopes: what a last layer leaves out is what nobody reads."""
    torch.manual_seed(0)
    layer = _sequences.Layer(8, 2, 0.0, looks)
    values, others = torch.randn(3, 5, 8), torch.randn(3, 4, 8)
    mask = torch.tensor([[1, 1, 0, 1, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]).bool()
    seen = (others, torch.tensor([[1, 1, 1, 0], [0, 0, 0, 0], [0, 1, 0, 1]]).bool())
    slopes = []
    for first in (False, True):
        output = layer(values.requires_grad_(), mask, seen, first=first)[:, 0]
        leaves = [values, *layer.parameters()]
        slopes.append([output, *torch.autograd.grad(output.square().sum(), leaves)])
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_tokens_of_miar_are_what_whole_layers_would_give() -> None:
    model, inputs = build("miar"), batch(kind=TIMED)
    with torch.no_grad():
        encoded = model._encoded(*inputs)
        tokens = []
        for (name, own, others), query in zip(model.tokens, model.queries, strict=True):
            start = (query.expand(6, 1, -1), torch.ones(6, 1).bool())
            values, mask = _sequences.joined([start, encoded[own]] if own else [start])
            for layer in model.blocks[name]:
                values = layer(values, mask, _sequences.joined([encoded[o] for o in others]))
            tokens.append(model.norm(values[:, 0]))
        got, _ = model._globals(*inputs)
    torch.testing.assert_close(got, torch.stack(tokens, dim=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("time", "count"), [(5, 5), (10, 4), (3, 8), (1, 6), (7, 1)])
def test_segments_are_adaptive_pools(time: int, count: int) -> None:
    values = torch.randn(2, time, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.adaptive_avg_pool1d(values.transpose(1, 2), count)
    got, mask = _sequences.segments(values, torch.ones(2, time).bool(), count)
    assert torch.allclose(got, expected.transpose(1, 2), atol=1e-6)
    assert mask.all()


def test_a_segment_of_lost_frames_is_masked() -> None:
    mask = torch.tensor([[1, 1, 0, 0, 1, 1, 0, 0]]).bool()  # the last two are padding
    values = torch.arange(8.0)[None, :, None]
    got, segment_mask = _sequences.segments(values, mask, 3)
    assert segment_mask.tolist() == [[True, False, True]]
    assert got[0, :, 0].tolist() == [0.5, 0.0, 4.5]
