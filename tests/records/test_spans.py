"""When a record speaks, and in which recording."""

from __future__ import annotations

from typing import Any

import pytest

from emocli.errors import RecordError
from emocli.records import spans


@pytest.mark.parametrize(
    ("record", "times", "seconds"),
    [
        ({"start": 1, "end": 2.5}, (1, 2.5), 1.5),
        ({"start": 1, "audio": {"duration": 2.0}}, (1, 3), 2.0),
        ({"audio": {"duration": 2.0}}, None, 2.0),
        ({"prosody": {"duration": 0.5}}, None, 0.5),
        ({"start": 1}, None, None),
        ({"end": 1}, None, None),
        ({}, None, None),
    ],
)
def test_times_are_start_and_end_or_the_length_of_the_sound(
    record: dict[str, Any], times: Any, seconds: float | None
) -> None:
    assert spans.times(record) == times
    assert spans.seconds(record) == seconds


@pytest.mark.parametrize(
    "record",
    [
        {"start": 2, "end": 1},
        {"start": 2, "end": 2},
        {"start": "2", "end": 3},
        {"start": True, "end": 3},
        {"start": 0, "end": float("inf")},
        {"start": -1e300, "end": 3},
        {"start": 0, "audio": 7},
        {"start": 10**400, "end": 3},
        {"start": float("nan"), "end": 3},
        {"start": 0, "audio": {"duration": -1}},
    ],
)
def test_impossible_times_are_errors(record: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        spans.times(record)


def test_a_recording_is_a_path_else_a_dialogue() -> None:
    assert spans.recording({"path": "a.wav", "dialogue": "d"}) == "a.wav"
    assert spans.recording({"dialogue": 7}) == "7"
    assert spans.recording({"path": {"bytes": "Y2Fm6S53YXY="}}) == "caf\\xe9.wav"
    assert spans.recording({"path": {"bytes": "?"}}) == "?"
    assert spans.recording({}) is None
