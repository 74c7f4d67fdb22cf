from __future__ import annotations

import pytest

from emocli.datasets import mahnob
from emocli.errors import MalformedError


def test_a_record_per_session_with_what_was_felt_between_the_triggers(make, emocli):
    place = make("mahnob")
    outcome = emocli("dataset", "mahnob", str(place))
    first, second = outcome.records
    file = f"{place}/Sessions/10/Part_2_S_Trial5_emotion.bdf"
    assert first == {
        "id": f"{file}#10",
        "path": file,
        "dataset": "mahnob",
        "speaker": "mahnob-02",
        "stimulus": "mahnob-earworm_f.avi",
        "trial": "mahnob-02-10",
        "session": "10",
        "start": 1.0,
        "end": 4.0,
        "label": {
            "emotion": None,
            "original": "amusement",
            "valence": 8.0,
            "arousal": 6.0,
            "dominance": 5.0,
        },
        "predictability": 3.0,
        "eeg": {"channels": mahnob.CHANNELS},
    }
    assert second["label"]["emotion"] == "joy"
    assert "1 file is left out since no emotion was asked for" in outcome.stderr
    assert "1 file is left out since their triggers are not two" in outcome.stderr


def test_the_emotions_are_numbered_as_published():
    assert (mahnob.FELT[6], mahnob.FELT[10], mahnob.FELT[12]) == ("surprise", "unknown", "anxiety")
    assert len(mahnob.CHANNELS) == 32


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("<session", "session.xml: not XML"),
        ('<session feltEmo="4"/>', "no sessionId, mediaFile or id of a subject"),
        (
            '<session feltEmo="13" sessionId="1" mediaFile="a"><subject id="1"/></session>',
            "unknown feltEmo '13'",
        ),
        (
            '<session feltEmo="1" sessionId="1" mediaFile="a" feltVlnc="0"><subject id="1"/>'
            "</session>",
            "feltVlnc is not from 1 to 9: '0'",
        ),
    ],
)
def test_a_broken_session_is_named(sheet, message, make):
    place = make("mahnob")
    (place / "Sessions/10/session.xml").write_text(sheet)
    with pytest.raises(MalformedError, match=message):
        list(mahnob.read(place))
    (place / "Sessions/10/session.xml").unlink()
    with pytest.raises(MalformedError, match=r"session.xml: No such file"):
        list(mahnob.read(place))
