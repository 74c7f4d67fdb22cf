"""Order, failures, batches and workers."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emocli import pipeline
from emocli.errors import ModelError, RecordError
from emocli.pipeline.windows import Window
from emocli.records import failures

Record = dict[str, Any]


def numbered(count: int, **more: Any) -> Iterator[Record]:
    return iter([{"id": str(i), "n": i, "text": "x", **more} for i in range(count)])


def double(record: Record) -> Record:
    if record["n"] == 3:
        raise RecordError("odd_one", "three is not liked", hint="try four")
    if record["n"] == 5:
        raise ValueError("a bug")
    return {**record, "twice": 2 * record["n"]}


def slow_double(record: Record) -> Record:
    time.sleep(random.Random(record["n"]).random() / 50)
    return double(record)


def crash(record: Record) -> Record:
    if record["n"] == 4:
        os._exit(9)
    return double(record)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_records_stay_in_order_and_one_failure_costs_the_others_nothing(jobs: int) -> None:
    out = list(pipeline.each(slow_double, name="double", jobs=jobs)(numbered(20)))
    assert [r["n"] for r in out] == list(range(20))
    assert [r["n"] for r in out if "error" in r] == [3, 5]
    assert out[3]["error"] == {
        "stage": "double",
        "code": "odd_one",
        "message": "three is not liked",
        "hint": "try four",
    }
    assert out[5]["error"]["code"] == "unexpected"
    assert all(r["twice"] == 2 * r["n"] for r in out if "error" not in r)


def test_a_worker_that_dies_costs_one_record() -> None:
    out = list(pipeline.each(crash, name="crash", jobs=2)(numbered(12)))
    assert [r["n"] for r in out] == list(range(12))
    assert {r["n"]: r["error"]["code"] for r in out if "error" in r} == {
        3: "odd_one",
        4: "worker_died",
        5: "unexpected",
    }


def test_workers_do_not_read_far_ahead() -> None:
    taken = 0

    def endless() -> Iterator[Record]:
        nonlocal taken
        while True:
            taken += 1
            yield {"id": str(taken), "n": 0}

    out = pipeline.each(double, name="double", jobs=2)(endless())
    for _ in range(5):
        next(out)
    time.sleep(0.1)
    assert taken < 40
    out.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_result_is_there_before_the_next_record_comes(jobs: int) -> None:
    gate: list[int] = []

    def trickle() -> Iterator[Record]:
        yield {"id": "0", "n": 0}
        for _ in range(500):
            if gate:
                break
            time.sleep(0.01)
        yield {"id": "1", "n": 1 if gate else -1}

    out = pipeline.each(double, name="double", jobs=jobs)(trickle())
    assert next(out)["n"] == 0
    gate.append(1)
    assert next(out)["n"] == 1


def test_records_with_an_error_flow_past() -> None:
    broken = {"id": "a", "error": {"code": "before"}}
    for stage in (
        pipeline.each(double, name="double"),
        pipeline.each(double, name="double", jobs=2),
        pipeline.batched(lambda b: [double(r) for r in b], name="double"),
    ):
        assert list(stage(iter([broken]))) == [broken]
        assert not failures.of(broken)


@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_batches_are_sorted_by_length_and_put_back(size: int) -> None:
    seen: list[list[int]] = []

    def work(batch: list[Record]) -> list[Record]:
        seen.append([r["n"] for r in batch])
        return [{**r, "done": True} for r in batch]

    order = [5, 3, 9, 1, 7, 2, 8, 6, 0, 4] * 3
    members = [{"id": str(i), "n": n} for i, n in enumerate(order)]
    out = list(pipeline.batched(work, name="w", size=size, length=lambda r: r["n"])(iter(members)))
    assert [r["n"] for r in out] == order
    assert all(r["done"] for r in out)
    assert max(len(b) for b in seen) <= size
    assert all(b == sorted(b) for b in seen)


def test_a_batch_keeps_to_its_budget() -> None:
    seen: list[list[int]] = []

    def work(batch: list[Record]) -> list[Record]:
        seen.append([r["n"] for r in batch])
        return batch

    stage = pipeline.batched(work, name="w", size=8, length=lambda r: r["n"], budget=10)
    list(stage(iter([{"id": str(n), "n": n} for n in (1, 2, 3, 4, 5, 30)])))
    assert all(sum(b) <= 10 or len(b) == 1 for b in seen)


def test_a_batch_that_does_not_fit_is_halved() -> None:
    sizes: list[int] = []

    def work(batch: list[Record]) -> list[Record]:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate")
        return batch

    out = list(pipeline.batched(work, name="w", size=8)(numbered(8)))
    assert [r["n"] for r in out] == list(range(8))
    assert not any("error" in r for r in out)
    assert sizes == [8, 4, 2, 2, 4, 2, 2]


def test_one_that_never_fits_says_out_of_memory() -> None:
    def work(batch: list[Record]) -> list[Record]:
        raise MemoryError("no room")

    out = list(pipeline.batched(work, name="w", size=2)(numbered(2)))
    assert [r["error"]["code"] for r in out] == ["out_of_memory"] * 2


def test_a_batch_that_fails_is_tried_one_by_one() -> None:
    def work(batch: list[Record]) -> list[Record]:
        return [double(r) for r in batch]

    out = list(pipeline.batched(work, name="w", size=8)(numbered(8)))
    assert [r["n"] for r in out if "error" in r] == [3, 5]


def test_a_missing_model_ends_the_run() -> None:
    def work(batch: list[Record]) -> list[Record]:
        raise ModelError("no model")

    with pytest.raises(ModelError):
        list(pipeline.batched(work, name="w")(numbered(2)))
    with pytest.raises(ModelError):
        list(pipeline.each(lambda r: work([r])[0], name="w")(numbered(2)))


def test_a_failed_modality_is_missing_when_another_can_go_on() -> None:
    def audio(record: Record) -> Record:
        raise RecordError("no_audio_stream", "no audio")

    work = pipeline.each(audio, name="a", modality="audio")
    text, video, nothing = work(iter([{"id": "1", "text": "hello"}, {"id": "2"}, {"id": "3"}]))
    assert text["missing"]["audio"]["code"] == "no_audio_stream"
    assert "error" not in text
    assert "error" in video
    assert "error" in nothing
    assert failures.of(text)


def test_only_the_wanted_are_worked_on_and_the_others_do_not_wait() -> None:
    def even(record: Record) -> bool:
        return bool(record["n"] % 2 == 0)

    each = pipeline.each(double, name="w", wanted=even)
    batched = pipeline.batched(lambda b: [double(r) for r in b], name="w", size=2, wanted=even)
    for stage in (each, batched):
        out = list(stage(numbered(9)))
        assert [r["n"] for r in out] == list(range(9))
        assert [r["n"] for r in out if "twice" in r] == [0, 2, 4, 6, 8]


def test_windows_are_batched_apart_and_read_no_further_than_needed() -> None:
    seen: list[list[int]] = []
    taken: list[int] = []

    def work(batch: list[Record]) -> list[Record]:
        seen.append([r["n"] for r in batch])
        return batch

    def source() -> Iterator[Record]:
        for record in numbered(10):
            taken.append(record["n"])
            yield record

    odd = pipeline.batched(work, name="w", size=4, wanted=lambda r: r["n"] % 3 != 0)
    assert [r["n"] for r in pipeline.windowed(odd, Window(5))(source())] == list(range(10))
    assert seen == [[1, 2, 4], [5, 7, 8]]
    outcomes = pipeline.windowed(pipeline.batched(work, name="w", size=1), Window(5))(source())
    taken.clear()
    next(outcomes)
    assert taken == [0]
