"""The labels of EMO-DB: a file by hand, in the manner of the real ones."""

from __future__ import annotations

import pytest

from emocli.errors import RecordError
from emocli.signals import lablaut
from emocli.signals.lablaut import Label

HEAD = """signal wochenAO
type 0
comment created using xlabel Wed Apr 26 12:59:18 2000
separator ;
nfields 1
#
"""
MARKS = """    0.080   -1 _t
    0.120   -1 !t	+asp
    0.140   -1 E6
    0.240   -1 l	-sth
    0.300   -1 -lar
    0.340   -1 a		2
    0.420   -1 p
    0.500   -1 !p	+na
    0.550   -1 m +sil
    0.600   -1 (gef
    1.000   -1 k
    1.050   -1 !k
    1.070   -1 kasp
    1.100   -1
    1.120   -1 OY	+hoe
    1.300   -1 .
"""


def test_a_sound_lasts_from_its_mark_to_the_next_one() -> None:
    assert lablaut.parse(HEAD + MARKS) == [
        Label("t", 0.08, 0.14, "t"),
        Label("ɛɐ", 0.14, 0.24, "E6"),
        Label("l", 0.24, 0.34, "l"),
        Label("a", 0.34, 0.42, "a"),
        Label("p", 0.42, 0.55, "p"),
        Label("m", 0.55, 0.60, "m"),
        Label("k", 1.0, 1.12, "k"),
        Label("ɔʏ", 1.12, 1.3, "OY"),
    ]


def test_a_stop_after_another_is_a_sound_of_its_own() -> None:
    marks = "0.1 -1 t\n0.2 -1 !t\n0.3 -1 g\n0.4 -1 !g\n0.5 -1 t\n0.6 -1 !d\n0.7 -1 .\n"
    labels = lablaut.parse(HEAD + marks)
    assert [(label.ipa, label.start, label.end) for label in labels] == [
        ("t", 0.1, 0.3),
        ("ɡ", 0.3, 0.5),
        ("t", 0.5, 0.6),
        ("d", 0.6, 0.7),
    ]


@pytest.mark.parametrize("text", ["", "#\n0.1 -1 a\n", HEAD, "signal x\n0.1 -1 a\n"])
def test_what_is_no_lablaut_file_is_said(text: str) -> None:
    with pytest.raises(RecordError) as caught:
        lablaut.parse(text)
    assert caught.value.code == "bad_lablaut"
