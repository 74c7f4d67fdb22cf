"""TextGrids: what Praat writes is read, and what is written Praat reads."""

from __future__ import annotations

from pathlib import Path

import parselmouth
import pytest
from parselmouth.praat import call

from emocli.errors import RecordError
from emocli.records import texts
from emocli.signals import textgrid
from emocli.signals.textgrid import Interval, Tier

TIERS = [
    Tier(
        "words", [Interval(0.0, 0.25, ""), Interval(0.25, 1.5, 'say "hi"!'), Interval(1.5, 2, "")]
    ),
    Tier("phones", [Interval(0.0, 1.0, "aɪ"), Interval(1.0, 1.5, "ɔ̃"), Interval(1.5, 2.0, "")]),
]
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0.5
2
<exists>
2
"TextTier"
"points"
0.5
2
1
0.7
"a point"
"IntervalTier"
"phones"
0.5
2
2
0.5
1.25
"t"
1.25
2
"ə""
"
"""


@pytest.fixture
def praat(tmp_path: Path):
    """Give a TextGrid to Praat; have it write what it has read in some format and encoding."""

    def through(text: str, command: str = "Save as text file", encoding: str = "UTF-8") -> bytes:
        path = tmp_path / "a.TextGrid"
        path.write_text(text, encoding="utf-8")
        grid = parselmouth.read(str(path))
        call(grid, "Insert point tier", 1, "events")
        call(grid, "Insert point", 1, 0.7, 'a "point"')
        parselmouth.praat.run(f'Text writing preferences: "{encoding}"')
        call(grid, command, str(path))
        parselmouth.praat.run('Text writing preferences: "UTF-8"')
        return path.read_bytes()

    return through


@pytest.mark.parametrize("command", ["Save as text file", "Save as short text file"])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
def test_praat_reads_what_is_written_and_the_other_way_round(praat, command, encoding) -> None:
    written = textgrid.dumps(TIERS, 0.0, 2.0)
    data = praat(written, command, encoding)
    assert data[:2] == b"\xfe\xff" or encoding == "UTF-8"
    assert textgrid.parse(texts.decoded(data)) == TIERS
    assert textgrid.parse(written) == TIERS


def test_praat_finds_the_labels_where_they_were_put(tmp_path: Path) -> None:
    path = tmp_path / "b.TextGrid"
    path.write_text(textgrid.dumps(TIERS, 0.0, 2.0), encoding="utf-8")
    grid = parselmouth.read(str(path))
    assert call(grid, "Get number of tiers") == 2
    assert call(grid, "Get tier name", 2) == "phones"
    assert call(grid, "Get label of interval", 1, 2) == 'say "hi"!'
    assert call(grid, "Get label of interval", 2, 2) == "ɔ̃"
    assert call(grid, "Get start time of interval", 1, 2) == 0.25
    assert call(grid, "Get end time of interval", 2, 2) == 1.5


def test_the_short_format_by_hand() -> None:
    tiers = textgrid.parse(SHORT)
    assert tiers == [Tier("phones", [Interval(0.5, 1.25, "t"), Interval(1.25, 2.0, 'ə"')])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "too early"),
        ("hello", "too early"),
        (SHORT[:150], "too early"),
        (SHORT.replace("TextGrid", "Sound"), "Sound"),
        (SHORT.replace("TextTier", "FooTier"), "FooTier"),
        (SHORT.replace("\n2\n0.5\n1.25", "\n2.5\n0.5\n1.25"), "2.5"),
        (SHORT.replace("1.25\n2\n", "1.25\n1\n"), "1.25"),
        (SHORT.replace("<exists>\n2", "<exists>\n1000000"), "1e\\+06"),
        (SHORT.replace('"points"', "7"), "7"),
        ("ooBinaryFile\x08TextGrid", "binary"),
    ],
)
def test_what_is_no_textgrid_is_said(text: str, message: str) -> None:
    with pytest.raises(RecordError, match=message) as caught:
        textgrid.parse(text)
    assert caught.value.code == "bad_textgrid"


def test_intervals_touch_and_do_not_overlap() -> None:
    mess = [Interval(1.0, 2.0, "b"), Interval(0.5, 1.2, "a"), Interval(1.1, 1.15, "in a")]
    assert textgrid.filled(mess, 0.0, 1.5) == [
        Interval(0.0, 0.5, ""),
        Interval(0.5, 1.2, "a"),
        Interval(1.2, 1.5, "b"),
    ]
    assert textgrid.filled([], 1.0, 2.0) == [Interval(1.0, 2.0, "")]
