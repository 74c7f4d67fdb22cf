"""What encoders are given of a text."""

from __future__ import annotations

from emocli.io import conversation
from emocli.io.store import Store
from emocli.modalities import text


def test_control_characters_reach_no_encoder() -> None:
    record = {
        "text": "it\x92s so good",
        "context": [{"speaker": "Ann", "text": "really\x85"}],
    }
    assert text.material(record, {}, Store()) == "it’s so good"
    assert text.material(record, {"context": 1}, Store()) == ["Ann: really…", "it’s so good"]
    assert conversation.spoken({"text": "\x93yes\x94"}, 0) == ["“yes”"]
