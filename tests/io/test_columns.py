"""Which column of a table is which field."""

from __future__ import annotations

import pytest

from emocli.io import columns, synonyms

Asked = dict[str, str]


def fields(header: str, asked: Asked | None = None) -> dict[str, str]:
    """Return the field of each column of a header, written with bars."""
    found = columns.chosen(header.split("|"), asked or {})
    return {column.name: column.field for column in found.columns}


def told(header: str, asked: Asked | None = None) -> str:
    return "; ".join(columns.chosen(header.split("|"), asked or {}).told)


NAMES = [(word, field) for field, words in synonyms._SYNONYMS.items() for word in words.split(", ")]


@pytest.mark.parametrize(("word", "field"), NAMES)
def test_every_synonym_is_its_field_however_it_is_written(word: str, field: str) -> None:
    for name in (word, word.upper(), f" {word.title()} ", f"{word[:2]}_{word[2:]}"):
        assert fields(f"note|{name}")[name] == field
    assert columns.is_field(field)


@pytest.mark.parametrize("name", ["Text", " text", "TEXT ", "Start", "ID", "Label.Valence", "Path"])
def test_case_and_blanks_of_a_name_do_not_matter(name: str) -> None:
    assert fields(f"{name}|x")[name] == name.strip().lower()
    assert told(f"{name}|x") == ""


def test_the_name_itself_wins_over_spellings_and_these_over_synonyms() -> None:
    assert fields("text|Text|message|utterance") == {
        "text": "text",
        "Text": "Text",
        "message": "message",
        "utterance": "utterance",
    }
    assert fields("Utterance|Text") == {"Utterance": "Utterance", "Text": "text"}
    assert fields("path|audio") == {"path": "path"}  # no cell can be the object `audio`
    assert told("path|audio") == "left out: 'audio'"


@pytest.mark.parametrize(
    ("header", "first", "second", "field"),
    [
        ("TEXT|Text", "TEXT", "Text", "text"),
        ("message|comment", "message", "comment", "text"),
        ("audio|video", "audio", "video", "path"),
        ("text|emotion|label", "emotion", "label", "label.emotion"),
        ("text|Author|Subject", "Author", "Subject", "speaker"),
    ],
)
def test_of_two_equally_good_columns_none_is_guessed(
    header: str, first: str, second: str, field: str
) -> None:
    says = f"both '{first}' and '{second}' could be {field}: --column {field}=COLUMN"
    with pytest.raises(ValueError, match=says):
        columns.chosen(header.split("|"), {})
    assert fields(header, {field: second})[second] == field
    assert field not in fields(header, {field: ""}).values()


def test_what_is_read_under_another_name_is_told() -> None:
    assert told("Utterance|Speaker|Emotion") == "'Utterance' is read as text"
    assert told("file|Anfang", {"start": "Anfang"}) == (
        "'file' is read as path; 'Anfang' is read as start"
    )
    assert told("id|text|emotion|start|mine") == ""


def test_a_comment_is_text_unless_it_stands_beside_a_recording() -> None:
    assert fields("author|Comment")["Comment"] == "text"
    assert fields("wav|Comment") == {"wav": "path", "Comment": "Comment"}
    assert "'Comment' is not read as text beside a path" in told("wav|Comment")
    assert fields("wav|Comment", {"text": "Comment"})["Comment"] == "text"
    assert fields("clip|utterance") == {"clip": "path", "utterance": "text"}


def test_columns_of_others_keep_their_names() -> None:
    assert fields("text|Sr No.|Why? Say. Please|mine") == {
        "text": "text",
        "Sr No.": "Sr No.",
        "Why? Say. Please": "Why? Say. Please",
        "mine": "mine",
    }
    assert columns.parts("Sr No.") == ["Sr No."]
    assert columns.parts("Why? Say. Please") == ["Why? Say. Please"]
    assert columns.parts("mine.own") == ["mine", "own"]
    assert columns.parts("label.votes.very sad") == ["label", "votes", "very sad"]


def test_a_column_is_asked_for_by_its_name_in_any_case_or_by_its_beginning() -> None:
    header = "Time|How did you feel,  today?|How old are you?"
    for asked in ("How did you feel,  today?", "how DID you feel, today?", "how did"):
        assert fields(header, {"text": asked})["How did you feel,  today?"] == "text"
    with pytest.raises(ValueError, match="several columns begin with 'How' in 'Time', 'How did"):
        fields(header, {"text": "How"})
    with pytest.raises(ValueError, match="no column 'Mood' in 'Time'"):
        fields(header, {"text": "Mood"})


def test_asked_for_columns_come_first() -> None:
    assert fields("text|message", {"text": "message"}) == {"message": "text"}
    assert (
        told("text|message", {"text": "message"}) == "'message' is read as text; left out: 'text'"
    )
    assert fields("x|y", {"label": "x", "mine": "y"}) == {"x": "label.emotion", "y": "mine"}
    with pytest.raises(ValueError, match="'x' cannot be several fields"):
        fields("x|y", {"text": "x", "id": "x"})
    with pytest.raises(ValueError, match=r"--column features=...: no cell can be this field"):
        fields("x|y", {"features": "x"})


@pytest.mark.parametrize("header", ["a|b", "id|emotion", "label|speaker", "start|end", "features"])
def test_a_table_without_anything_to_work_on_is_not_usable(header: str) -> None:
    assert not columns.chosen(header.split("|"), {}).usable()


@pytest.mark.parametrize("header", ["Message", "file", "audio.path", "id|prediction", "text"])
def test_a_table_with_something_to_work_on_is_usable(header: str) -> None:
    assert columns.chosen(header.split("|"), {}).usable()


PREDICTED = "id|path|start|end|speaker|text|emotion|confidence|p_joy|p_very sad|valence|error"


def test_what_predict_wrote_is_no_label() -> None:
    assert fields(f"{PREDICTED}|label") == {
        **{name: name for name in ("id", "path", "start", "end", "speaker", "text")},
        "emotion": "prediction.emotion",
        "confidence": "prediction.confidence",
        "p_joy": "prediction.probabilities.joy",
        "p_very sad": "prediction.probabilities.very sad",
        "valence": "prediction.valence",
        "error": "error.message",
        "label": "label.emotion",
    }
    assert fields("text|emotion|confidence")["emotion"] == "label.emotion"  # an annotator's
    assert fields("text|emotion|confidence|p_id")["emotion"] == "label.emotion"


def test_long_headers_are_listed_in_part() -> None:
    words = columns.listed(["x" * 100, *map(str, range(30))])
    assert f"'{'x' * 60}...', '0', '1'" in words
    assert words.endswith("and 11 more")
