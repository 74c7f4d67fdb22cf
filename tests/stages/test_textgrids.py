"""A recording as a TextGrid, as Praat reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import parselmouth
import pytest

from emocli.stages.textgrids import TextGrid
from tests.conftest import Emocli

Record = dict[str, Any]


def grid(records: list[Record], folder: Path) -> list[tuple[str, list[tuple[float, float, str]]]]:
    """Return the tiers with their intervals that have a label, as parselmouth reads them."""
    form = TextGrid()
    data = form.header() + b"".join(map(form.row, records)) + form.footer()
    return read(data, folder)


def read(data: bytes, folder: Path) -> list[tuple[str, list[tuple[float, float, str]]]]:
    (folder / "x.TextGrid").write_bytes(data)
    praat, call = parselmouth.read(str(folder / "x.TextGrid")), parselmouth.praat.call
    tiers = []
    for tier in range(1, call(praat, "Get number of tiers") + 1):
        found = []
        for i in range(1, call(praat, "Get number of intervals", tier) + 1):
            ask = [call(praat, f"Get {end} time of interval", tier, i) for end in ("start", "end")]
            found.append((*ask, call(praat, "Get label of interval", tier, i)))
        tiers.append((call(praat, "Get tier name", tier), [f for f in found if f[2]]))
        ends.append(call(praat, "Get end time"))
    return tiers


ends: list[float] = []


def utterance(start: float, *words: str, **more: Any) -> Record:
    spoken = [
        {"text": f" {w}", "start": start + i, "end": start + i + 0.5} for i, w in enumerate(words)
    ]
    return {"id": "a", "path": "a.wav", "start": start, "words": spoken, **more}


def test_the_words_of_all_utterances_stand_in_one_tier(tmp_path: Path) -> None:
    records = [utterance(0.0, "so", 'it "is"'), utterance(5.0, "żółw", audio={"duration": 2.0})]
    assert grid(records, tmp_path) == [
        ("words", [(0.0, 0.5, "so"), (1.0, 1.5, 'it "is"'), (5.0, 5.5, "żółw")])
    ]
    assert ends[-1] == 7.0


def test_sounds_have_a_tier_of_their_own(tmp_path: Path) -> None:
    sounds = [{"phone": "h", "start": 0.0, "end": 0.2}, {"phone": None, "start": 0.2, "end": 0.3}]
    tiers = grid([utterance(0.0, "hi", phones=sounds)], tmp_path)
    assert tiers[1] == ("phones", [(0.0, 0.2, "h")])


@pytest.mark.parametrize(
    "other",
    [
        utterance(0.0, "no", path="b.wav"),
        utterance(0.0, "no", error={"code": "not_found", "message": "no"}),
        {"path": "a.wav", "words": "no"},
        {"path": "a.wav", "words": [3, {"text": "no"}, {"text": "no", "start": 2, "end": 1}]},
    ],
)
def test_what_is_of_another_recording_or_failed_is_left_out(other: Record, tmp_path: Path) -> None:
    assert grid([utterance(0.0, "yes"), other], tmp_path) == [("words", [(0.0, 0.5, "yes")])]


def test_without_words_it_is_still_a_textgrid(tmp_path: Path) -> None:
    assert grid([{"path": "a.wav", "text": "", "words": []}], tmp_path) == [("words", [])]


def test_where_every_record_failed_there_is_none() -> None:
    form = TextGrid()
    failed = {"path": "a.wav", "error": {"code": "not_found", "message": "no such file"}}
    assert form.header() + form.row(failed) + form.footer() == b""


def test_transcribe_writes_one(emocli: Emocli, tmp_path: Path) -> None:
    record = utterance(0.0, "yes", text="yes")
    place = tmp_path / "one.TextGrid"
    assert emocli("transcribe", "-o", str(place), stdin=[record]).status == 0
    assert read(place.read_bytes(), tmp_path) == [("words", [(0.0, 0.5, "yes")])]
