"""Films are looked at while their sound is heard: begun in a thread, used once."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from emocli import modalities
from emocli.errors import RecordError
from emocli.pipeline.context import Context
from emocli.stages import looking

SPEC = {"modality": "video", "encoder": "any", "stream": "faces"}
KEY = modalities.ahead_key(SPEC)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the films that a thread has looked at; "bad" cannot be."""
    seen: list[str] = []

    def ahead(context: Context, spec: dict[str, Any], record: dict[str, Any]) -> str:
        assert threading.current_thread() is not threading.main_thread()
        seen.append(record["id"])
        if record["id"] == "bad":
            raise RecordError("unreadable", "no film")
        return f"faces of {record['id']}"

    monkeypatch.setattr(modalities, "load", lambda name: SimpleNamespace(ahead=ahead))
    return seen


def begun(*ids: str, jobs: int = 1) -> list[dict[str, Any]]:
    records = ({"id": name} for name in ids)
    return list(looking.begin(Context(jobs=jobs), SPEC, lambda r: r["id"] != "other")(records))


def test_what_is_found_comes_to_its_own_record_once(looked: list[str]) -> None:
    records = begun("a", "other", "b")
    for record in reversed(records):  # batches are of like length, in another order
        looking.settle(record, SPEC)
        looking.settle(record, SPEC)
    found = {r["id"]: r.get(KEY) for r in records}
    assert found["other"] is None
    for name in ("a", "b"):  # or nobody had begun: then it is looked at where it is used
        assert found[name] in (f"faces of {name}", None)
    assert "other" not in looked


def test_a_film_is_found_by_who_waits(looked: list[str]) -> None:
    (record,) = begun("a")
    record[KEY].future.result(timeout=10)
    looking.settle(record, SPEC)
    assert record[KEY] == "faces of a"


def test_what_cannot_be_read_is_told_where_it_is_used(looked: list[str]) -> None:
    (record,) = begun("bad")
    with pytest.raises(RecordError):
        record[KEY].future.result(timeout=10)
    with pytest.raises(RecordError, match="no film"):
        looking.settle(record, SPEC)
    assert KEY not in record


def test_no_more_films_are_kept_than_there_is_room_for(looked: list[str]) -> None:
    records = begun(*map(str, range(3 * looking.MOST)))
    last = records[looking.MOST - 1][KEY].future
    last.result(timeout=10)
    assert len(looked) == looking.MOST
    for record in records:  # those that nobody has looked at are not waited for
        looking.settle(record, SPEC)
    assert [r[KEY] for r in records[: looking.MOST]] == [
        f"faces of {n}" for n in range(looking.MOST)
    ]


def test_beside_worker_processes_there_is_no_thread(looked: list[str]) -> None:
    assert begun("a", jobs=2) == [{"id": "a"}]
    assert looked == []
