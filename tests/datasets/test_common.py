"""Promises that every dataset keeps; a new one is found by its file."""

import re

import pytest

from emocli import datasets
from emocli.errors import EmptyInputError, UsageError
from emocli.records.labels import EMOTIONS

every = pytest.mark.parametrize("name", datasets.names())
published = pytest.mark.parametrize("name", sorted({*datasets.names()} - {"folder"}))


def test_the_file_name_is_the_registry():
    assert {"crema-d", "emodb", "folder", "goemotions", "ravdess"} <= set(datasets.names())
    assert datasets.load("crema-d").__name__ == "emocli.datasets.crema_d"


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(UsageError, match=r"unknown dataset 'atlantis'.*ravdess"):
        datasets.load("atlantis")


@published
def test_a_dataset_cites_its_paper_and_its_terms(name):
    text = datasets.load(name).__doc__
    assert re.search(r"\b(19|20)\d\d\b", text)
    assert "https://" in text
    assert re.search(r"CC BY|GPL|research", text)
    assert "Expects" in text
    assert "Cautions" in text
    assert datasets.title(name) == text.split("\n")[0]


@every
def test_what_is_not_there_is_named_with_what_was_expected(name, tmp_path):
    with pytest.raises(UsageError, match=r"nowhere: no such file or folder \(expected"):
        list(datasets.load(name).read(tmp_path / "nowhere"))


@every
def test_an_empty_folder_says_what_was_expected(name, tmp_path):
    with pytest.raises((EmptyInputError, UsageError), match="expected") as error:
        list(datasets.load(name).read(tmp_path))
    assert str(tmp_path) in str(error.value)


@every
def test_records_have_what_the_design_says(name, make):
    records = list(datasets.load(name).read(make(name)))
    assert len({record["id"] for record in records}) == len(records) >= 2
    for record in records:
        assert record["dataset"] == name
        label = record.get("label", {})
        assert label.get("emotion") in (*EMOTIONS, None)
        assert ("emotion" in label) == ("original" in label)
        assert label.get("polarity", "neutral") in ("negative", "neutral", "positive")
        assert label.get("multi", [label.get("emotion")])[0] == label.get("emotion")
        assert {*label.get("votes", ()), *label.get("distribution", ())} <= set(EMOTIONS)
        assert sum(label.get("distribution", {"joy": 1}).values()) == pytest.approx(1)
        assert sum(label.get("blend", {"joy": 100}).values()) == 100


@every
def test_two_readings_give_the_same_order(name, make):
    place = make(name)
    assert [*datasets.load(name).read(place)] == [*datasets.load(name).read(place)]
