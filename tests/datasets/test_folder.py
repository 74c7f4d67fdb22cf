import pytest

from emocli.datasets import folder
from emocli.errors import MalformedError


def labels(records):
    return {record["path"].rsplit("/", 1)[1]: record.get("label") for record in records}


def test_the_nearest_folder_that_is_an_emotion_is_the_label(make):
    assert labels(folder.read(make("folder"))) == {
        "a.wav": {"emotion": "anger", "original": "angry"},
        "b.mp4": {"emotion": "joy", "original": "Happy"},
        "c.wav": {"emotion": None, "original": "boredom"},
        "top.flac": None,
    }


def test_a_folder_without_such_names_gives_plain_records(tmp_path):
    (tmp_path / "session1").mkdir()
    (tmp_path / "session1/x.mp4").write_bytes(b"")
    path = f"{tmp_path}/session1/x.mp4"
    assert [*folder.read(tmp_path)] == [{"id": path, "path": path, "dataset": "folder"}]


def test_the_name_of_the_folder_above_is_no_label(tmp_path):
    place = tmp_path / "sad"
    place.mkdir()
    (place / "x.mp4").write_bytes(b"")
    assert labels(folder.read(place)) == {"x.mp4": None}
    assert labels(folder.read(place / "x.mp4")) == {"x.mp4": None}


def test_a_table_has_paths_relative_to_itself_and_keeps_its_other_columns(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text(
        "path,label,speaker,text\nclips/a.wav,Superise,ann,Oh!\n,sad,,I see\nb.wav,,bob,\n"
    )
    assert [*folder.read(table)] == [
        {
            "id": f"{tmp_path}/clips/a.wav",
            "path": f"{tmp_path}/clips/a.wav",
            "dataset": "folder",
            "speaker": "ann",
            "text": "Oh!",
            "label": {"emotion": "surprise", "original": "Superise"},
        },
        {
            "id": f"{table}#R2",
            "dataset": "folder",
            "text": "I see",
            "label": {"emotion": "sadness", "original": "sad"},
        },
        {
            "id": f"{tmp_path}/b.wav",
            "path": f"{tmp_path}/b.wav",
            "dataset": "folder",
            "speaker": "bob",
        },
    ]


def test_ids_of_a_table_are_kept(tmp_path):
    (tmp_path / "t.csv").write_text("id,text,emotion\nu1,hello,joy\n")
    (record,) = folder.read(tmp_path / "t.csv")
    assert (record["id"], record["label"]["emotion"]) == ("u1", "joy")


def test_a_row_about_nothing_is_malformed(tmp_path):
    (tmp_path / "t.csv").write_text("path,label\na.wav,joy\n,joy\n")
    with pytest.raises(MalformedError, match=r"t\.csv:3: neither a path nor a text"):
        list(folder.read(tmp_path / "t.csv"))


def test_text_that_is_not_utf8_is_named_with_the_line_before_it(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"id,text\na,ok\nb,caf\xe9\n")
    rows = folder.read(tmp_path / "t.csv")
    assert next(rows)["id"] == "a"
    with pytest.raises(MalformedError, match=r"t\.csv:3: not UTF-8: b'\\xe9'.*iconv"):
        next(rows)
