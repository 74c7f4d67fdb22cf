"""What separates the cells of a table."""

from __future__ import annotations

import io

import pytest

from emocli.errors import MalformedError, UsageError
from emocli.io import columns, separated

# Small tables that are easy to get wrong: name, separator, table.
HARD = [
    ("commas", ",", "id,text,emotion\na,one,joy\nb,two,anger\n"),
    ("semicolons", ";", "id;text;emotion\na;eins;joy\n"),
    ("commas in text", ";", "id;text;emotion\na;eins, zwei;joy\nb;ja, nein, doch;anger\n"),
    ("decimal commas", ";", "path;start;end;valence\na.wav;0,5;1,5;3,2\nb.wav;1,5;2,5;4,1\n"),
    ("only decimal commas", ";", "start;end\n0,5;1,5\n1,5;2,5\n"),
    ("tabs", "\t", "id\ttext\temotion\na\teins, zwei\tjoy\nb\tdrei; vier\tjoy\n"),
    ("tabs and quotes", "\t", 'Utterance\tSpeaker\n"Oh, no"\tRoss\nI said "hi", ok\tJoey\n'),
    ("one column", ",", "text\nhello there\nhow are you\nfine\n"),
    ("one column, quoted commas", ",", 'text\n"hello, there"\n"how are you, sir"\n'),
    ("one column of paths", ",", "path\na.wav\nb.wav\n"),
    ("one column, semicolons", ",", "text\nI came; I saw; I won\nyes; no; yes\n"),
    ("one column of addresses", ",", "path\nhttp://x/a.wav\nhttp://x/b.wav\n"),
    ("semicolons in text", ",", "text,emotion\nI came; I saw; I won,joy\nwell; no; yes,anger\n"),
    ("quoted text", ",", 'text,emotion\n"I came; I saw, I won",joy\n"well; no, yes",anger\n'),
    ("doubled quotes", ",", 'id,text\n1,"he said ""no; never"""\n2,"a ""b"", c; d"\n'),
    ("line breaks", ",", 'id,text\n1,"line one;\nline two; three, four"\n2,ok\n'),
    ("line breaks, semicolons", ";", 'id;text\n1;"line one,\nline two; three, four"\n2;ok\n'),
    (
        "a chat",
        ";",
        "time;author;message\n12:01;Ann;Hi, how are you?\n12:02;Bob;fine, thanks: ok\n",
    ),
    ("commas, header alone", ",", "id,text,emotion\n"),
    ("semicolons, header alone", ";", "id;text;emotion\n"),
    ("one column, header alone", ",", "text\n"),
    ("blanks behind commas", ",", "id, text, emotion\na, one, joy\nb, two, joy\n"),
    (
        "questions",
        ",",
        'Time,"How do you feel, now?",What happened; in your words?\n1,"a, b",c; d\n',
    ),
    ("a question of two lines", ",", 'Time,"How do you;\nfeel; now?",text\n1,"a, b",c; d\n'),
    ("bars", "|", "id|text|emotion\na|one, two|joy\n"),
    ("blanks in names", ",", "file name,emotion\na b c.wav,joy\nb c d.wav,joy\n"),
    ("colons", ",", "path,start time\na.wav,00:00:01\nb.wav,00:00:02\n"),
    ("a ragged row", ",", "path,speaker\na.wav,s\nb.wav,s,more\n"),
    ("lists in cells", ",", "id,tags,text\n1,a;b,hello\n2,c;d,you\n3,e;f,there\n"),
    ("as many commas", ";", "id;a,b;text\n1;x,y;hello\n2;z,w;you\n"),
    ("prose and tabs", "\t", "text\tlabel\nWell, I think, you know\tjoy\nNo, never, ever\tanger\n"),
    ("apostrophes", ",", "id,text\n1,it's fine\n2,don't; can't\n3,I'm 'ok'\n"),
    ("everything quoted", ";", '"id";"text"\n"1";"a, b; c"\n"2";"d"\n'),
    ("inches", ",", 'id,text\n1,a 5" nail\n2,a 6" nail\n'),
    ("unknown names", ";", "Zeit, genau;Satz\n1,5;ja\n2,5;nein, doch\n"),
]


def grid(table: str | bytes, asked: str | None = None) -> separated.Grid:
    data = table if isinstance(table, bytes) else table.encode()

    def known(header: list[str]) -> bool:
        return columns.chosen(header, {}).usable()

    return separated.grid(io.BytesIO(data), "t.csv", asked, known)


@pytest.mark.parametrize(
    ("separator", "table"), [row[1:] for row in HARD], ids=[r[0] for r in HARD]
)
def test_hard_tables_are_read_with_their_separator(separator: str, table: str) -> None:
    assert grid(table).separator == separator


@pytest.mark.parametrize("table", ["a,b;c\n", "a,b;c\n1,2;3\n", "a,b;c\n1;2\n1,2\n1,2\n"])
def test_where_it_is_not_clear_nothing_is_guessed(table: str) -> None:
    with pytest.raises(MalformedError, match=r"not clear what separates .*--separator"):
        grid(table)
    assert next(len(row) for _, row in grid(table, ",").rows) == 2


def test_the_header_is_enough_so_that_nobody_waits_for_more() -> None:
    class Slow(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            assert self.tell() == 0, "more than the header was read"
            return super().readline(size)

    data = b"time;author;message\n12:01;Ann;Hi\n"
    found = separated.grid(Slow(data), "t.csv", None, lambda _: True)
    assert next(found.rows) == (1, ["time", "author", "message"])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_first_line_can_say_what_separates(line: str, encoding: str, end: str) -> None:
    table = end.join([line, "a;b,c;d", "1;2,5;3", ""])
    found = grid(table.encode(encoding))
    assert found.separator == ";"
    assert [*found.rows] == [(2, ["a", "b,c", "d"]), (3, ["1", "2,5", "3"])]


def test_a_flag_outranks_what_the_table_says() -> None:
    assert [*grid("sep=;\nid;text,x\n", ",").rows] == [(2, ["id;text", "x"])]


def test_blanks_behind_separators_are_no_part_of_cells_where_the_header_has_them() -> None:
    table = 'id, text, emotion\na, "one, two", joy\n'
    assert [row for _, row in grid(table).rows][1] == ["a", "one, two", "joy"]
    assert [row for _, row in grid("id,text\na, one\n").rows][1] == ["a", " one"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_words_behind_a_quote_stay_in_their_line(separator: str) -> None:
    rows = [["id", "text"], ["a", '"so" he said'], ["b", "yes"]]
    table = "".join(separator.join(row) + "\n" for row in rows)
    assert [row for _, row in grid(table).rows][1:] == [["a", "so he said"], ["b", "yes"]]


@pytest.mark.parametrize(
    "text",
    ['id,text\na,"I love it\nb,yes\nc,"no\n', 'id,text\na,"x" y,"z\nb,1\n', 'id,text\na,"open\n'],
)
def test_a_quote_that_is_not_closed_swallows_no_rows(text: str) -> None:
    with pytest.raises(MalformedError, match=r"t.csv:2: a quote is opened and never closed"):
        list(grid(text).rows)


def test_rows_are_named_by_the_line_where_they_begin() -> None:
    found = grid('\n\nid,text\na,"one\ntwo"\n\nb,"three"\n')
    assert [line for line, _ in found.rows] == [3, 4, 7]


@pytest.mark.parametrize("word", ["", ";;", "a", '"', "\n", "tabs"])
def test_what_is_no_separator_is_a_usage_error(word: str) -> None:
    with pytest.raises(UsageError, match="--separator"):
        separated.separator(word)
