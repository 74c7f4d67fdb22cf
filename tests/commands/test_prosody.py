from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from emocli.commands import prosody
from emocli.records.types import Prosody, Vowel
from tests.conftest import Emocli
from tests.signals.media import encoded, silent_film

Wav = Callable[..., Path]
RATE_HZ = 16_000
PHONE = {"phone": "æ", "start": 0.2, "end": 0.4, "word": "happy", "is_vowel": True}


def record(path: Path) -> dict[str, Any]:
    return {"id": path.name, "path": str(path)}


def test_a_file_gets_its_prosody_with_and_without_extract_audio(
    emocli: Emocli, wav: Wav, tmp_path: Path
) -> None:
    path = encoded(wav("source.wav", f0_hz=180.0), tmp_path / "a.m4a")
    short = emocli("prosody", str(path))
    long = emocli("prosody", stdin=emocli("extract-audio", str(path)).stdout)
    assert short.status == long.status == 0
    assert short.records[0]["prosody"] == long.records[0]["prosody"]
    assert short.records[0]["prosody"]["f0_median_hz"] == pytest.approx(180, rel=0.01)
    assert "audio" not in short.records[0]


def test_every_field_is_in_the_help(emocli: Emocli, wav: Wav) -> None:
    said = record(wav()) | {"phones": [{**PHONE, "stress": 1}]}
    (found,) = (r["prosody"] for r in emocli("prosody", stdin=[said]).records)
    vowel = found["vowels"][0]
    names = [*found, *vowel, *found["levels"], *vowel["levels"]]
    help_text = prosody.__doc__ or ""
    assert [name for name in names if name not in help_text] == []


def test_every_field_is_in_the_schema_in_its_order(emocli: Emocli, wav: Wav) -> None:
    said = record(wav()) | {"phones": [{**PHONE, "stress": 1}]}
    (found,) = (r["prosody"] for r in emocli("prosody", stdin=[said]).records)
    assert list(found) == list(Prosody.__annotations__)
    assert set(found["vowels"][0]) == set(Vowel.__annotations__)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_one_bad_record_costs_its_neighbours_nothing(
    emocli: Emocli, wav: Wav, tmp_path: Path, jobs: str
) -> None:
    paths = [
        wav("a.wav", f0_hz=120.0),
        tmp_path / "nope.wav",
        wav("short.wav", seconds=0.01),
        silent_film(tmp_path / "silent.mp4"),
        wav("b.wav", f0_hz=240.0),
    ]
    done = emocli("prosody", "--jobs", jobs, *map(str, paths))
    assert done.status == 1
    assert [r["path"] for r in done.records] == [str(p) for p in paths]
    first, gone, short, silent, last = done.records
    assert first["prosody"]["f0_median_hz"] == pytest.approx(120, rel=0.01)
    assert last["prosody"]["f0_median_hz"] == pytest.approx(240, rel=0.01)
    assert gone["error"]["code"] == "not_found"
    assert short["error"]["code"] == "too_short"
    assert silent["missing"]["audio"]["code"] == "no_audio_stream"


def test_the_number_of_workers_changes_nothing(emocli: Emocli, wav: Wav) -> None:
    paths = [str(wav(f"{i}.wav", f0_hz=100.0 + 30 * i)) for i in range(5)]
    one, two = (emocli("prosody", "-j", jobs, *paths) for jobs in ("1", "2"))
    assert one.stdout == two.stdout


def test_a_record_without_audio_flows_on_as_it_is(emocli: Emocli) -> None:
    problem = {"stage": "extract-audio", "code": "no_audio_stream", "message": "m", "hint": ""}
    record = {"id": "a", "path": "x.mp4", "missing": {"audio": problem}}
    done = emocli("prosody", stdin=[record])
    assert (done.status, done.records) == (0, [record])


def test_a_record_that_is_only_a_text_flows_on_with_a_note(emocli: Emocli) -> None:
    done = emocli("prosody", stdin=[{"id": "a", "text": "hello"}])
    assert done.status == 0
    assert done.records[0]["missing"]["audio"]["code"] == "no_audio"
    assert "prosody" not in done.records[0]


def test_silence_is_null_and_makes_no_noise(emocli: Emocli, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE_HZ), RATE_HZ)
    done = emocli("prosody", "--quiet", str(tmp_path / "a.wav"))
    assert (done.status, done.stderr) == (0, "")
    assert b"NaN" not in done.stdout
    assert done.records[0]["prosody"]["f0_mean_hz"] is None
    assert done.records[0]["prosody"]["voiced_fraction"] == 0


def test_a_span_of_a_recording_has_its_own_prosody(
    emocli: Emocli, tmp_path: Path, tone: Callable[..., np.ndarray]
) -> None:
    soundfile.write(
        tmp_path / "a.wav", np.concatenate([tone(f0_hz=120.0), tone(f0_hz=200.0)]), RATE_HZ
    )
    path = str(tmp_path / "a.wav")
    halves: list[dict[str, Any]] = [
        {"id": "1", "path": path, "start": 0, "end": 1},
        {"id": "2", "path": path, "start": 1, "end": 2},
    ]
    found = [r["prosody"] for r in emocli("prosody", stdin=halves).records]
    assert [p["f0_median_hz"] for p in found] == pytest.approx([120, 200], rel=0.01)
    assert all(math.isclose(p["duration"], 1.0) for p in found)


@pytest.mark.parametrize(("start", "end"), [(100.0, 101.0), (-1.0, 0.5), (0.5, 3.0)])
def test_vowels_outside_the_recording_are_refused(
    emocli: Emocli, wav: Wav, start: float, end: float
) -> None:
    phone = {"phone": "a", "word": "x", "start": start, "end": end, "is_vowel": True}
    record = {"id": "a", "path": str(wav("a.wav", seconds=1.0)), "phones": [phone]}
    done = emocli("prosody", stdin=[record])
    assert done.status == 1
    assert done.records[0]["error"]["code"] == "bad_phones"
