"""A backbone that is shared out over processes learns as one that is whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch.distributed.tensor import DTensor

from emocli.llm import tuning
from emocli.training import distributed
from emocli.training.language import results, sharding
from emocli.training.language.settings import Settings
from emocli.training.language.sft import Supervised
from tests.llm import tiny_language
from tests.training import shared_backbone, tiny_answers

KINDS = ("supervised", "rewarded", "recomputed")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return weights that give answers of which some are right."""
    file = tmp_path_factory.mktemp("weights") / "taught.safetensors"
    taught = tiny_answers.weights(tiny_answers.taught(tiny_answers.model(), steps=25))
    safetensors.torch.save_file({n: w.detach().clone() for n, w in taught.items()}, file)
    return file


@pytest.fixture(scope="module")
def whole(weights: Path) -> dict[str, Any]:
    return shared_backbone.histories(weights, "cpu", shard=False)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """Be a group of one process."""
    kind = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    meeting = f"file://{tmp_path}/meeting"
    torch.distributed.init_process_group(kind, init_method=meeting, rank=0, world_size=1)
    yield
    distributed.finish()


def same(found: dict[str, Any], whole: dict[str, Any], tolerance: float) -> None:
    for kind in KINDS:
        assert len(found[kind]) == len(whole[kind]) > 1
        for line, other in zip(found[kind], whole[kind], strict=True):
            assert line == pytest.approx(other, abs=tolerance)


def test_weights_that_are_gathered_give_the_losses_of_whole_ones(
    alone: None, weights: Path, whole: dict[str, Any]
) -> None:
    same(shared_backbone.histories(weights, "cpu", shard=True), whole, 1e-5)
    assert any(line["skipped"] < 1 for line in whole["rewarded"])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_weights_that_are_gathered_on_a_gpu_give_the_losses_of_whole_ones(
    alone: None, weights: Path
) -> None:
    whole, found = (
        shared_backbone.histories(weights, "cuda:0", shard=shard) for shard in (False, True)
    )
    same(found, whole, 1e-3)


@pytest.mark.slow
def test_two_processes_have_half_of_the_layers_each_and_the_losses_of_one(
    weights: Path, whole: dict[str, Any]
) -> None:
    runner = "torch.distributed.run --nproc-per-node 2 --standalone -m tests.training."
    made = subprocess.run(
        [sys.executable, "-m", *f"{runner}shared_backbone".split(), str(weights)],
        check=True,
        stdout=subprocess.PIPE,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found = json.loads(made.stdout)
    assert found["share"] == 0.5
    same(found, whole, 1e-4)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_layers_are_shared_out_and_embeddings_stay_whole(alone: None, kind: str) -> None:
    network = tiny_language.network(kind).requires_grad_(False)
    table = network.get_input_embeddings().weight
    sharding.share_out(network, "cpu")
    shared = {n for n, p in network.named_parameters() if isinstance(p, DTensor)}
    assert network.get_input_embeddings().weight is table
    rest = {n for n, _ in network.named_parameters()} - shared
    assert len(rest) == 1


def test_every_process_calls_the_network_equally_often(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_answers.model()
    asked = tiny_answers.asked(model, 5)
    examples = [tuning.Example(q.prompt, [5]) for q in asked.questions]
    parts = []
    for rank in range(3):
        monkeypatch.setattr(distributed, "world", lambda rank=rank: (rank, 3))
        objective = Supervised(model, examples, [1.0] * 5, Settings(part_size=1))
        parts.append([float(terms["answers"].detach()) for terms in objective(torch.arange(4))])
    assert [len(made) for made in parts] == [2, 2, 2]
    assert parts[0][1] > 0.0
    assert parts[1][1] == parts[2][1] == 0.0


def test_a_process_without_examples_has_gradients_of_zero() -> None:
    model = tiny_answers.model()
    loss = tuning.nothing(model)
    loss.backward()
    assert float(loss.detach()) == 0.0
    found = {n: p.grad for n, p in model.network.named_parameters()}
    assert all(g is not None and not g.any() for g in found.values())


def test_a_process_that_is_done_calls_the_network_along_with_others(
    alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny_language.network().requires_grad_(False)
    sharding.share_out(network, "cpu")
    calls: list[tuple[int, ...]] = []
    network.register_forward_hook(lambda *_: calls.append(()))
    others = iter([[1], [1], [0]])  # two calls are left when this process is done
    told: list[int] = []

    def greatest(numbers: list[int]) -> list[int]:
        told.extend(numbers)
        return numbers if numbers == [1] else next(others)

    monkeypatch.setattr(distributed, "world", lambda: (0, 2))
    monkeypatch.setattr(distributed, "all_reduce_max", greatest)
    with sharding.together(torch.nn.ModuleList([network])), torch.inference_mode():
        network(input_ids=torch.zeros(1, 3, dtype=torch.long))
    assert told == [1, 0, 0, 0]
    assert len(calls) == 3


def test_the_first_process_alone_calibrates_and_writes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Nobody:
        def __getattr__(self, _: str) -> Any:
            return lambda *_: None

    def failing(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(distributed, "world", lambda: (1, 2))
    monkeypatch.setattr(results, "_best", lambda *_: {})
    for name in ("calibrated", "written"):
        monkeypatch.setattr(results, name, failing)
    nobody: Any = Nobody()
    assert results.fitted(nobody, (nobody, nobody), nobody, 1, tmp_path / "m") is None
    assert not (tmp_path / "m").exists()
