"""Pooling `sentence` computes what sentence-transformers computes with the files of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from emocli.encoders import Settings, sentence_pooling, transformer_text
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError
from tests.encoders.test_transformer_text import LIMIT, SIZE, hidden_states, write_tokenizer

DIM = SIZE["hidden_size"]
TEXTS = ["I am so happy to see you here", "No way", "leave me alone"]
OLD = "pooling_mode_"


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hugging, folder = imported(), tmp_path_factory.mktemp("bert")
    torch.manual_seed(5)
    config = hugging.BertConfig(**SIZE, max_position_embeddings=LIMIT, initializer_range=0.3)
    hugging.BertModel(config).save_pretrained(folder)
    return Path(write_tokenizer(folder))


@pytest.fixture
def folder(bert: Path, tmp_path: Path) -> Path:
    for file in bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def write(folder: Path, pooling: dict[str, Any], *after: str) -> None:
    """Write modules as sentence-transformers lists them: a transformer, a pooling, others."""
    kinds = ["Transformer", "Pooling", *after]
    paths = ["", *(f"{n}_{kind}" for n, kind in enumerate(kinds) if n)]
    listed = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


def write_dense(folder: Path, activation: str, outputs: int = 5, inputs: int = DIM) -> torch.Tensor:
    folder.mkdir()
    weight, bias = torch.randn(outputs, inputs), torch.randn(outputs)
    about = {"in_features": inputs, "out_features": outputs, "bias": True}
    (folder / "config.json").write_text(
        json.dumps({**about, "activation_function": f"torch.nn.modules.activation.{activation}"})
    )
    save_file({"linear.weight": weight, "linear.bias": bias}, folder / "model.safetensors")
    return torch.cat([weight, bias[:, None]], 1)


def encoded(folder: Path, texts: list[str], layer: int = -1) -> list[Any]:
    encode = transformer_text.encoder(folder, Settings(layer, sentence_pooling.NAME))
    return [found.values for found in encode(texts)]


def tokens(folder: Path, text: str) -> Any:
    return hidden_states(imported(), folder, text)[-1].astype(np.float64)


# What sentence-transformers' Pooling computes of the tokens (tokens, dim) of a text.
EXPECTED = {
    "cls_token": lambda x: x[0],
    "max_tokens": lambda x: x.max(0),
    "mean_tokens": lambda x: x.sum(0) / len(x),
    "mean_sqrt_len_tokens": lambda x: x.sum(0) / np.sqrt(len(x)),
    "weightedmean_tokens": lambda x: np.average(x, 0, weights=1 + np.arange(len(x))),
    "lasttoken": lambda x: x[-1],
}
NEW = {
    "cls_token": "cls",
    "max_tokens": "max",
    "mean_tokens": "mean",
    "weightedmean_tokens": "weightedmean",
}


@pytest.mark.parametrize("mode", EXPECTED)
def test_every_mode_is_what_its_definition_makes_of_the_tokens(mode: str, folder: Path) -> None:
    switches = {OLD + name: name == mode for name in EXPECTED}
    write(folder, {"word_embedding_dimension": DIM, **switches})
    old = encoded(folder, TEXTS)
    for text, vector in zip(TEXTS, old, strict=True):
        np.testing.assert_allclose(vector, EXPECTED[mode](tokens(folder, text)), atol=2e-5)
    named = {"embedding_dimension": DIM, "pooling_mode": NEW.get(mode, mode)}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(named))
    assert np.array_equal(encoded(folder, TEXTS), old)


def test_several_modes_stand_one_after_another_in_the_order_of_sentence_transformers(
    folder: Path,
) -> None:
    write(folder, {OLD + "mean_tokens": True, OLD + "cls_token": True, OLD + "lasttoken": False})
    [vector] = encoded(folder, TEXTS[:1])
    x = tokens(folder, TEXTS[0])
    np.testing.assert_allclose(vector, np.concatenate([x[0], x.mean(0)]), atol=2e-5)


def test_no_mode_at_all_is_the_mean(folder: Path) -> None:
    write(folder, {"word_embedding_dimension": DIM})
    [vector] = encoded(folder, TEXTS[:1])
    np.testing.assert_allclose(vector, tokens(folder, TEXTS[0]).mean(0), atol=2e-5)


@pytest.mark.parametrize(("activation", "by"), [("Tanh", np.tanh), ("Identity", lambda x: x)])
def test_dense_layers_and_normalisation_follow(activation: str, by: Any, folder: Path) -> None:
    write(folder, {"pooling_mode": "mean"}, "Dense", "Normalize")
    dense = write_dense(folder / "2_Dense", activation).numpy()
    [vector] = encoded(folder, TEXTS[:1])
    found = by(dense[:, :-1] @ tokens(folder, TEXTS[0]).mean(0) + dense[:, -1])
    np.testing.assert_allclose(vector, found / np.linalg.norm(found), atol=2e-5)
    assert len(vector) == 5


def test_a_layer_norm_follows(folder: Path) -> None:
    write(folder, {"pooling_mode": "mean"}, "LayerNorm")
    (folder / "2_LayerNorm").mkdir()
    weight, bias = torch.randn(DIM), torch.randn(DIM)
    save_file({"norm.weight": weight, "norm.bias": bias}, folder / "2_LayerNorm/model.safetensors")
    [vector] = encoded(folder, TEXTS[:1])
    x = tokens(folder, TEXTS[0]).mean(0)
    expected = (x - x.mean()) / np.sqrt(x.var() + 1e-5) * weight.numpy() + bias.numpy()
    np.testing.assert_allclose(vector, expected, atol=1e-4)


def test_texts_are_cut_where_the_model_says(folder: Path) -> None:
    write(folder, {"pooling_mode": "mean"})
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 5}))
    encode = transformer_text.encoder(folder, Settings(-1, "sentence"))
    whole, short = encode([TEXTS[0], "I am so"])
    assert "5 tokens beyond the limit of 5" in whole.warning
    np.testing.assert_allclose(whole.values, short.values, atol=1e-6)


def test_lower_case_and_a_prompt_come_first(folder: Path) -> None:
    write(folder, {"pooling_mode": "mean"})
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    file.write_text(json.dumps({**tokenizer, "normalizer": None}))
    [large] = encoded(folder, ["HAPPY"])
    (folder / "sentence_bert_config.json").write_text(json.dumps({"do_lower_case": True}))
    [small] = encoded(folder, ["HAPPY"])
    assert not np.allclose(large, small, atol=1e-3)
    np.testing.assert_allclose(encoded(folder, ["happy"])[0], small, atol=1e-6)
    prompts = {"prompts": {"query": "i am "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    [asked] = encoded(folder, ["happy"])
    np.testing.assert_allclose(asked, tokens(folder, "i am happy").mean(0), atol=2e-5)


def test_a_model_without_a_pooling_of_its_own_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"no modules\.json"):
        encoded(folder, TEXTS)


@pytest.mark.parametrize(
    ("pooling", "after", "said"),
    [
        ({"pooling_mode": "median"}, (), "pooling 'median'"),
        ({"pooling_mode": "mean"}, ("CNN",), "lists 'CNN'"),
        ({"pooling_mode": "mean"}, ("Dense",), "fit together"),
    ],
)
def test_what_is_not_computed_is_refused_before_any_text(
    pooling: dict[str, Any], after: tuple[str, ...], said: str, folder: Path
) -> None:
    write(folder, pooling, *after)
    if "Dense" in after:
        write_dense(folder / "2_Dense", "Tanh", inputs=DIM + 1)
    with pytest.raises(ConfigError, match=said):
        transformer_text.encoder(folder, Settings(-1, "sentence"))


def test_code_of_others_is_not_run(folder: Path) -> None:
    write(folder, {"pooling_mode": "mean"}, "Dense")
    write_dense(folder / "2_Dense", "Tanh")
    file = folder / "2_Dense" / "config.json"
    about = json.loads(file.read_text())
    file.write_text(json.dumps({**about, "activation_function": "os.system"}))
    with pytest.raises(ConfigError, match=r"'os\.system' is not computed"):
        encoded(folder, TEXTS)


@pytest.mark.parametrize("content", ["[]", "{}", "[1]", "nonsense", '[{"type": "a.Pooling"}]'])
def test_a_damaged_list_of_modules_is_named(content: str, folder: Path) -> None:
    (folder / "modules.json").write_text(content)
    with pytest.raises(ConfigError, match=r"modules\.json"):
        encoded(folder, TEXTS)


def test_it_is_of_the_last_layer(folder: Path) -> None:
    write(folder, {"pooling_mode": "mean"})
    with pytest.raises(ConfigError, match="last layer, 3, not of 1"):
        encoded(folder, TEXTS, layer=1)
