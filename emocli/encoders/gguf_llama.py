"""Convert a Llama whose weights lie in a GGUF file to safetensors, with its tokenizer.

GGUF, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Weights of 4 and 8 bits become
numbers once, when the model is pulled: 16 bits, which lose less than a hundredth of what the 4
bits lost (our choice). So a model loads in a second instead of in twenty, and can be trained and
saved. llama.cpp interleaves the rows of queries and keys for its rotary embedding; they are put
back in the order of transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.encoders import weight_files
from emocli.errors import ModelError

ARCHITECTURE = "llama"
PIECES = "smollm"  # how llama.cpp calls the splitting of texts: digit by digit, then as GPT-2
CONTROL = 3  # type of a token that is no text
# From names of GGUF to those of transformers.
WHOLE = {"token_embd": "embed_tokens", "output_norm": "norm"}
LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def require() -> None:
    """Raise ModelError, before anything is downloaded, where the reader of GGUF is missing."""
    try:
        import gguf  # noqa: F401
    except ImportError as problem:
        hint = "pip install 'emocli[llm]'"
        raise ModelError("its weights are a GGUF file, which gguf reads", hint=hint) from problem


def convert(source: Path, target: Path) -> None:
    """Write the GGUF file in `source` as a checkpoint of transformers in `target`.

    Raises ModelError if it is damaged, or another network or tokenizer.
    """
    require()
    import gguf

    try:
        [path] = source.glob("*.gguf")
        reader = gguf.GGUFReader(path)
        about = {name: field.contents() for name, field in reader.fields.items()}
        tensors = dict(_tensors(reader.tensors, about))
        weight_files.write(target, _config(about, tensors), tensors)
        _write_tokenizer(about, target)
    except ModelError:
        raise
    except Exception as problem:  # of a damaged header, of shapes, of unknown quantisations
        raise ModelError(f"not the GGUF file of a Llama: {problem!r:.200}") from problem


def _tensors(listed: Any, about: dict[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    import gguf

    heads = {
        "attn_q": about["llama.attention.head_count"],
        "attn_k": about["llama.attention.head_count_kv"],
    }
    for tensor in listed:
        stem = tensor.name.removesuffix(".weight")
        kind = stem.split(".")[-1]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        if kind in heads:
            values = _in_halves(values, heads[kind])
        yield _renamed(stem, kind), values.astype(np.float16)


def _renamed(stem: str, kind: str) -> str:
    """Return the name of a tensor in transformers; ModelError for one that Llama lacks.

    >>> _renamed("blk.3.attn_q", "attn_q")
    'model.layers.3.self_attn.q_proj.weight'
    """
    parts = stem.split(".")
    if len(parts) == 3 and parts[0] == "blk" and kind in LAYER:
        return f"model.layers.{int(parts[1])}.{LAYER[kind]}.weight"
    if stem in WHOLE:
        return f"model.{WHOLE[stem]}.weight"
    raise ModelError(f"a Llama has no tensor {stem}, or it is not tied")


def _in_halves(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """Return the rows of each head with the pairs of the rotary embedding in two halves."""
    rows, width = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, width)
    return pairs.swapaxes(1, 2).reshape(rows, width)


def _config(about: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
    if about["general.architecture"] != ARCHITECTURE:
        raise ModelError(f"not the GGUF file of a Llama: {about['general.architecture']!r:.60}")
    vocabulary, width = tensors["model.embed_tokens.weight"].shape
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": about["llama.feed_forward_length"],
        "num_hidden_layers": about["llama.block_count"],
        "num_attention_heads": about["llama.attention.head_count"],
        "num_key_value_heads": about["llama.attention.head_count_kv"],
        "head_dim": about["llama.rope.dimension_count"],
        "hidden_act": "silu",
        "max_position_embeddings": about["llama.context_length"],
        "rms_norm_eps": float(f"{about['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_theta": float(f"{about['llama.rope.freq_base']:.6g}"),
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": about["tokenizer.ggml.bos_token_id"],
        "eos_token_id": about["tokenizer.ggml.eos_token_id"],
        "pad_token_id": about["tokenizer.ggml.padding_token_id"],
        "torch_dtype": "float16",
    }


def _write_tokenizer(about: dict[str, Any], target: Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json`: byte-level BPE with its chat template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    if about.get("tokenizer.ggml.pre") != PIECES:
        raise ModelError(f"another tokenizer: {about.get('tokenizer.ggml.pre')!r:.60}")
    names: list[str] = about["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ", 1)) for pair in about["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, merges))
    digits = pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, letters])
    made.decoder = decoders.ByteLevel()
    types = about["tokenizer.ggml.token_type"]
    special = [name for name, kind in zip(names, types, strict=True) if kind == CONTROL]
    made.add_special_tokens(special)
    made.save(str(target / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": names[about["tokenizer.ggml.bos_token_id"]],
        "eos_token": names[about["tokenizer.ggml.eos_token_id"]],
        "pad_token": names[about["tokenizer.ggml.padding_token_id"]],
        "additional_special_tokens": special,
        "chat_template": about["tokenizer.chat_template"],
        "model_max_length": about["llama.context_length"],
        "clean_up_tokenization_spaces": False,
    }
    text = json.dumps(settings, indent=2) + "\n"
    (target / "tokenizer_config.json").write_text(text, encoding="utf-8")
