"""ECF: conversations with causes."""

import json

import pytest

from emocli.datasets import ecf
from emocli.errors import MalformedError


def test_utterances_become_records(make):
    place = make("ecf")
    first, second, third = ecf.read(place)
    assert first == {
        "id": "ecf/train/conv1_utt1",
        "path": f"{place}/train/dia1utt1.mp4",
        "dataset": "ecf",
        "split": "train",
        "speaker": "Chandler",
        "dialogue": "ecf/train/conv1",
        "turn": 1,
        "language": "en",
        "text": "I am back in high school .",
        "label": {"emotion": "neutral", "original": "neutral"},
    }
    assert second["label"] == {
        "emotion": "surprise",
        "original": "surprise",
        "causes": [{"turn": 1, "text": "back in high school"}, {"turn": 2, "text": "Oh !"}],
    }
    assert "path" not in second
    assert third["split"] == "test"
    assert "label" not in third


def test_the_second_subtask_names_the_turn_alone(make):
    place = make("ecf")
    table = place / "Subtask_1_train.json"
    conversations = json.loads(table.read_text())
    conversations[0]["emotion-cause_pairs"] = [["2_surprise", "1"]]
    (place / "Subtask_2_train.json").write_text(json.dumps(conversations))
    assert list(ecf.read(place))[1]["label"]["causes"][0]["text"] == "back in high school"
    table.unlink()
    assert list(ecf.read(place))[1]["label"]["causes"] == [{"turn": 1}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting"),
        ("{}", "not a list"),
        ('[{"conversation_ID": 1}]', "not a conversation of ECF"),
        (
            '[{"conversation_ID": 1, "conversation": [{"utterance_ID": 1, "text": "x",'
            ' "speaker": "y", "emotion": "bored"}]}]',
            "unknown ECF emotion 'bored'",
        ),
    ],
)
def test_what_is_no_table_of_ecf_is_named(tmp_path, content, message):
    table = tmp_path / "Subtask_1_train.json"
    table.write_text(content)
    with pytest.raises(MalformedError, match=message):
        list(ecf.read(table))
