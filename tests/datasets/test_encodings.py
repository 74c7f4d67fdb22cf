"""Every dataset, in every encoding, whatever lies beside it; and the same table as an input."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from emocli import datasets
from emocli.errors import EmocliError, MalformedError
from emocli.io import inputs
from tests.conftest import Emocli

TEXTS = (".csv", ".tsv", ".txt", ".json")
every = pytest.mark.parametrize("name", [*datasets.names(), "folder table"])


def said(name: str, place: Path, addition: str) -> list[dict[str, Any]]:
    """Add something to a word of each text of a dataset; return the records."""
    for record in [r for r in read(name, place) if r.get("text")]:
        word = max(re.findall(r"[^\W\d_]+", record["text"]), key=len)
        for file in files(place):
            source = file.read_bytes().decode()
            file.write_bytes(
                re.sub(rf"\b{word}\b", lambda match: match[0] + addition, source).encode()
            )
    return read(name, place)


def files(place: Path) -> list[Path]:
    return [file for file in place.rglob("*") if file.suffix in TEXTS]


def read(name: str, place: Path) -> list[dict[str, Any]]:
    table = place / "mine.csv"
    return list(datasets.load(name.split()[0]).read(table if table.exists() else place))


@pytest.fixture
def made(make: Any) -> Any:
    """Make a small copy of a dataset: made("meld"), made("folder table")."""

    def dataset(name: str) -> Path:
        place: Path = make(name.split()[0])
        if name == "folder table":
            text = "id,text,path,label\nu1,So glad,a.wav,joy\nu2,Oh,b.wav,sad\n"
            (place / "mine.csv").write_text(text)
        return place

    return dataset


@every
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_are_read_or_refused_with_advice(name: str, encoding: str, made: Any) -> None:
    place = made(name)
    expected = said(name, place, "’é")
    try:
        for file in files(place):
            text = file.read_bytes().decode()
            file.write_bytes(text.encode(encoding))
    except UnicodeEncodeError:
        pytest.skip("not a text of this encoding")
    plain = all(file.read_bytes().isascii() for file in files(place))
    if encoding != "cp1252" or plain:
        assert read(name, place) == expected
        return
    with pytest.raises(MalformedError, match=r"not UTF-8.*iconv -f WINDOWS-1252 -t UTF-8"):
        read(name, place)
    for file in files(place):  # what the advice does
        file.write_bytes(file.read_bytes().decode("cp1252").encode())
    assert read(name, place) == expected


@every
def test_control_characters_in_texts_are_what_was_meant(name: str, made: Any) -> None:
    place = made(name)
    for mark in ("\x92", r"\u0092") if list(place.glob("*.json")) else ("\x92",):
        found = said(name, place, mark)
        assert "\\x92" not in str(found)
        if any(record.get("text") for record in found):
            assert "’" in str(found)


@pytest.mark.parametrize("name", sorted({*datasets.names()} - {"folder"}))
def test_a_second_copy_of_the_media_adds_no_record(name: str, made: Any, emocli: Emocli) -> None:
    place = made(name)
    expected = read(name, place)
    ids = [record["id"] for record in expected]
    paths = {record.get("path") for record in expected}
    every = [file for file in place.rglob("*") if file.is_file()]
    media = [file for file in every if file.suffix in datasets.MEDIA or str(file) in paths]
    for file in media:
        copy = place / "zz_second" / file.relative_to(place)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    outcome = emocli("dataset", name, str(place))
    assert [r["id"] for r in outcome.records] == ids
    for file in media:
        file.unlink()
    # What looks for files finds the copies now, or nothing; what knows their places has its table.
    left = there(name, place)
    looks = [r["id"] for r in left] != ids or any("zz_second" in r.get("path", "") for r in left)
    assert ("left out as second files" in outcome.stderr) == looks


def there(name: str, place: Path) -> list[dict[str, Any]]:
    """Return the records that are there, none where the reader refuses."""
    try:
        return read(name, place)
    except EmocliError:
        return []


TABLES = [
    "path,start,end,turn,label.valence,emotion\na.wav,0.5,1.5,0,3.5,joy\na.wav,1.5,,1.0,2,neutral\n",
    "id,text,label,speaker,mine\nu1,Oh!,joy,ann,7\nu2,No,sadness,bob,8\n",
    "text,label.emotion,label.votes.joy,label.distribution.joy\nOh!,joy,3,.75\nNo,joy,0,1e-1\n",
    "path,text\na.wav,one\na.wav,two\n,three\n",
    "id,text,prediction.emotion,prediction.probabilities.joy,prediction.calibrated\nu,x,joy,1,True\n",
]


@pytest.mark.parametrize("text", TABLES)
def test_a_table_gives_the_same_records_as_an_input(text: str, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(text)
    expected = [*inputs.Source([str(table)], io.BytesIO())]
    found = list(datasets.load("folder").read(table))
    for record in found:
        assert record.pop("dataset") == "folder"
        if "label" in record:
            assert record["label"].pop("original") == record["label"]["emotion"]
    assert found == expected
    assert len({record["id"] for record in found}) == len(found) == text.count("\n") - 1
