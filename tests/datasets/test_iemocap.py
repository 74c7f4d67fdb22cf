from __future__ import annotations

from typing import Any

import pytest

from emocli.datasets import iemocap
from emocli.errors import MalformedError
from tests.conftest import Emocli

LABELS = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"


def test_turns_become_records_in_the_order_of_their_times(make: Any) -> None:
    place = make("iemocap")
    first, second = iemocap.read(place)
    assert first == {
        "id": "iemocap/Ses01F_impro01_F000",
        "path": f"{place}/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
        "dataset": "iemocap",
        "session": "Session1",
        "speaker": "iemocap-Ses01F",
        "gender": "female",
        "dialogue": "iemocap/Ses01F_impro01",
        "turn": 0,
        "scenario": "impro01",
        "language": "en",
        "text": "Excuse me.",
        "in_dialogue": {"start": 6.2901, "end": 8.2357},
        "label": {"emotion": None, "original": "fru"}
        | {"valence": 2.5, "arousal": 2.5, "dominance": 2.5},
    }
    assert (second["speaker"], second["turn"]) == ("iemocap-Ses01M", 1)


def test_excited_counts_as_joy_and_the_code_is_kept(make: Any, emocli: Emocli) -> None:
    place = make("iemocap")
    *_, excited = iemocap.read(place)
    assert (excited["label"]["emotion"], excited["label"]["original"]) == ("joy", "exc")
    assert excited["label"]["ratings"] == {
        "valence": [4.0, 5.0],
        "arousal": [3.0, 4.0],
        "dominance": [3.0, 3.0],
    }
    outcome = emocli("dataset", "iemocap", str(place), "--labels", "original")
    assert [r["label"]["emotion"] for r in outcome.records] == ["fru", "exc"]


def test_without_its_own_recording_a_turn_is_a_part_of_the_dialogue(make: Any) -> None:
    place = make("iemocap")
    own, part = iemocap.read(place)
    assert not {"start", "end"} & set(own)
    assert part["path"] == f"{place}/Session1/dialog/wav/Ses01F_impro01.wav"
    assert (part["start"], part["end"]) == (14.8872, 18.0175)


def test_a_session_or_the_folder_above_will_do(make: Any) -> None:
    place = make("iemocap")
    found = [*iemocap.read(place)]
    assert [*iemocap.read(place / "Session1")] == found
    assert [*iemocap.read(place.parent)] == found
    hidden = place / LABELS.replace("Ses01F", "._Ses01F")  # as archives of a Mac have it
    hidden.write_bytes(b"\x00\x05\x16\x07")
    assert [*iemocap.read(place)] == found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1.0 - 2.0]\tSes01F_impro01_F009\tbor\t[2, 2, 2]", "unknown IEMOCAP emotion 'bor'"),
        ("[1.0 - 2.0]\tSes01F_impro01_F009\tneu\t[2, 2, 6]", "not from 1 to 5: '6'"),
        ("[1.0 - 2.0]\tSes01F_impro01_F009\tneu\t[2, 2]", "not a turn"),
        ("[1.0 - 2.0]\tSes01F_impro01_X009\tneu\t[2, 2, 2]", "not the name of a turn"),
        ("[1.0 - 2.0.0]\tSes01F_impro01_F009\tneu\t[2, 2, 2]", "not a number: '2.0.0'"),
    ],
)
def test_a_malformed_turn_is_named_by_its_line(line: str, message: str, make: Any) -> None:
    place = make("iemocap")
    with open(place / LABELS, "a") as stream:
        stream.write(f"\n{line}\n")
    with pytest.raises(MalformedError, match=rf"Ses01F_impro01\.txt:1\d: .*{message}"):
        list(iemocap.read(place))
