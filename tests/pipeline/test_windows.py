"""Windows: enough to batch, little enough to wait for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emocli.pipeline import windows

Record = dict[str, Any]


def sizes(records: list[Record], window: windows.Window) -> list[int]:
    rest, found = iter(records), []
    for first in rest:
        found.append(len(list(window.take(first, rest, lambda record: record))))
    return found


def test_a_window_holds_hundreds_of_sentences_tens_of_clips_or_one_hour() -> None:
    window = windows.of(16)
    sentence, hour = {"text": "so sad"}, {"path": "x", "audio": {"duration": 3600.0}}
    clip = {"path": "a.wav", "audio": {"duration": 3.0}}
    assert sizes([sentence] * 1100, window) == [512, 512, 76]
    assert sizes([clip] * 70, window) == [32, 32, 6]
    assert sizes([hour] * 3, window) == [1, 1, 1]
    assert sizes([sentence, hour, sentence], window) == [2, 1]


def test_one_record_at_a_time_is_one_record_at_a_time() -> None:
    assert sizes([{"text": "x"}] * 3, windows.of(1)) == [1, 1, 1]


@pytest.mark.parametrize(
    ("record", "seconds"),
    [
        ({"path": "gone.wav"}, windows.LEAST_OF_SOUND),
        ({"path": "gone.wav", "start": 10, "end": 110.0}, 100.0),
        ({"path": "gone.wav", "end": "soon"}, windows.LEAST_OF_SOUND),
        ({"audio": 5, "path": {"bytes": "eA=="}}, windows.LEAST_OF_SOUND),
        ({"path": "x", "features": {"audio": {}}}, 1.0),
        ({}, 1.0),
    ],
)
def test_the_work_on_a_record_is_told_without_reading_it(record: Record, seconds: float) -> None:
    assert windows.cost(record) == seconds


def test_a_file_of_unknown_length_counts_by_its_size(tmp_path: Path) -> None:
    (tmp_path / "long.mp3").write_bytes(bytes(16_000 * 60))
    assert windows.cost({"path": str(tmp_path / "long.mp3")}) == 60.0
