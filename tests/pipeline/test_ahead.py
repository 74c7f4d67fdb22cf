"""A pipe that idles gets its answers; one that does not fills whole windows."""

from __future__ import annotations

import io
import os
import select
import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from emocli import pipeline
from emocli.cli import main
from emocli.errors import MalformedError
from emocli.pipeline import ahead, windows
from emocli.pipeline.ahead import Ahead
from tests.leaves import leaves

Record = dict[str, Any]
BATCHING = [n for n, leaf in leaves().items() if any(p.name == "batch_size" for p in leaf.params)]
FAILED = {"stage": "x", "code": "y", "message": "z", "hint": ""}
PATIENCE_S = 20.0


def records(number: int) -> list[Record]:
    return [{"id": str(n)} for n in range(number)]


def test_records_come_in_order_and_all_of_them() -> None:
    many = 5 * ahead.MOST
    assert [r["id"] for r in Ahead(iter(records(many)))] == [str(n) for n in range(many)]


def test_no_more_is_read_than_there_is_room_for() -> None:
    taken = 0

    def endless() -> Iterator[Record]:
        nonlocal taken
        while True:
            taken += 1
            yield {}

    found = Ahead(endless())
    for _ in range(3 * ahead.MOST):
        next(found)
    time.sleep(0.05)
    assert taken <= 4 * ahead.MOST + 1


def test_an_error_comes_after_the_records_before_it() -> None:
    def damaged() -> Iterator[Record]:
        yield from records(3)
        raise MalformedError("line 4")

    found = Ahead(damaged())
    assert [next(found)["id"] for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(MalformedError, match="line 4"):
        next(found)


def sizes(found: Iterator[Record], window: windows.Window) -> list[int]:
    taken = []
    for first in found:
        taken.append(len(list(window.take(first, found))))
    return taken


def test_a_window_ends_where_the_input_idles_unless_it_needs_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow() -> Iterator[Record]:
        for number in (3, 5):
            yield from records(number)
            time.sleep(0.5)

    monkeypatch.setattr(ahead, "IDLE_S", 0.1)
    assert sizes(Ahead(slow()), windows.Window(4.0)) == [3, 4, 1]
    assert sizes(Ahead(slow()), windows.ALL) == [8]
    monkeypatch.setattr(ahead, "IDLE_S", PATIENCE_S)  # a busy machine is no idle pipe
    assert sizes(Ahead(iter(records(1100))), windows.Window(512.0)) == [512, 512, 76]


def test_batches_of_a_window_that_ended_early_are_worked_on() -> None:
    come = threading.Event()

    def slow() -> Iterator[Record]:
        yield from records(3)
        come.wait(PATIENCE_S)

    stage = pipeline.windowed(pipeline.batched(list, name="x"), windows.Window(512.0))
    found = stage(Ahead(slow()))
    assert [next(found)["id"] for _ in range(3)] == ["0", "1", "2"]
    come.set()
    assert list(found) == []


@pytest.mark.parametrize("name", BATCHING)
def test_every_filter_that_batches_answers_while_its_input_stays_open(name: str) -> None:
    if name in ("train", "calibrate"):
        return  # they learn from all records
    given, stdin = os.pipe()
    stdout, taken = os.pipe()
    words = [*name.split(), *(["--n", "1"] if name == "annotate" else [])]
    with open(given, "rb") as source, open(taken, "wb") as target:
        run = threading.Thread(target=main.run, args=(words, source, target, io.StringIO()))
        run.start()
        with open(stdin, "wb", buffering=0) as ours:
            for line in (b'{"id": "a", %s}\n', b'{"id": "b", %s}\n\n'):  # a blank line is nothing
                ours.write(line % (b'"error": ' + orjson.dumps(FAILED)))
                assert select.select([stdout], [], [], PATIENCE_S)[0], name
                (answer,) = os.read(stdout, 1 << 16).splitlines()
                assert orjson.loads(answer)["error"] == FAILED
        run.join(PATIENCE_S)
        assert not run.is_alive()
    os.close(stdout)
