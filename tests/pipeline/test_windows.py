"""Windows: enough to batch, little enough to wait for."""

from __future__ import annotations

from typing import Any

from emocli.pipeline import windows
from emocli.records.modality import cost

Record = dict[str, Any]


def both(record: Record) -> float:
    return cost(record, ("text", "audio"))


def sizes(records: list[Record], window: windows.Window) -> list[int]:
    rest, sizes = iter(records), []
    for first in rest:
        sizes.append(len(list(window.take(first, rest))))
    return sizes


def test_a_window_holds_hundreds_of_sentences_tens_of_clips_or_one_hour() -> None:
    window = windows.of(16, both)
    sentence, hour = {"text": "so sad"}, {"path": "x", "audio": {"duration": 3600.0}}
    clip = {"path": "a.wav", "audio": {"duration": 3.0}}
    assert sizes([sentence] * 1100, window) == [512, 512, 76]
    assert sizes([clip] * 70, window) == [32, 32, 6]
    assert sizes([hour] * 3, window) == [1, 1, 1]
    assert sizes([sentence, hour, sentence], window) == [2, 1]


def test_one_record_at_a_time_is_one_record_at_a_time() -> None:
    assert sizes([{"text": "x"}] * 3, windows.of(1, both)) == [1, 1, 1]
