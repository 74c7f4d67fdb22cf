import numpy as np
import pytest

from emocli.datasets import emocontext
from emocli.errors import EmptyInputError, MalformedError


def test_a_chat_is_three_turns_and_the_last_has_the_label(make):
    first, second, third, *others = emocontext.read(make("emocontext"))
    assert third == {
        "id": "emocontext/train/7_turn2",
        "dataset": "emocontext",
        "split": "train",
        "dialogue": "emocontext/train/7",
        "turn": 2,
        "language": "en",
        "text": '"No. I never saw you',
        "label": {"emotion": "anger", "original": "angry"},
    }
    assert [r["text"] for r in (first, second)] == ["When did I?", "many times i think -_-"]
    assert not any("label" in record for record in (first, second))
    assert others[2]["label"] == {"emotion": None, "original": "others"}


def test_published_names_and_tables_without_labels_are_read(make):
    place = make("emocontext")
    (place / "test.txt").write_text("id\tturn1\tturn2\tturn3\n0\tHi\tHello\tBye\n")
    records = [record for record in emocontext.read(place) if record["split"] == "test"]
    assert [record["text"] for record in records] == ["Hi", "Hello", "Bye"]
    assert not any("label" in record for record in records)


def test_an_unknown_label_is_named_by_its_line(make):
    place = make("emocontext")
    with open(place / "train.tsv", "a") as stream:
        stream.write("9\ta\tb\tc\tneutral?\n")
    with pytest.raises(MalformedError, match=r"train\.tsv:4: unknown EmoContext label 'neutral\?'"):
        list(emocontext.read(place))


def test_a_folder_without_a_table_says_what_is_expected(tmp_path):
    with pytest.raises(EmptyInputError, match="no table here") as caught:
        list(emocontext.read(tmp_path))
    assert "train.tsv" in caught.value.hint


def test_turns_before_the_labelled_one_are_its_context(make, emocli, default_models):
    """`encode --context 2` reads three turns for the last one; the first has none before it."""
    chat = emocli("dataset", "emocontext", str(make("emocontext")), "--limit", "3")
    argv = ("encode", "--modality", "text", "--encoder", "all-minilm-l6-v2", "--pooling", "mean")
    alone, told = (
        emocli(*argv, *more, stdin=chat.stdout).records for more in ([], ["--context", "2"])
    )
    vectors = [[r["features"]["text"]["vector"] for r in rows] for rows in (alone, told)]
    np.testing.assert_allclose(vectors[0][0], vectors[1][0], atol=1e-5)
    assert np.abs(np.subtract(vectors[0][2], vectors[1][2])).max() > 0.1
