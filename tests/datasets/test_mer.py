"""MER2023, MER2024 and MER2025: tables in one folder, clips in others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emocli import datasets
from emocli.datasets import mer2023, mer2024, mer2025
from emocli.errors import EmptyInputError, MalformedError
from tests.conftest import Emocli
from tests.datasets.conftest import touch

every = pytest.mark.parametrize("name", ["mer2023", "mer2024", "mer2025"])


def test_rows_of_all_tables_become_records_of_their_films(make: Any) -> None:
    place = make("mer2023")
    first, second, third = mer2023.read(place)
    assert first == {
        "id": "mer2023/train/sample_1",
        "path": f"{place}/mer2023train/train/sample_1.avi",
        "dataset": "mer2023",
        "split": "train",
        "language": "zh",
        "text": "OK，你好",
        "english": "Hello",
        "label": {"emotion": "joy", "original": "happy", "valence": 2.5},
    }
    assert second["label"] == {"emotion": None, "original": "worried", "valence": -1}
    assert not {"path", "text", "english"} & set(second)
    assert (third["split"], third["label"]["emotion"]) == ("test1", "neutral")
    assert third["path"] == f"{place}/test1/sample_3.mp4"


def test_a_clip_with_noise_is_read_where_the_challenge_has_one(make: Any) -> None:
    place = make("mer2024")
    labelled, _, noisy, clean = mer2024.read(place)
    assert labelled["path"] == f"{place}/video-labeled/sample_1.mp4"
    assert noisy["path"] == f"{place}/video-unlabeled-with-test2noise/sample_3.mp4"
    assert clean["path"] == f"{place}/video-unlabeled/sample_4.mp4"
    assert "label" not in noisy
    assert noisy["split"] == "test"


def test_sound_is_read_where_it_is_asked_for_or_all_there_is(make: Any, emocli: Emocli) -> None:
    place = make("mer2025")
    films = [record.get("path") for record in mer2025.read(place)]
    assert films == [f"{place}/video/sample_1.mp4", None, f"{place}/video/sample_3.mp4"]
    sounds = [f"{place}/audio/sample_1.wav", None, f"{place}/audio/sample_3.wav"]
    outcome = emocli("dataset", "mer2025", str(place), "--media", "audio")
    assert [record.get("path") for record in outcome.records] == sounds
    assert "1 clips of the tables are not here" in outcome.stderr
    for film in (place / "video").iterdir():
        film.unlink()
    assert [record.get("path") for record in mer2025.read(place)] == sounds


def test_a_test_clip_in_two_tables_is_one_record(make: Any, emocli: Emocli) -> None:
    place = make("mer2025")
    (place / "track1_test_dis.csv").write_text("name,discrete\nsample_3,angry\n")
    outcome = emocli("dataset", "mer2025", str(place))
    assert [r["id"] for r in outcome.records][-1] == "mer2025/test/sample_3"
    assert outcome.records[-1]["label"]["emotion"] == "anger"
    assert "1 rows are left out, which came before" in outcome.stderr


@every
def test_one_table_will_do(name: str, make: Any) -> None:
    place, module = make(name), datasets.load(name)
    table = next(place.rglob(next(iter(module.RELEASE.tables))))
    assert {record["split"] for record in module.read(table)} == {"train"}
    with pytest.raises(EmptyInputError, match="no table here"):
        list(module.read(touch(place, "mine.csv") / "mine.csv"))


@every
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("sample_9,bored,1", "unknown MER emotion 'bored'"),
        ("sample_9,sad,6", "valence is not from -5 to 5: '6'"),
        ("sample_9,sad,low", "valence is not from -5 to 5: 'low'"),
        ("sample_9,sad", "not the 3 cells"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(name: str, row: str, message: str, make: Any) -> None:
    place, module = make(name), datasets.load(name)
    table: Path = next(place.rglob(next(iter(module.RELEASE.tables))))
    table.write_text(table.read_text() + row + "\n")
    with pytest.raises(MalformedError, match=rf"{table.name}:4: .*{message}"):
        list(module.read(place))
