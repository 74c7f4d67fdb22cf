"""What several processes do together, in a group of one: sums are then what was there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from emocli import distributed, models, training
from emocli.errors import UsageError
from emocli.training import Data, Settings


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
    parts = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        parts.append(distributed.share(torch.arange(7)))
    assert sorted(torch.cat(parts).tolist()) == list(range(7))


def test_what_no_process_has_a_gradient_of_is_passed_over(group: None) -> None:
    used, unused = (torch.nn.Parameter(torch.ones(2, 3)) for _ in range(2))
    used.grad = torch.arange(6.0).reshape(2, 3)
    distributed.add_gradients([used, unused])
    assert torch.equal(used.grad, torch.arange(6.0).reshape(2, 3))
    assert unused.grad is None


def test_processes_agree_on_a_number(group: None) -> None:
    assert distributed.agreed(1 / 3) == 1 / 3


def test_more_processes_than_records_of_a_batch_are_refused(second: None) -> None:
    model = models.build("linear", {"dims": {"a": 2}, "classes": 2})
    there = {"a": torch.ones(4, dtype=torch.bool)}
    data = Data({"a": torch.eye(4)[:, :2]}, there, torch.tensor([0, 1, 0, 1]))
    with pytest.raises(UsageError, match="2 processes for batches of 1 records"):
        training.fit(model, data, data, Settings(batch_size=1), lambda _: None)
