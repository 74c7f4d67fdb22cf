"""The table of modalities: what is at hand, what can go on, and what work is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emocli.errors import RecordError
from emocli.records import failures, modality
from emocli.records.modality import MODALITIES, available, cost, names_other, others

Record = dict[str, Any]
LEAST = MODALITIES["audio"].least_cost
LOST = {"audio": {"stage": "x", "code": "x", "message": "x", "hint": ""}}


@pytest.mark.parametrize(
    ("record", "seconds"),
    [
        ({"path": "gone.wav"}, LEAST),
        ({"path": "gone.wav", "start": 10, "end": 110.0}, 100.0),
        ({"path": "gone.wav", "end": "soon"}, LEAST),
        ({"audio": 5, "path": {"bytes": "eA=="}}, LEAST),
        ({"path": "gone.wav", "missing": LOST}, 1.0),
        ({"text": "so glad"}, 1.0),
        ({}, 1.0),
    ],
)
def test_the_work_on_a_record_is_known_without_reading_it(record: Record, seconds: float) -> None:
    assert cost(record, ("audio", "text")) == seconds


def test_a_part_of_a_film_costs_what_it_is_not_the_film() -> None:
    part = {"path": "x.mp4", "start": 10, "end": 70, "video": {"duration": 7200.0}}
    assert cost(part, ["video"]) == 60.0


def test_a_file_of_unknown_length_counts_by_its_size(tmp_path: Path) -> None:
    (tmp_path / "long.mp3").write_bytes(bytes(16_000 * 60))
    assert cost({"path": str(tmp_path / "long.mp3")}, ["audio"]) == 60.0


def test_text_costs_its_recording_until_it_is_transcribed() -> None:
    hour = {"path": "x.wav", "audio": {"duration": 3600.0}}
    assert cost(hour, ["text"]) == 3600.0
    assert cost(hour | {"text": "so glad"}, ["text"]) == 1.0
    assert cost(hour, []) == 1.0


@pytest.mark.parametrize(
    ("record", "hand"),
    [
        ({"path": "a.wav"}, ["text", "audio"]),
        ({"path": "a"}, ["text", "audio"]),  # ffmpeg looks into what has no known suffix
        ({"text": "so glad"}, ["text"]),
        ({"text": ""}, []),
        ({"text": "so glad", "path": "a.mp4", "missing": LOST}, ["text", "video"]),
        ({"path": "a.mp4", "missing": LOST}, ["video"]),
        ({"path": "a.mp4"}, ["text", "audio", "video"]),
        ({"path": "a.JPG"}, ["video"]),
        ({"path": {"bytes": "eA=="}}, ["text", "audio"]),
        ({"path": 7}, ["text", "audio"]),
        ({}, []),
    ],
)
def test_what_is_at_hand(record: Record, hand: list[str]) -> None:
    assert [name for name in MODALITIES if available(record, name)] == hand


def test_what_is_made_of_a_lost_modality_cannot_go_on_without_it() -> None:
    assert not others({"path": "a.wav"}, "audio")
    assert others({"path": "a.wav", "text": "so glad"}, "audio")
    assert others({"path": "a.wav"}, "text")
    assert others({"features": {"voice": {"modality": "audio"}}}, "text")
    assert not others({"features": {"voice": {"modality": "audio"}}}, "audio")
    assert others({"features": {"voice": {"modality": "audio"}}}, "audio", "other")


def test_a_file_belongs_to_the_modalities_of_its_suffix(monkeypatch: pytest.MonkeyPatch) -> None:
    row = modality.Modality("eeg", "extract-eeg", suffixes=frozenset({".edf"}))
    monkeypatch.setitem(MODALITIES, "eeg", row)
    recording = {"path": "night.edf"}
    assert [name for name in MODALITIES if available(recording, name)] == ["eeg"]
    assert others(recording, "audio")
    assert not others(recording, "eeg")
    assert names_other(recording, "audio")


def test_a_film_goes_on_without_its_sound_or_its_picture_but_not_without_its_file() -> None:
    film = {"path": "a.mp4"}
    for name in ("audio", "video"):
        assert others(film, name)
        assert not others(film, name, in_files=False)
        broken = failures.mark(
            dict(film), RecordError("decode_failed", "torn"), stage="x", modality=name
        )
        assert broken["missing"][name]["code"] == "decode_failed"
        gone = failures.mark(dict(film), RecordError("not_found", "gone"), stage="x", modality=name)
        assert gone["error"]["code"] == "not_found"
    assert others({**film, "text": "so glad"}, "audio", in_files=False)
    assert not others({"path": "a.jpg"}, "video")
