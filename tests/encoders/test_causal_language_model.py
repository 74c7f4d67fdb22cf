"""Causal language models: whole with weights and tokenizer, or refused with the reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emocli.encoders import causal_language_model
from emocli.encoders.weight_files import WEIGHTS
from emocli.errors import ConfigError
from emocli.llm.language_model import LanguageModel
from tests.llm import tiny_language


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


def test_a_model_without_a_pad_token_is_loaded(folder: Path) -> None:
    model = LanguageModel(*causal_language_model.load(folder))
    assert model.tokenizer.pad_token is None
    assert model.padding == model.ends[0]
    assert model.limit == 512
    assert not model.network.training


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ConfigError, match="tokenizer") as refused:
        causal_language_model.load(folder)
    assert not refused.value.message.rstrip().endswith(":")  # what should be there is told
    assert "tokenizer.json" in refused.value.hint


def test_missing_files_are_told_before_torch_is_loaded(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    given, llm = str(folder / "given.jsonl"), str(folder)
    Path(given).write_text('{"id": "a", "text": "hm", "label": {"emotion": "joy"}}\n')
    commands = [
        ["predict", given, "--llm", llm],
        ["annotate", given, "--llm", llm],
        ["train", given, "--model", "language", "--backbone", llm, "-o", f"{llm}/m"],
    ]
    program = (
        "import json, sys; from emocli.cli.main import run;"
        "statuses = [int(run(argv)) for argv in json.loads(sys.argv[1])];"
        "print([*statuses, 'torch' in sys.modules], file=sys.stderr)"
    )
    started = [sys.executable, "-c", program, json.dumps(commands)]
    done = subprocess.run(started, capture_output=True, text=True)
    assert done.stderr.count(f"no {WEIGHTS}") == 3, done.stderr
    assert done.stderr.endswith("[3, 3, 3, False]\n"), done.stderr


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(ConfigError, match=f"no {WEIGHTS}"):
        causal_language_model.load(folder)


def test_weights_that_are_half_there_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])
    with pytest.raises(ConfigError, match="its header says"):
        causal_language_model.load(folder)


def test_weights_without_a_layer_are_refused_and_not_drawn_at_random(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = 3
    config.pop("layer_types", None)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="tensors are not in its weights"):
        causal_language_model.load(folder)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json"):
        causal_language_model.load(tmp_path)


def test_a_gguf_file_that_is_none_is_named(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    file = tmp_path / "junk.gguf"
    file.write_bytes(b"GGUX" * 100)
    with pytest.raises(ConfigError, match=r"junk\.gguf is not a causal language model") as refused:
        causal_language_model.load(file)
    assert refused.value.hint
