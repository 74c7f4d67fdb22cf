from __future__ import annotations

from threading import Thread

import pytest

from emocli.encoders import text_language
from emocli.encoders.text_language import identify

FOREIGN = {
    "de": ["Lass mich endlich in Ruhe!", "Ich hasse dich!", "So ein Quatsch.", "Tschüss"],
    "fr": ["Je te déteste.", "J'ai très peur de l'orage.", "Tu me manques beaucoup."],
    "pl": ["Nienawidzę cię.", "Zostaw mnie w spokoju!", "Co za niespodzianka!"],
    "zh": ["别烦我!", "我今天非常高兴。", "生日快乐!"],
    "es": ["¡Feliz cumpleaños, mi amor!", "Tengo mucho miedo.", "No me lo puedo creer."],
}
ENGLISH = [
    "What?",
    "Oh my God!",
    "Haha no way",
    "hahaha that's so funny",
    "Hey Ross.",
    "I don't know.",
    "Leave me alone!",
    "No.",
    "Monica",
    "You're kidding, right?",
    "GO AWAY!!!",
    "Thank you, sweetie 😂",
]
NOTHING = ["Chandler.", "ok", "lol", "😂😂", "...", "123", "hahaha", ""]


@pytest.mark.parametrize("language", FOREIGN)
def test_short_sentences_are_known_by_their_language(language: str) -> None:
    for text in FOREIGN[language]:
        code, probability = identify(text) or ("", 0.0)
        assert code == language, text
        assert 0 < probability <= 1


@pytest.mark.parametrize("text", ENGLISH)
def test_what_people_write_in_chats_is_english(text: str) -> None:
    assert (identify(text) or ("en", 1.0))[0] == "en"


@pytest.mark.parametrize("text", NOTHING)
def test_where_nothing_speaks_for_a_language_none_is_named(text: str) -> None:
    assert identify(text) is None


def test_the_expected_language_has_the_prior() -> None:
    (german, sure), (other, unsure) = (
        identify("Das ist gut so.", n) or ("", 0.0) for n in ("de", "en")
    )
    assert german == other == "de"
    assert sure > unsure


def test_a_page_is_judged_by_its_beginning() -> None:
    text = "I do not know what to say. " * 200
    assert identify(text + "Das weiß ich nicht. " * 9999) == identify(text)


def test_two_threads_load_one_identifier(monkeypatch: pytest.MonkeyPatch) -> None:
    text_language._load.cache_clear()
    found: list[object] = []
    threads = [Thread(target=lambda: found.append(text_language.identifier())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
