"""What every model promises."""

from __future__ import annotations

import copy
import importlib
import re
from typing import Any

import orjson
import pytest
import torch

from emocli import models
from emocli.errors import ConfigError
from emocli.training import loop
from examples.fusion_tasks import accuracy, fitted, mean_over_time, xor

DIMS = {"audio": 12, "text": 5}
CLASSES = 4
TIMES = {"audio": 9, "text": 7}
SMALL = {"hidden": 16}
CONFIGS: dict[str, dict[str, Any]] = {
    "late-fusion": {"hidden": {"audio": 6, "text": 0}, "weights": {"audio": 1.0, "text": 0.4}},
    "linear": {},
    "e2-stage1": SMALL | {"dropout": 0.1},
    "eegnet": SMALL | {"kernel": 8, "moments": 8, "dropout": 0.1},
    "conv-attention": SMALL | {"moments": 6},
    "stars": SMALL | {"segments": 4},
    "windows": SMALL | {"frames": 4, "statistics": True},
}
POOLED, TIMED = "pooled", "timed"

Batch = tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]


def build(name: str, **more: Any) -> Any:
    torch.manual_seed(1)
    config = {"dims": DIMS, "classes": CLASSES, **CONFIGS.get(name, SMALL), **more}
    return models.build(name, config).eval()


def batch(rows: int = 6, kind: str = POOLED) -> Batch:
    random = torch.Generator().manual_seed(2)
    shape = {n: (rows, TIMES[n])[: 2 if kind == TIMED else 1] for n in DIMS}
    streams = {n: torch.randn(*shape[n], dim, generator=random) for n, dim in DIMS.items()}
    masks = {n: torch.ones(shape[n], dtype=torch.bool) for n in DIMS}
    masks["text"][1] = False
    masks["audio"][2] = False
    if kind == TIMED:
        masks["audio"][3, 2:] = False  # short
        masks["text"][3, 6:] = False
        masks["audio"][4, 3:6] = False  # frames lost
    return streams, masks


def wide(mask: torch.Tensor) -> torch.Tensor:
    return mask[..., None]


everything = pytest.mark.parametrize("name", models.names())
with_time = [name for name in models.names() if models.takes_time(name)]
sequences = pytest.mark.parametrize("name", with_time)
HEADS_ALONE = "late-fusion"  # it learns no answer of its own: heads are trained one by one
SLOW_TO_LEARN = ("conv-attention", "e2-stage1", "eegnet")  # they need more epochs, and are quick
jointly = pytest.mark.parametrize("name", [name for name in with_time if name != HEADS_ALONE])
every_kind = pytest.mark.parametrize(
    ("name", "kind"),
    [(name, POOLED) for name in models.names()] + [(name, TIMED) for name in with_time],
)


@every_kind
def test_logits_have_the_shape_of_the_classes(name: str, kind: str) -> None:
    assert build(name)(*batch(kind=kind)).shape == (6, CLASSES)


@every_kind
def test_forward_is_classify_of_fuse(name: str, kind: str) -> None:
    model, inputs = build(name), batch(kind=kind)
    assert torch.equal(model(*inputs), model.classify(model.fuse(*inputs)))


@pytest.mark.parametrize("what", [1e6, float("inf"), float("nan")])
@every_kind
def test_what_is_masked_does_not_matter(name: str, kind: str, what: float) -> None:
    model, (streams, masks) = build(name), batch(kind=kind)
    changed = {
        n: torch.where(wide(masks[n]), v, torch.full_like(v, what)) for n, v in streams.items()
    }
    assert torch.allclose(model(streams, masks), model(changed, masks), atol=1e-6)


@sequences
def test_what_is_masked_gives_no_slope(name: str) -> None:
    model, (streams, masks) = build(name), batch(kind=TIMED)
    broken = {n: v.masked_fill(~wide(masks[n]), float("nan")) for n, v in streams.items()}
    if name != HEADS_ALONE:
        loop.standardise(model, loop.Data(broken, masks, torch.zeros(6)))
    model(broken, masks).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@sequences
def test_padding_does_not_matter(name: str) -> None:
    model, (streams, masks) = build(name), batch(kind=TIMED)
    longer = {n: torch.cat([v, torch.full_like(v[:, :5], 7.0)], dim=1) for n, v in streams.items()}
    padded = {n: torch.cat([m, torch.zeros(6, 5).bool()], dim=1) for n, m in masks.items()}
    assert torch.allclose(model(streams, masks), model(longer, padded), atol=1e-6)


@every_kind
def test_a_stream_that_is_there_matters(name: str, kind: str) -> None:
    model, (streams, masks) = build(name), batch(kind=kind)
    for stream in DIMS:
        changed = {**streams, stream: streams[stream] + 1}
        assert not torch.allclose(model(streams, masks)[0], model(changed, masks)[0])


@every_kind
def test_one_row_alone_is_the_row_in_the_batch(name: str, kind: str) -> None:
    model, (streams, masks) = build(name), batch(kind=kind)
    batched = model(streams, masks)
    for row in range(6):
        single = model(
            {n: v[row : row + 1] for n, v in streams.items()},
            {n: m[row : row + 1] for n, m in masks.items()},
        )
        assert torch.allclose(single[0], batched[row], atol=1e-6)


@every_kind
def test_the_order_of_the_batch_does_not_matter(name: str, kind: str) -> None:
    model, (streams, masks) = build(name), batch(kind=kind)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    turned = model(
        {n: v[order] for n, v in streams.items()}, {n: m[order] for n, m in masks.items()}
    )
    assert torch.allclose(turned, model(streams, masks)[order], atol=1e-6)


@sequences
def test_vectors_and_sequences_can_be_mixed(name: str) -> None:
    model = build(name)
    streams = {"audio": batch(kind=TIMED)[0]["audio"], "text": batch()[0]["text"]}
    masks = {"audio": batch(kind=TIMED)[1]["audio"], "text": batch()[1]["text"]}
    assert model(streams, masks).isfinite().all()
    full = {"audio": masks["audio"].any(1), "text": masks["text"]}  # a mask may be the record's
    assert torch.allclose(model(streams, masks)[0], model(streams, full)[0], atol=1e-6)


@every_kind
def test_every_subset_of_streams_will_do(name: str, kind: str) -> None:
    model, (streams, masks) = build(name), batch(kind=kind)
    for left in ({"audio"}, {"text"}, set()):
        some = {n: m & (n in left) for n, m in masks.items()}
        assert model(streams, some).isfinite().all()
        objective = loop.objective(
            model.train(),
            loop.Data(streams, some, torch.arange(6) % CLASSES),
            torch.nn.functional.cross_entropy,
        )
        assert all(term.isfinite() for term in objective.values()), objective


@everything
def test_gradients_reach_every_parameter(name: str) -> None:
    kind = TIMED if models.takes_time(name) else POOLED  # attention to one frame has no slope
    model, (streams, masks) = build(name).train(), batch(kind=kind)
    data = loop.Data(streams, masks, torch.arange(6) % 2)
    terms = loop.objective(model, data, torch.nn.functional.cross_entropy)
    sum(terms.values()).backward()
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
def test_sixteen_records_can_be_learned_by_heart(name: str) -> None:
    streams, masks = batch(16, TIMED if models.takes_time(name) else POOLED)
    random = torch.Generator().manual_seed(3)
    data = loop.Data(streams, masks, torch.randint(0, CLASSES, (16,), generator=random))
    free = {"dropout": 0.0} if hasattr(build(name).config, "dropout") else {}
    model = build(name, **free)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    if name != HEADS_ALONE:
        loop.standardise(model, data)
    learned, steps = False, 0
    while not learned and steps < 300:
        loss = torch.nn.functional.cross_entropy
        optimiser.zero_grad()
        sum(loop.objective(model.train(), data, loss).values()).backward()
        optimiser.step()
        steps += 1
        learned = bool((loop.logits(model, data).argmax(1) == data.targets).all())
    assert learned, f"{name} has not learned 16 records in {steps} steps"


class LearnedError(Exception):
    """There is no need to go on."""


@jointly
def test_a_number_can_be_learned_too(name: str) -> None:
    model = build(name, task="regression", classes=2)
    streams, masks = batch(64, TIMED)
    targets = torch.stack([streams["audio"].mean((1, 2)) * 3, streams["text"][:, 0, 0] * 0 + 1], 1)
    masks = {n: torch.ones_like(m) for n, m in masks.items()}
    data = loop.Data(streams, masks, targets)
    settings = loop.Settings(
        epochs=60, patience=60, learning_rate=1e-2, batch_size=16, modality_dropout=0, squared=True
    )

    def report(row: dict[str, Any]) -> None:
        if row["dev_loss"] < 0.5 * float(targets.var(0).mean()):  # the mean alone gets all of it
            raise LearnedError

    with pytest.raises(LearnedError):
        loop.fit(model, data, data, settings, report)
    assert loop.logits(model, data).shape == (64, 2)


@sequences
def test_gates_add_to_one_over_what_is_there(name: str) -> None:
    model, (streams, masks) = build(name), batch(kind=TIMED)
    for gate, values in getattr(model, "gates", lambda *_: {})(streams, masks).items():
        assert torch.allclose(values.sum(1), torch.ones(6), atol=1e-5), gate
        assert (values >= 0).all()
        if gate == "modalities":
            present = torch.stack([m.any(1) for m in masks.values()], dim=1)
            assert torch.equal(values > 0, present)


@everything
def test_the_paper_is_named(name: str) -> None:
    doc = importlib.import_module(f"emocli.models.{name.replace('-', '_')}").__doc__ or ""
    assert re.search(r"\((18|19|20)\d\d\)", doc)
    assert "https://" in doc


@pytest.mark.slow
@jointly
def test_what_no_stream_says_alone_is_learned_from_both(name: str) -> None:
    task = xor(seed=0)
    epochs = 14 if name in SLOW_TO_LEARN else 6
    assert accuracy(fitted(name, task, seed=0, epochs=epochs), task.test) >= 0.9


def test_heads_that_answer_alone_do_not_learn_it() -> None:
    task = mean_over_time(xor(seed=0))
    assert accuracy(fitted(HEADS_ALONE, task, seed=0), task.test) < 0.6


def test_one_stream_alone_is_at_chance() -> None:
    task = xor(seed=0)
    for stream in ("text", "audio"):
        assert accuracy(fitted("concat", task.of(stream), seed=0), task.of(stream).test) < 0.56


@everything
def test_a_config_survives_json(name: str) -> None:
    config = build(name).config
    again = models.build(name, orjson.loads(orjson.dumps(config)))
    assert again.config == config


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="unknown model 'magic'"):
        models.build("magic", {})
    with pytest.raises(ConfigError, match="unknown setting size of model gated"):
        models.build("gated", {"size": 3})
