"""From features to soft tokens: counts, parameters and layout as published; masks; dimensions."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from emocli.bundles import soft_streams
from emocli.encoders import language_adapter
from emocli.encoders.transformers_import import imported
from emocli.llm import soft_layouts, tuning
from emocli.models._soft_tokens import SoftTokens

PUBLISHED = {"image": 1408, "video": 1408, "audio": 1280}  # EVA ViT-g, Whisper large-v3
LORA = 33_554_432  # rank 64 on queries and values of 32 layers of 4,096


def contents(layout: dict[str, Any], dims: dict[str, int], width: int = 32) -> dict[str, Any]:
    soft = {**layout, "width": width, "norm": 2.0}
    return {"soft": soft, "streams": {n: {"dim": dim, "modality": n} for n, dim in dims.items()}}


def built(layout: dict[str, Any], dims: dict[str, int], width: int = 32) -> SoftTokens:
    torch.manual_seed(0)
    return SoftTokens(soft_streams.config(contents(layout, dims, width))).eval()


def frames(dims: dict[str, int], rows: int = 3, time: int = 9) -> Any:
    random = torch.Generator().manual_seed(0)
    streams = {n: torch.randn(rows, time, dim, generator=random) for n, dim in dims.items()}
    return streams, {n: torch.ones(rows, time, dtype=torch.bool) for n in dims}


def test_emotion_llama_has_the_published_number_of_trainable_parameters() -> None:
    transformers = imported()
    config = transformers.LlamaConfig(  # Llama-2-7b
        hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32
    )
    with torch.device("meta"):
        network = transformers.AutoModelForCausalLM.from_config(config)
        network.requires_grad_(False)
        library, names = language_adapter.library(), ("q_proj", "v_proj")
        adapted = tuning.adapted(network, library, 64, 16, 0.05, projections=names)
        soft = SoftTokens(
            soft_streams.config(contents(soft_layouts.layout("emotion-llama"), PUBLISHED, 4096))
        )
    counts = [sum(p.numel() for p in tuning.trained(part).values()) for part in (adapted, soft)]
    assert counts[0] == LORA
    assert sum(counts) == 71_536_387


def test_emotion_llama_has_the_published_tokens_in_their_order() -> None:
    layout = soft_layouts.layout("emotion-llama")
    places = soft_streams.spec(contents(layout, PUBLISHED), "")
    assert places is not None
    assert {n: len(r) for n, r in places.layout.items()} == {
        "fusion": 64,
        "image": 256,
        "video": 64,
        "audio": 64,
    }
    assert [r.start for r in places.layout.values()] == [0, 64, 320, 384]
    first = soft_layouts.layout("emotion-llama-v1")["slots"]
    assert [slot["tokens"] for slot in first.values()] == [256, 1, 1, 1, 1]
    small = soft_layouts.layout("emotion-llama=16")["slots"]
    assert {slot["tokens"] for slot in small.values()} == {16}


@pytest.mark.parametrize("size", ["", "=8"])
def test_a_system_of_any_size_may_begin_with_a_fusion_trained_before(size: str) -> None:
    slots = soft_layouts.layout(f"emotion-llama{size}:out/a=b:c")["slots"]
    assert slots["fusion"]["start"] == "out/a=b:c"
    assert slots["fusion"]["tokens"] == (8 if size else 64)
    assert "start" not in slots["audio"]


@pytest.mark.parametrize("projector", ["linear", "mlp", "low-rank"])
def test_tokens_of_one_stream_have_the_norm_of_words_and_span_more_than_two_dimensions(
    projector: str,
) -> None:
    slot = {"tokens": 8, "streams": ["audio"], "projector": projector}
    layout = {"prompt": "<audio>", "words": True, "slots": {"audio": slot}}
    values, mask = built(layout, {"audio": 20})(*frames({"audio": 20}, time=40))
    assert values.shape == (3, 8, 32)
    assert mask.all()
    torch.testing.assert_close(values.norm(dim=2), torch.full((3, 8), 2.0), atol=0.01, rtol=0)
    assert all(int(torch.linalg.matrix_rank(v, rtol=1e-3)) > 4 for v in values)


def system(name: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Return a shipped layout for small streams, and their sizes."""
    layout = soft_layouts.layout(name)
    names = {s for slot in layout["slots"].values() for s in slot["streams"]}
    return layout, {n: 6 + place for place, n in enumerate(sorted(names))}


@pytest.mark.parametrize("name", soft_layouts.names())
def test_the_content_of_a_masked_stream_changes_no_token(name: str) -> None:
    layout, dims = system(name)
    model = built(layout, dims)
    for lost in dims:
        streams, masks = frames(dims)
        masks[lost][1] = False
        masks[lost][0, 4:] = False
        before, present = model(streams, masks)
        streams[lost] = streams[lost].masked_fill(~masks[lost][..., None], float("nan"))
        after, same = model(streams, masks)
        assert same.equal(present)
        assert after[present].equal(before[present])
        alone = len(dims) == 1 or any(s["streams"] == [lost] for s in layout["slots"].values())
        assert bool(present[1].all()) != alone


@pytest.mark.parametrize("name", soft_layouts.names())
def test_tokens_do_not_depend_on_the_batch(name: str) -> None:
    layout, dims = system(name)
    model = built(layout, dims)
    streams, masks = frames(dims)
    masks[min(dims)][2, 3:] = False
    together, present = model(streams, masks)
    for row in range(3):
        own = {n: s[row : row + 1] for n, s in streams.items()}
        alone, there = model(own, {n: m[row : row + 1] for n, m in masks.items()})
        assert there[0].equal(present[row])
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=0)


def test_ten_thousand_frames_become_64_tokens_and_frames_that_are_masked_make_none() -> None:
    layout = {"prompt": "<audio>", "words": True}
    layout["slots"] = {"audio": {"tokens": 64, "streams": ["audio"]}}
    model = built(layout, {"audio": 20})
    streams, masks = frames({"audio": 20}, rows=2, time=10_000)
    masks["audio"][1, :5000] = False
    values, present = model(streams, masks)
    assert values.shape == (2, 64, 32)
    assert present.sum(dim=1).tolist() == [64, 32]
    bins = streams["audio"][0].reshape(-1)[: 156 * 20].reshape(156, 20).mean(0)
    projected = model.projectors["audio"](bins)
    expected = torch.nn.functional.layer_norm(projected, (32,)) * 2 / 32**0.5
    torch.testing.assert_close(values[0, 0], expected, atol=0.05, rtol=0)


def test_a_fusion_in_time_has_as_many_moments_as_tokens() -> None:
    dims = {"audio": 6, "image": 7, "video": 8}
    for flag, count in (("emotion-llama", 64), ("emotion-llama=16", 16)):
        model = built(soft_layouts.layout(flag), dims)
        assert model.fusions["fusion"].config.moments == count


def test_gradients_reach_what_is_trained_and_nothing_frozen() -> None:
    layout, dims = system("emotion-llama")
    layout["slots"]["fusion"]["frozen"] = True
    model = built(layout, dims).train()
    assert not model.fusions["fusion"].training
    values, mask = model(*frames(dims))
    torch.autograd.backward((values * torch.randn_like(values))[mask].sum())
    reached = {n for n, p in model.named_parameters() if p.grad is not None}
    assert not any(n.startswith("fusions.") for n in reached)
    assert {n.split(".")[1] for n in reached} == set(layout["slots"])
