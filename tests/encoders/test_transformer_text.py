"""Tiny random encoders, built here: what is tested is the arithmetic, not the meaning."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from emocli.encoders import bert, sentence_pooling, transformer_text
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError, RecordError

WORDS = (
    *("i", "am", "so", "happy", "to", "see", "you", "here", "leave", "me", "alone"),
    *("face", "with", "rolling", "eyes", "no", "way"),
)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = ["I am so happy to see you here", "No way", "leave me alone", "you you you you you you"]
LIMIT = 16  # tokens
SIZE = {
    "hidden_size": 24,
    "num_attention_heads": 3,
    "num_hidden_layers": 3,
    "intermediate_size": 40,
    "vocab_size": len(SPECIAL) + len(WORDS),
}


def write_tokenizer(folder):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *dict.fromkeys(WORDS)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def transformers():
    return imported()


@pytest.fixture(scope="module")
def minilm(transformers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("minilm")
    torch.manual_seed(1)
    config = transformers.BertConfig(
        **SIZE, max_position_embeddings=LIMIT, layer_norm_eps=1e-9, initializer_range=0.3
    )
    transformers.BertModel(config).save_pretrained(folder)
    return write_tokenizer(folder)


@pytest.fixture(scope="module")
def roberta(transformers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("roberta")
    torch.manual_seed(2)
    config = transformers.RobertaConfig(
        **SIZE, max_position_embeddings=LIMIT + 1, pad_token_id=0, initializer_range=0.3
    )
    transformers.RobertaModel(config).save_pretrained(folder)
    return write_tokenizer(folder)


@pytest.fixture(params=["minilm", "roberta"])
def folder(request):
    return request.getfixturevalue(request.param)


def hidden_states(transformers, folder, text):
    """Every layer of one text as transformers has it: a list of (tokens, dim)."""
    network = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids = transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        states = network(ids["input_ids"], output_hidden_states=True).hidden_states
    return [state[0].numpy() for state in states]


def adapter_for(folder, rank=4):
    """A random adapter for two kinds of layer, and the weights it belongs to."""
    generator = torch.Generator().manual_seed(3)
    adapter = {}
    for module, rows, columns in (
        ("encoder.layer.0.attention.self.query", 24, 24),
        ("encoder.layer.2.intermediate.dense", 40, 24),
    ):
        adapter[f"{module}.lora_a"] = torch.randn(rank, columns, generator=generator)
        adapter[f"{module}.lora_b"] = torch.randn(rows, rank, generator=generator)
    return adapter


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_every_layer_equals_transformers(transformers, folder, layer):
    model = transformer_text.load(folder)
    for text in TEXTS:
        (frames,) = transformer_text.encode(model, [text], layer=layer, pooling="frames")
        expected = hidden_states(transformers, folder, text)[layer]
        np.testing.assert_allclose(frames, expected, atol=2e-5)


def test_the_plain_path_serves_bert_and_only_bert(minilm, roberta):
    assert bert.supports(minilm)
    assert not bert.supports(roberta)
    assert isinstance(transformer_text.load(minilm).network, bert.Bert)


def test_a_bert_with_relu_is_left_to_transformers(minilm, tmp_path):
    config = json.loads((minilm / "config.json").read_text()) | {"hidden_act": "relu"}
    for file in minilm.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert not bert.supports(tmp_path)
    assert transformer_text.load(tmp_path).layers == 3


def test_poolings_are_what_numpy_makes_of_the_frames(folder):
    model = transformer_text.load(folder)
    frames = transformer_text.encode(model, TEXTS, pooling="frames")
    expected = {
        "mean": [f.mean(0) for f in frames],
        "max": [f.max(0) for f in frames],
        "cls": [f[0] for f in frames],
        "mean+max": [np.concatenate([f.mean(0), f.max(0)]) for f in frames],
        "statistics": [
            np.concatenate([f.mean(0), f.std(0), *np.percentile(f, (10, 25, 50, 75, 90), 0)])
            for f in frames
        ],
    }
    assert [f.shape for f in frames] == [(10, 24), (4, 24), (5, 24), (8, 24)]
    others = {"frames", sentence_pooling.NAME}  # test_sentence_pooling.py has the last one
    assert set(expected) | others == set(transformer_text.POOLINGS)
    for pooling, vectors in expected.items():
        pooled = transformer_text.encode(model, TEXTS, pooling=pooling)
        np.testing.assert_allclose(pooled, vectors, atol=1e-6)


@pytest.mark.parametrize(
    "pooling", [name for name in transformer_text.POOLINGS if name != sentence_pooling.NAME]
)
def test_a_row_does_not_depend_on_its_neighbours(folder, pooling):
    model = transformer_text.load(folder)
    together = transformer_text.encode(model, TEXTS, pooling=pooling)
    for text, row in zip(TEXTS, together, strict=True):
        (single,) = transformer_text.encode(model, [text], pooling=pooling)
        np.testing.assert_allclose(row, single, atol=1e-4)
        assert single.dtype == np.float32


def test_negative_layers_count_from_the_last(minilm):
    model = transformer_text.load(minilm)
    for negative, positive in ((-1, 3), (-2, 2), (-4, 0)):
        features = transformer_text.encode(model, TEXTS[:1], layer=negative)
        np.testing.assert_array_equal(
            features, transformer_text.encode(model, TEXTS[:1], layer=positive)
        )


def test_an_adapter_equals_adding_its_product_to_the_weights(transformers, folder, tmp_path):
    adapter = adapter_for(folder)
    network = transformers.AutoModel.from_pretrained(folder)
    with torch.no_grad():
        for module in {name.rpartition(".")[0] for name in adapter}:
            product = adapter[f"{module}.lora_b"] @ adapter[f"{module}.lora_a"]
            network.get_submodule(module).weight += product
    network.save_pretrained(tmp_path)
    write_tokenizer(tmp_path)
    merged = transformer_text.load(tmp_path)
    adapted = transformer_text.load(folder, adapter=adapter)
    plain = transformer_text.encode(transformer_text.load(folder), TEXTS)
    features = transformer_text.encode(adapted, TEXTS)
    np.testing.assert_allclose(features, transformer_text.encode(merged, TEXTS), atol=1e-5)
    assert np.abs(np.array(features) - plain).max() > 0.1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # between peft and transformers
def test_an_adapter_equals_pefts_merge(transformers, minilm):
    peft = pytest.importorskip("peft")
    adapter = adapter_for(minilm)
    modules = sorted({name.rpartition(".")[0] for name in adapter})
    config = peft.LoraConfig(r=4, lora_alpha=4, target_modules=modules)
    network = peft.get_peft_model(transformers.AutoModel.from_pretrained(minilm), config)
    weights = {
        "base_model.model."
        + name.replace(".lora_a", ".lora_A.default.weight").replace(
            ".lora_b", ".lora_B.default.weight"
        ): value
        for name, value in adapter.items()
    }
    assert not network.load_state_dict(weights, strict=False).unexpected_keys
    merged = network.merge_and_unload().eval()
    model = transformer_text.load(minilm, adapter=adapter)
    for text in TEXTS:
        ids = torch.tensor([model.tokenize(text, None)])
        with torch.inference_mode():
            expected = merged(ids).last_hidden_state[0].mean(0)
        np.testing.assert_allclose(
            transformer_text.encode(model, [text])[0], expected, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("change", ["name", "shape", "half"])
def test_another_encoders_adapter_is_refused(minilm, change):
    adapter = adapter_for(minilm)
    name = "encoder.layer.0.attention.self.query.lora_a"
    value = adapter.pop(name)
    if change == "name":
        adapter["encoder.layer.9.attention.self.query.lora_a"] = value
    if change == "shape":
        adapter[name] = value[:, :-1]
    with pytest.raises(ConfigError, match="does not fit"):
        transformer_text.load(minilm, adapter=adapter)


def test_tokens_beyond_the_limit_are_left_out_and_counted(folder):
    model = transformer_text.load(folder)
    long = " ".join(["happy"] * 40)
    (frames,) = transformer_text.encode(model, [long], pooling="frames")
    assert model.limit == LIMIT
    assert len(frames) == LIMIT
    assert transformer_text.overflow(model, long) == 40 + 2 - LIMIT
    assert transformer_text.overflow(model, TEXTS[0]) == 0
    fits = " ".join(["happy"] * (LIMIT - 2))
    np.testing.assert_array_equal(
        frames, transformer_text.encode(model, [fits], pooling="frames")[0]
    )


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_empty_text_is_an_error_of_its_record(minilm, text):
    model = transformer_text.load(minilm)
    with pytest.raises(RecordError) as caught:
        transformer_text.encode(model, ["no way", text])
    assert caught.value.code == "empty_text"


def test_a_symbol_the_vocabulary_lacks_is_spelt(minilm):
    model = transformer_text.load(minilm)
    shown = transformer_text.encode(model, ["no way 🙄"])
    spelt = transformer_text.encode(model, ["no way face with rolling eyes"])
    np.testing.assert_array_equal(shown, spelt)


def test_a_wrong_layer_or_pooling_is_named(minilm):
    model = transformer_text.load(minilm)
    with pytest.raises(ConfigError, match="no layer 4"):
        transformer_text.encode(model, TEXTS, layer=4)
    with pytest.raises(ConfigError, match="unknown pooling 'sum'"):
        transformer_text.encode(model, TEXTS, pooling="sum")


def test_a_folder_without_a_model_is_named(minilm, tmp_path):
    with pytest.raises(ConfigError, match=r"no config\.json"):
        transformer_text.load(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    with pytest.raises(ConfigError, match="not a text encoder"):
        transformer_text.load(tmp_path)


def test_a_missing_weight_is_named(minilm, tmp_path):
    from safetensors.torch import load_file, save_file

    for file in minilm.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(minilm / "model.safetensors")
    del weights["encoder.layer.2.output.dense.bias"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match=r"encoder.layer.2.output.dense.bias"):
        transformer_text.load(tmp_path)


def test_names_of_the_first_release_are_understood(minilm, tmp_path):
    from safetensors.torch import load_file, save_file

    for file in minilm.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    old = {
        "bert." + name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): value
        for name, value in load_file(minilm / "model.safetensors").items()
    }
    save_file(old, tmp_path / "model.safetensors")
    actual, expected = (
        transformer_text.encode(transformer_text.load(f), TEXTS) for f in (tmp_path, minilm)
    )
    np.testing.assert_array_equal(actual, expected)


def test_half_precision_stays_close(minilm):
    exact = transformer_text.encode(transformer_text.load(minilm), TEXTS)
    half = transformer_text.encode(transformer_text.load(minilm, dtype="bfloat16"), TEXTS)
    np.testing.assert_allclose(half, exact, atol=0.15)  # bfloat16 keeps 8 bits of values near 2


def test_a_bert_needs_no_transformers_and_says_nothing(minilm):
    code = (
        "import sys; from emocli.encoders import transformer_text as t\n"
        f"t.encode(t.load({str(minilm)!r}), ['no way'])\n"
        "sys.exit('transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.slow
def test_transformers_says_nothing_either(roberta):
    code = (
        "from emocli.encoders import transformer_text as t\n"
        f"t.encode(t.load({str(roberta)!r}), ['no way', 'no'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
