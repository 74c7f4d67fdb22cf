"""examples/wheel_synonyms.py on a tiny dictionary in the format of WordNet."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples import wheel_synonyms

# Offsets of the senses are what each line begins with; a sense is about joy, or about a table.
NOUN = """\
  1 a licence
00000010 12 n 02 joy 0 joyousness 0 002 + 00000030 a 0101 + 00000020 v 0101 | pleased
00000050 06 n 02 joy 0 table 0 000 | furniture
"""
VERB = "00000020 37 v 02 rejoice 0 joy 0 001 + 00000010 n 0201 01 + 02 00 | feel it\n"
ADJ = """\
00000030 00 a 01 joyful 0 002 + 00000010 n 0101 & 00000040 a 0000 | full of joy
00000040 00 s 02 gleeful 0 high-spirited 0 001 & 00000030 a 0000 | very joyful
"""
ADV = "00000060 02 r 01 joyfully 0 001 \\ 00000030 a 0101 | with joy\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("noun", NOUN), ("verb", VERB), ("adj", ADJ), ("adv", ADV)):
        (tmp_path / f"data.{name}").write_text(text)
    index = {
        "noun": "joy n 2 0 2 2 00000010 00000050\njoyousness n 1 0 1 0 00000010\n"
        "table n 1 0 1 0 00000050\n",
        "verb": "rejoice v 1 0 1 0 00000020\njoy v 1 0 1 0 00000020\n",
        "adj": "joyful a 1 0 1 0 00000030\ngleeful a 1 0 1 0 00000040\n"
        "high-spirited a 1 0 1 0 00000040\n",
        "adv": "joyfully r 1 0 1 0 00000060\n",
    }
    for name, text in index.items():
        (tmp_path / f"index.{name}").write_text(f"  1 a licence\n{text}")
    (tmp_path / "verb.exc").write_text("")
    return tmp_path


def test_synonyms_are_about_feelings_and_come_with_what_derives_from_them(folder: Path) -> None:
    found = wheel_synonyms.synonyms("joy", wheel_synonyms.Net(folder))
    assert {"joyousness", "rejoice", "rejoiced", "rejoicing", "joyful", "gleeful"} <= found
    assert {"joyfully", "high-spirited"} <= found
    assert not found & {"table", "joy"}
