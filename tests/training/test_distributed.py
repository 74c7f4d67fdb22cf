"""What several processes do together; a group of one has sums that are what was there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from emocli import models
from emocli.errors import ConfigError
from emocli.training import distributed
from emocli.training.data import Data, padded
from emocli.training.state import Place, Run, Settings
from tests.training import learning_curves


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the second of two processes, as torchrun tells it."""
    for name, value in (("RANK", 1), ("LOCAL_RANK", 1), ("WORLD_SIZE", 2)):
        monkeypatch.setenv(name, str(value))


@pytest.fixture
def group(second: None, tmp_path: Path) -> Iterator[None]:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1
    )
    yield
    distributed.finish()


def test_a_gpu_is_chosen_for_a_process_of_several_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert distributed.local("cuda:3") == "cuda:3"
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert distributed.local("cuda:0") == "cuda:1"
    assert distributed.local("cpu") == "cpu"


def test_every_record_of_a_batch_goes_to_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    for size in range(1, 8):
        parts = []
        for rank in range(3):
            monkeypatch.setenv("RANK", str(rank))
            parts.append(distributed.shard(torch.arange(size)))
        together = torch.stack(parts, dim=1).flatten()  # as _AllGather puts them
        assert together[:size].tolist() == list(range(size))
        assert len(together) < size + 3


def test_what_no_process_has_a_gradient_of_is_passed_over(group: None) -> None:
    used, unused = (torch.nn.Parameter(torch.ones(2, 3)) for _ in range(2))
    used.grad = torch.arange(6.0).reshape(2, 3)
    distributed.add_gradients([used, unused])
    assert torch.equal(used.grad, torch.arange(6.0).reshape(2, 3))
    assert unused.grad is None


def test_processes_agree_on_a_number(group: None) -> None:
    assert distributed.broadcast(1 / 3) == 1 / 3


def test_frames_of_a_part_are_filled_up_to_those_of_the_batch() -> None:
    streams = {"a": torch.ones(2, 3, 4), "b": torch.ones(2, 5)}
    masks = {"a": torch.ones(2, 3).bool(), "b": torch.ones(2).bool()}
    found = padded(Data(streams, masks, torch.arange(4)), [5, 5])
    assert found.streams["a"].shape == (2, 5, 4)
    assert found.masks["a"].sum() == 6
    assert found.streams["b"] is streams["b"]


def test_dropout_of_a_part_is_that_of_the_whole(second: None) -> None:
    values = torch.randn(5, 3, 2)
    torch.manual_seed(4)
    expected = torch.nn.functional.dropout(values, 0.4)
    torch.manual_seed(4)
    with distributed.Dropout(5):
        found = torch.nn.Dropout(0.4)(distributed.shard(values))
    assert torch.equal(found, expected[[1, 3, 4]])  # the last one is there twice
    with distributed.Dropout(5):
        assert torch.equal(torch.nn.Dropout(0.4).eval()(found), found)


def test_processes_that_read_other_checkpoints_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        distributed, "all_reduce_max", lambda _: [3]
    )  # another one has read epoch 3
    place = Place(checkpoint=tmp_path / "none.safetensors", resume=True)
    run = Run(models.build("linear", {"dims": {"a": 2}, "classes": 2}), Settings(), place)
    with pytest.raises(ConfigError, match="differs from the checkpoint of another process"):
        run.resume()


@pytest.mark.slow
def test_every_model_has_the_loss_curve_of_one_process(tmp_path: Path) -> None:
    """With dropout, terms that compare records, records that do not go round, and a resumed run."""
    command = (
        "torch.distributed.run --nproc-per-node 2 --standalone -m tests.training.learning_curves"
    )
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), str(tmp_path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=180,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found, expected = json.loads(done.stdout), learning_curves.curves(tmp_path)
    assert found.keys() == expected.keys() >= set(models.names())
    for name, curve in expected.items():
        assert len(found[name]) == len(curve), name
        for one, two in zip(curve, found[name], strict=True):
            assert two == {k: _near(v) for k, v in one.items()}, name
    assert found["miar, resumed"] == found["miar"]


def _near(value: Any) -> Any:
    return pytest.approx(value, rel=1e-3, abs=1e-6) if isinstance(value, float) else value
