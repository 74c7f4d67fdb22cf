"""The words of a transcript."""

from __future__ import annotations

import pytest

from emocli.signals import transcripts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("... — !? 'n'", ["n"]),
        ("[laughs] Oh <noise> no! I *do* <3", ["Oh", "no", "I", "do", "3"]),
        (
            "It’s ‘fine’ – really, “so” fine…isn't it",
            ["It's", "fine", "really", "so", "fine", "isn't", "it"],
        ),
        ("wait--what? no,yes 3,000.5 $5", ["wait", "what", "no", "yes", "3,000.5", "$5"]),
        ("(well-known) U.S.A. rock 'n' roll", ["well-known", "U.S.A", "rock", "n", "roll"]),
        ("¿Dónde está? „Tür“ «où»", ["Dónde", "está", "Tür", "où"]),
        ("你好，世界。", ["你好，世界"]),
    ],
)
def test_words_are_what_is_between_signs(text: str, words: list[str]) -> None:
    assert transcripts.tokens(text) == words


def test_words_are_words_again() -> None:
    for word in transcripts.tokens("It’s $5.50 well-known U.S.A. isn't a.m. 50% cat's 'em"):
        assert transcripts.tokens(word) == [word]
