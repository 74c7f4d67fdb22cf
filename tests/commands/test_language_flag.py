"""--language: who knows the language of what they bring need not have it guessed."""

from __future__ import annotations

import pytest

from tests.conftest import Emocli

pytestmark = pytest.mark.usefixtures("default_models")
GERMAN = "Das ist wirklich schade, ich bin traurig."


def test_a_text_is_judged_in_the_language_that_is_said(emocli: Emocli) -> None:
    assert emocli("predict", "--text", GERMAN).status == 1
    (record,) = emocli("predict", "--text", GERMAN, "--language", "en-GB").records
    assert record["language"] == "en-GB"
    assert record["prediction"]["modalities"] == {"text": 1.0}
    assert "language_probability" not in record


def test_what_a_record_says_itself_counts(emocli: Emocli) -> None:
    record = {"id": "a", "text": "I am so happy", "language": "de"}
    outcome = emocli("predict", "--language", "en", stdin=[record])
    assert outcome.records[0]["language"] == "de"
    assert outcome.records[0]["missing"]["text"]["code"] == "language"


@pytest.mark.parametrize("name", ["predict", "transcribe"])
@pytest.mark.parametrize("code", ["english", "e", "", "en_GB"])
def test_a_word_that_is_no_code_is_refused(name: str, code: str, emocli: Emocli) -> None:
    outcome = emocli(name, "a.wav", "--language", code)
    assert outcome.status == 2
    assert "such as en" in outcome.stderr
