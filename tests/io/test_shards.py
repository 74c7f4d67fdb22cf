"""--shard: a partition that keeps dialogues together, and the tasks of a Slurm array."""

from __future__ import annotations

import itertools

import pytest

from emocli.errors import UsageError
from emocli.io import shards
from tests.conftest import Emocli


def test_shards_are_a_partition_that_keeps_dialogues_together() -> None:
    records = [{"id": str(i), **({"dialogue": str(i // 5)} if i % 2 else {})} for i in range(300)]
    parts = [[r["id"] for r in records if shards.in_shard(r, i, 7)] for i in range(1, 8)]
    assert sorted(name for part in parts for name in part) == sorted(r["id"] for r in records)
    for dialogue in {r.get("dialogue") for r in records} - {None}:
        members = {r["id"] for r in records if r.get("dialogue") == dialogue}
        assert sum(bool(members & set(part)) for part in parts) == 1


def test_shards_stay_where_they_are() -> None:
    # A hash of the id only: these numbers must never change, or arrays half done lose records.
    numbers = [next(i for i in range(1, 5) if shards.in_shard({"id": n}, i, 4)) for n in "abcdef"]
    assert numbers == [2, 3, 3, 1, 4, 2]


@pytest.mark.parametrize(
    "spec", ["0/3", "4/3", "x", "1", "1/2/3", "-1/2", "slurm/x", "slurm/", "²/3"]
)
def test_a_shard_that_is_none_is_a_usage_error(spec: str, emocli: Emocli) -> None:
    assert emocli("prosody", f"--shard={spec}", "a.wav").status == 2


def task(monkeypatch: pytest.MonkeyPatch, number: int, submitted: list[int]) -> None:
    """Set the variables of a task as Slurm does for an array of the numbers submitted."""
    values = {"ID": number, "MIN": min(submitted), "MAX": max(submitted), "COUNT": len(submitted)}
    steps = {b - a for a, b in itertools.pairwise(submitted)}
    values["STEP"] = steps.pop() if len(steps) == 1 else 1
    for name, value in values.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))


@pytest.mark.parametrize("array", [range(1, 9), range(8), range(1, 16, 2), range(0, 40, 5)])
def test_a_whole_array_is_a_partition(monkeypatch: pytest.MonkeyPatch, array: range) -> None:
    found = []
    for number in array:
        task(monkeypatch, number, [*array])
        found.append(shards.shard("slurm"))
    assert found == [(i, len(array)) for i in range(1, len(array) + 1)]


@pytest.mark.parametrize("submitted", [[2], [1], [0], [2, 3], [5, 6, 7, 8], [1, 3, 6], [0, 1, 4]])
def test_a_part_of_an_array_is_refused(
    monkeypatch: pytest.MonkeyPatch, submitted: list[int]
) -> None:
    for number in submitted:
        task(monkeypatch, number, submitted)
        with pytest.raises(UsageError, match="slurm/N"):
            shards.shard("slurm")


@pytest.mark.parametrize("submitted", [[*range(1, 9)], [2], [2, 3], [1, 5, 8]])
def test_a_named_count_is_right_for_any_part(
    monkeypatch: pytest.MonkeyPatch, submitted: list[int]
) -> None:
    for number in submitted:
        task(monkeypatch, number, submitted)
        assert shards.shard("slurm/8") == (number, 8)


@pytest.mark.parametrize("number", [0, 9])
def test_a_task_that_is_no_shard_is_refused(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    task(monkeypatch, number, [number])
    with pytest.raises(UsageError, match="--array=1-8"):
        shards.shard("slurm/8")


@pytest.mark.parametrize("spec", ["slurm", "slurm/8"])
def test_without_an_array_the_variable_is_named(monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    with pytest.raises(UsageError, match="SLURM_ARRAY_TASK_ID is not set"):
        shards.shard(spec)
