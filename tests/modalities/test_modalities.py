"""Every modality has what `encode` asks of it, and a row in the table."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from emocli import encoders, modalities
from emocli.commands import encode
from emocli.errors import AbsentError, RecordError, UsageError
from emocli.io.store import Store
from emocli.records.modality import MODALITIES
from tests.conftest import Emocli

NAMES = modalities.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_modality_has_all_names_and_a_flag_of_it_is_a_parameter(name: str) -> None:
    module = modalities.load(name)
    assert {"encoder", "layer", "pooling"} <= set(module.PLAIN)
    assert module.BATCH >= 1
    assert module.BUDGET > 0
    assert set(module.FLAGS) <= set(inspect.signature(encode.command).parameters)
    assert module.settings(dict.fromkeys(module.FLAGS)) == {}
    assert set(module.settings(dict.fromkeys(module.FLAGS))) <= set(MODALITIES[name].made)
    assert encoders.families(name)


@pytest.mark.usefixtures("made_faces")
@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_there_is_a_failure_unless_the_record_is_about_something_else(
    name: str, tmp_path: Any
) -> None:
    module, store = modalities.load(name), Store(tmp_path)
    with pytest.raises(RecordError) as caught:
        module.material({"id": "a"}, module.PLAIN, store)
    assert not isinstance(caught.value, AbsentError)
    with pytest.raises(AbsentError):
        module.material({"id": "a", "features": {"x": {}}}, module.PLAIN, store)


def test_an_unknown_modality_is_named_with_those_there_are(emocli: Emocli) -> None:
    with pytest.raises(UsageError, match="unknown modality 'smell'"):
        modalities.load("smell")
    for words in ("smell", "", "audio,smell"):
        line = {"id": "a", "text": "so glad"}
        done = emocli("encode", "--modality", words, stdin=[line])
        assert (done.status, done.stdout) == (2, b"")
        assert "unknown modality" in done.stderr


@pytest.mark.parametrize("layer", ["1,2", "1:1,2:1", "1:1"])
def test_a_text_encoder_takes_one_layer(emocli: Emocli, layer: str) -> None:
    command = ("encode", "--modality", "text", "--layer", layer)
    done = emocli(*command, stdin=[{"id": "a", "text": "x"}])
    assert (done.status, done.stdout) == (2, b"")
    assert "takes one layer" in done.stderr


@pytest.mark.usefixtures("nobody_speaks")
def test_features_alone_are_passed_on_by_what_works_on_sound(emocli: Emocli) -> None:
    line = {"id": "a", "features": {"x": {"modality": "text", "dim": 1, "vector": [1.0]}}}
    for command in ("extract-audio", "transcribe", "prosody"):
        done = emocli(command, stdin=[line])
        assert done.status == 0, done.stderr
        assert "error" not in done.records[0]
        assert {n["code"] for n in done.records[0]["missing"].values()} == {"no_audio"}
