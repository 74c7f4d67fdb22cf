"""Every command that reads records reads tables, with the same names and flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emocli.cli import man_pages, registry
from emocli.io import synonyms
from tests.cli.test_shared_flags import MADE, offering
from tests.conftest import Emocli

pytestmark = pytest.mark.usefixtures("default_models", "nobody_speaks")

READERS = [name for name in offering("column") if name != "dataset"]
FORMS = 'Time,"How did you feel, overall?",How old are you?\n' + '1,"I loved it",31\n' * 3
CHAT = "id;author;message\na;Ann;I am so happy\nb;Bob;I hate it, all of it\n"


def command(name: str, folder: Path, *flags: str) -> list[str]:
    """Return a command line; a bundle that it would write goes into a folder of its own."""
    out = ["-o", str(folder / "out")] if name.split()[0] in ("train", "calibrate") else []
    return [*MADE[name](folder).arguments, *out, *flags]


def test_all_that_read_records_read_tables() -> None:
    assert {*offering("input_format")} == {*READERS}


@pytest.mark.parametrize("name", READERS)
def test_a_table_without_a_usable_column_is_one_error_before_any_work(
    name: str, emocli: Emocli, tmp_path: Path
) -> None:
    (tmp_path / "forms.csv").write_text(FORMS)
    (tmp_path / "first.jsonl").write_text('{"id": "a", "text": "yes"}\n')
    files = [str(tmp_path / "first.jsonl"), str(tmp_path / "forms.csv")]
    outcome = emocli(*command(name, tmp_path, *files))
    assert (outcome.status, outcome.stdout) == (2, b"")
    (line,) = outcome.stderr.splitlines()
    assert "'How did you feel, overall?', 'How old are you?'" in line
    assert "--column text=COLUMN" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", READERS)
def test_a_column_may_be_named_on_the_command_line(
    name: str, emocli: Emocli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr("emocli.io.inputs.Source.__iter__", _noting(seen))
    (tmp_path / "forms.csv").write_text(FORMS)
    flags = ["--column", "text=how did you", "--column", "turn=How old"]
    emocli(*command(name, tmp_path, str(tmp_path / "forms.csv"), *flags))
    assert [(r["text"], r["turn"]) for r in seen] == [("I loved it", 31)] * 3
    seen.clear()
    (tmp_path / "odd.csv").write_text("x,y;text\n1,2;3\n")
    flags = ["--separator", ",", "--column", "text=y;text"]
    emocli(*command(name, tmp_path, str(tmp_path / "odd.csv"), *flags))
    assert [r["text"] for r in seen] == ["2;3"]
    seen.clear()
    outcome = emocli(*command(name, tmp_path, "-", "--input-format", "csv"), stdin=CHAT.encode())
    assert [r["speaker"] for r in seen] == ["Ann", "Bob"]
    assert "'message' is read as text" in outcome.stderr


def _noting(seen: list[dict[str, Any]]) -> Any:
    from emocli.io.inputs import Source

    reading = Source.__iter__

    def noted(source: Source) -> Any:
        for record in reading(source):
            seen.append({**record})
            yield record

    return noted


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--column", "text"], "--column text: not FIELD=COLUMN (the field first, such as text="),
        (["--column", "=message"], "--column =message: not FIELD=COLUMN"),
        (["--column", "text=a", "--column", "text=b"], "text is given twice"),
        (["--column", "text=nothing"], "no column 'nothing' in 'id', 'author', 'message'"),
        (["--column", "features=author"], "--column features=...: no cell can be this field"),
        (["--separator", "ab"], "--separator ab: not one character"),
    ],
)
def test_flags_that_make_no_sense_are_usage_errors(
    flags: list[str], says: str, emocli: Emocli, tmp_path: Path
) -> None:
    (tmp_path / "chat.csv").write_text(CHAT)
    for line in (["prosody"], ["dataset", "folder"]):
        outcome = emocli(*line, str(tmp_path / "chat.csv"), *flags)
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert says in outcome.stderr


def test_a_dataset_and_a_filter_read_a_table_alike(emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Name;Gefühl;Satz\nAnn;Freude;Oh, ja\n")
    columns = ("speaker=name", "label=Gefühl", "text=Satz")
    flags = [word for one in columns for word in ("--column", one)]
    (read,) = emocli("extract-audio", "-q", str(tmp_path / "t.csv"), *flags).records
    (labelled,) = emocli("dataset", "folder", str(tmp_path / "t.csv"), *flags).records
    for field in ("id", "speaker", "text"):
        assert read[field] == labelled[field]
    assert (read["text"], labelled["label"]["original"]) == ("Oh, ja", "Freude")


def test_published_datasets_have_columns_of_their_own(emocli: Emocli, tmp_path: Path) -> None:
    outcome = emocli("dataset", "meld", str(tmp_path), "--column", "text=Utterance")
    assert outcome.status == 2
    assert "--column" in outcome.stderr


def test_files_that_flags_name_may_be_tables(emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("id,text,prediction,label\na,x,joy,joy\nb,y,joy,fear\n")
    (tmp_path / "two.csv").write_text("id,text,prediction,label\na,x,joy,joy\nb,y,fear,fear\n")
    one, two = str(tmp_path / "one.csv"), str(tmp_path / "two.csv")
    flags = ("--task", "classification", "--bootstrap", "100")
    (row,) = emocli("score", one, "--compare", two, "--train", two, *flags).records
    assert "compared" in row
    lines = b'{"id":"b"}\n{"id":"a"}\n'
    assert [r["id"] for r in emocli("merge", "--like", two, stdin=lines).records] == ["a", "b"]


def test_man_pages_list_every_name_of_a_column() -> None:
    texts = {name.removeprefix("emocli-")[:-2]: text for name, text in man_pages.pages("1")}
    pages = {name.split()[0] for name in (*READERS, "dataset")}
    assert {name for name, text in texts.items() if ".SH TABLES" in text} == pages
    words = {word for words in synonyms._SYNONYMS.values() for word in words.split(", ")}
    for name in pages:
        assert all(word in texts[name].replace("\\-", "-") for word in words)
    assert registry.names()
