"""A tiny Whisper is written in CTranslate2's format by this file, then converted back."""

import json
import struct

import numpy as np
import pytest
import torch

from emocli.encoders import ctranslate2_whisper
from emocli.encoders.transformers_import import imported
from emocli.errors import ModelError

TYPE_IDS = {"float32": 0, "int8": 1, "int16": 2, "float16": 4}
TOKENS = {"<|endoftext|>": 7, "<|startoftranscript|>": 8, "<|notimestamps|>": 9}


@pytest.fixture(scope="module")
def whisper():
    return random_whisper()


def random_whisper():
    transformers = imported()
    torch.manual_seed(0)
    size = dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    config = transformers.WhisperConfig(
        vocab_size=24,
        d_model=8,
        encoder_layers=2,
        decoder_layers=3,
        encoder_ffn_dim=16,
        decoder_ffn_dim=12,
        num_mel_bins=5,
        max_source_positions=30,
        max_target_positions=11,
        bos_token_id=7,
        eos_token_id=7,
        pad_token_id=7,
        decoder_start_token_id=8,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **size,
    )
    return transformers.WhisperForConditionalGeneration(config).half().float().eval()


def variables(model, dtype="float16"):
    """Return the model under CTranslate2's names, projections fused as CTranslate2 fuses them."""
    state = {k.removeprefix("model."): v.numpy() for k, v in model.state_dict().items()}
    made = {}

    def pair(old, new):
        made[f"{new}/weight"], made[f"{new}/bias"] = state[f"{old}.weight"], state[f"{old}.bias"]

    def norm(old, new):
        made[f"{new}/gamma"], made[f"{new}/beta"] = state[f"{old}.weight"], state[f"{old}.bias"]

    def fuse(old, letters, new):
        made[f"{new}/weight"] = np.concatenate([state[f"{old}.{i}_proj.weight"] for i in letters])
        none = np.zeros(8, np.float32)
        biases = [state.get(f"{old}.{i}_proj.bias", none) for i in letters]
        made[f"{new}/bias"] = np.concatenate(biases)

    pair("encoder.conv1", "encoder/conv1")
    pair("encoder.conv2", "encoder/conv2")
    made["decoder/embeddings/weight"] = state["decoder.embed_tokens.weight"]
    for half, layers in (("encoder", 2), ("decoder", 3)):
        norm(f"{half}.layer_norm", f"{half}/layer_norm")
        made[f"{half}/position_encodings/encodings"] = state[f"{half}.embed_positions.weight"]
        for i in range(layers):
            old, new = f"{half}.layers.{i}", f"{half}/layer_{i}"
            fuse(f"{old}.self_attn", "qkv", f"{new}/self_attention/linear_0")
            pair(f"{old}.self_attn.out_proj", f"{new}/self_attention/linear_1")
            norm(f"{old}.self_attn_layer_norm", f"{new}/self_attention/layer_norm")
            pair(f"{old}.fc1", f"{new}/ffn/linear_0")
            pair(f"{old}.fc2", f"{new}/ffn/linear_1")
            norm(f"{old}.final_layer_norm", f"{new}/ffn/layer_norm")
            if half == "decoder":
                fuse(f"{old}.encoder_attn", "q", f"{new}/attention/linear_0")
                fuse(f"{old}.encoder_attn", "kv", f"{new}/attention/linear_1")
                pair(f"{old}.encoder_attn.out_proj", f"{new}/attention/linear_2")
                norm(f"{old}.encoder_attn_layer_norm", f"{new}/attention/layer_norm")
    made = {name: value.astype(dtype) for name, value in made.items()}
    for half in ("encoder", "decoder"):
        made[f"{half}/num_heads"] = np.int16(2)
    made["decoder/pre_norm"] = np.int8(1)
    return made


def binary(values, *, version=6, name="WhisperSpec"):
    def string(text):
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    out = struct.pack("<I", version) + string(name) + struct.pack("<II", 3, len(values))
    for key, value in sorted(values.items()):
        out += string(key) + struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)
        data = np.asarray(value).tobytes()
        out += struct.pack("<BI", TYPE_IDS[str(value.dtype)], len(data)) + data
    alias = string("decoder/projection/weight") + string("decoder/embeddings/weight")
    return out + struct.pack("<I", 1) + alias


def folder(path, data):
    path.mkdir(exist_ok=True)
    (path / "model.bin").write_bytes(data)
    hints = {"suppress_ids": [1], "suppress_ids_begin": [2], "alignment_heads": [[0, 1]]}
    (path / "config.json").write_text(json.dumps(hints))
    added = [{"content": content, "id": i} for content, i in TOKENS.items()]
    (path / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    return path


def test_conversion_gives_back_every_weight_and_nothing_else(tmp_path, whisper):
    source = folder(tmp_path / "ct2", binary(variables(whisper)))
    ctranslate2_whisper.convert(source, tmp_path / "out")
    again, report = imported().WhisperForConditionalGeneration.from_pretrained(
        tmp_path / "out", output_loading_info=True, dtype=torch.float32
    )
    assert not any(report.values())
    for name, value in whisper.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)
    encoder, report = imported().WhisperModel.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not any(report.values())
    assert encoder.dtype == torch.float16


def test_config_comes_from_the_shapes(tmp_path, whisper):
    source = folder(tmp_path / "ct2", binary(variables(whisper)))
    ctranslate2_whisper.convert(source, tmp_path / "out")
    config = imported().WhisperConfig.from_pretrained(tmp_path / "out")
    for name in ("d_model", "encoder_layers", "decoder_ffn_dim", "num_mel_bins", "eos_token_id"):
        assert getattr(config, name) == getattr(whisper.config, name), name
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert generation["decoder_start_token_id"] == 8
    assert generation["suppress_tokens"] == [1]
    assert generation["is_multilingual"] is False
    preprocessor = json.loads((tmp_path / "out" / "preprocessor_config.json").read_text())
    assert preprocessor["feature_size"] == 5


def test_the_format_written_by_ctranslate2_itself_is_read(tmp_path, whisper):
    pytest.importorskip("ctranslate2")
    from ctranslate2.converters.transformers import WhisperLoader
    from ctranslate2.specs.model_spec import LayerSpec

    spec = WhisperLoader().get_model_spec(whisper)
    LayerSpec.validate(spec)
    spec.optimize(quantization="float16")
    spec._serialize(tmp_path / "model.bin")
    theirs = ctranslate2_whisper.transformers_names(
        ctranslate2_whisper.read(tmp_path / "model.bin")
    )
    expected = {k: v for k, v in whisper.state_dict().items() if k != "proj_out.weight"}
    assert theirs.keys() == expected.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(value, expected[name].half().numpy(), err_msg=name)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_torn_file_is_refused(tmp_path, whisper, share):
    data = binary(variables(whisper))
    (tmp_path / "model.bin").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError, match="not a complete CTranslate2 model"):
        ctranslate2_whisper.read(tmp_path / "model.bin")


@pytest.mark.parametrize("change", [{"version": 5}, {"name": "TransformerSpec"}])
def test_another_version_or_network_is_refused(tmp_path, whisper, change):
    (tmp_path / "model.bin").write_bytes(binary(variables(whisper), **change))
    with pytest.raises(ModelError, match="expected"):
        ctranslate2_whisper.read(tmp_path / "model.bin")


def test_quantised_weights_are_refused(whisper):
    values = variables(whisper)
    values["encoder/conv1/weight"] = values["encoder/conv1/weight"].astype(np.int8)
    with pytest.raises(ModelError, match="quantised to int8"):
        ctranslate2_whisper.transformers_names(values)


def test_a_bias_for_keys_is_refused_rather_than_dropped(whisper):
    values = variables(whisper)
    values["encoder/layer_1/self_attention/linear_0/bias"] += np.float16(1)
    with pytest.raises(ModelError, match="bias for keys"):
        ctranslate2_whisper.transformers_names(values)
