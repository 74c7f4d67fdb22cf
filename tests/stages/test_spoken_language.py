"""Which model transcribes a language, and what says which language it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from emocli import hub
from emocli.encoders import speech_to_text
from emocli.encoders.decoding import Decoded, Detected
from emocli.errors import ModelError
from emocli.signals import speech_presence, voice_activity
from emocli.stages import spoken_language, transcribe
from tests.conftest import Emocli

ALL = frozenset(["en", "de", "pl"])
Loads = list[str]


def engine(name: str, languages: frozenset[str], spoken: str) -> Any:
    """Return an engine that says its name and the language it is told."""

    def decode(windows: list[Any], _length: int, options: Any) -> list[Decoded]:
        word = {"text": "word", "start": 0.0, "end": 0.5, "probability": 0.9}
        return [Decoded(f"{name} {options.language}", [word], -0.1, 0.0) for _ in windows]

    only = "en" if languages == {"en"} else None
    about = {"name": name, "only_language": only, "languages": languages, "pads": False}
    return SimpleNamespace(**about, detect=lambda *_: Detected(spoken, 0.87654), decode=decode)


@pytest.fixture
def speaks(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Loads]:
    """Let every recording be speech in a language; return the models that are loaded."""

    def language(spoken: str) -> Loads:
        loads: Loads = []

        def load(folder: Path, **_: Any) -> Any:
            loads.append(folder.name)
            knows = frozenset(["en"]) if folder.name.endswith(".en") else ALL
            return engine(folder.name, knows, spoken)

        monkeypatch.setattr(hub, "locate", lambda name, **_: (Path(name), "1"))
        monkeypatch.setattr(speech_to_text, "load", load)
        monkeypatch.setattr(speech_presence, "seconds", lambda samples: len(samples) / 16_000)
        monkeypatch.setattr(voice_activity, "speech_segments", lambda samples: [(0.0, 1.0)])
        return loads

    return language


@pytest.mark.parametrize(
    ("spoken", "text", "model"),
    [
        ("en", f"{transcribe.DEFAULT} en", transcribe.DEFAULT),
        ("pl", f"{spoken_language.MULTILINGUAL} pl", spoken_language.MULTILINGUAL),
    ],
)
def test_the_language_that_is_heard_chooses_the_model(
    emocli: Emocli, wav: Any, speaks: Any, spoken: str, text: str, model: str
) -> None:
    speaks(spoken)
    (record,) = emocli("transcribe", str(wav())).records
    assert (record["text"], record["transcript"]["model"]) == (text, model)
    assert (record["language"], record["language_probability"]) == (spoken, 0.8765)


@pytest.mark.parametrize("language", ["de", "de-AT"])
def test_a_language_that_the_record_brought_stays_and_nobody_listens(
    emocli: Emocli, wav: Any, speaks: Any, language: str
) -> None:
    speaks("en")
    given = [{"id": "a", "path": str(wav()), "language": language}]
    (record,) = emocli("transcribe", stdin=given).records
    assert record["text"] == f"{spoken_language.MULTILINGUAL} de"
    assert record["language"] == language
    assert "language_probability" not in record


def test_english_that_was_told_loads_no_second_model(emocli: Emocli, wav: Any, speaks: Any) -> None:
    loads = speaks("pl")
    given = [{"id": "a", "path": str(wav()), "language": "en"}]
    (record,) = emocli("transcribe", stdin=given).records
    assert record["text"] == f"{transcribe.DEFAULT} en"
    assert loads == [transcribe.DEFAULT]


def test_a_batch_of_many_languages_keeps_its_order(emocli: Emocli, wav: Any, speaks: Any) -> None:
    loads = speaks("pl")
    path = str(wav())
    told = [None, "en", "de", None, "en-GB"]
    given = [{"id": str(i), "path": path, "language": name} for i, name in enumerate(told)]
    done = emocli("transcribe", "--batch-size", "5", stdin=given).records
    assert [r["id"] for r in done] == list("01234")
    assert [r["text"].split()[1] for r in done] == ["pl", "en", "de", "pl", "en"]
    assert sorted(loads) == sorted(transcribe.FALLBACKS)  # each once


def test_an_english_model_of_the_users_choice_makes_no_english_of_polish(
    emocli: Emocli, wav: Any, speaks: Any
) -> None:
    speaks("pl")
    done = emocli("transcribe", "--model", "other.en", str(wav()))
    assert done.status == 0
    (record,) = done.records
    assert "text" not in record
    assert (record["language"], record["missing"]["text"]["code"]) == ("pl", "language")


def test_a_multilingual_model_of_the_users_choice_does_all_of_it(
    emocli: Emocli, wav: Any, speaks: Any
) -> None:
    loads = speaks("pl")
    (record,) = emocli("transcribe", "--model", "large", str(wav())).records
    assert (record["text"], record["language"]) == ("large pl", "pl")
    assert loads == ["large"]


def test_a_language_that_no_model_knows_is_a_note(emocli: Emocli, wav: Any, speaks: Any) -> None:
    speaks("en")
    given = [{"id": "a", "path": str(wav()), "language": "tlh"}]
    done = emocli("transcribe", stdin=given)
    assert done.status == 0
    assert done.records[0]["missing"]["text"]["code"] == "language"


def test_a_listener_that_is_not_here_ends_the_run_with_what_to_pull(
    emocli: Emocli, wav: Any, speaks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaks("en")

    def locate(name: str, **_: Any) -> tuple[Path, str]:
        if name == spoken_language.MULTILINGUAL:
            raise ModelError("not installed", hint=f"emocli models pull {name}")
        return Path(name), "1"

    monkeypatch.setattr(hub, "locate", locate)
    done = emocli("transcribe", str(wav()))
    assert done.status == 4
    assert "emocli models pull faster-whisper-base" in done.stderr


def test_where_nobody_speaks_no_language_is_heard(
    emocli: Emocli, wav: Any, speaks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaks("en")
    monkeypatch.setattr(speech_presence, "seconds", lambda _: 0.0)
    (record,) = emocli("transcribe", str(wav())).records
    assert (record["text"], record["language"], record["audio"]["speech_s"]) == ("", None, 0.0)
    assert "language_probability" not in record


def test_the_language_is_heard_where_the_speech_begins() -> None:
    parts: list[np.ndarray] = []
    listener = SimpleNamespace(detect=lambda part, _: parts.append(part) or Detected("en", 1.0))
    samples = np.arange(20 * 16_000, dtype=np.float32)
    speech_to_text.detect(listener, samples, [(3.0, 4.0), (5.0, 19.0)])  # type: ignore[arg-type]
    assert parts[0][0] == 3 * 16_000
    assert len(parts[0]) <= 10 * 16_000
