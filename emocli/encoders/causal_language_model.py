"""Load a causal language model with its tokenizer from a folder, through transformers.

A GGUF file is read as well: its weights become float numbers on loading, since packed ones cannot
be trained nor saved; that takes some twenty seconds for 135 M parameters, each time.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emocli.encoders import pretrained, weight_files
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

Loaded = tuple[Any, Any]  # a network in evaluation mode, a tokenizer

WHAT = "a causal language model"
PACKED = ".gguf"
# What tokenizers of transformers are read from; one of these is there.
TOKENIZERS = ("tokenizer*", "vocab*", "*.model", "*.tiktoken", "spiece*", "merges.txt")


def load(folder: str | Path, device: str = "cpu", dtype: str = "float32") -> Loaded:
    """Return network and tokenizer in a folder, or in a GGUF file; no hub, no remote code.

    Raises ConfigError for a folder without weights or a tokenizer, or with those of another kind.
    """
    import torch

    path = Path(folder)
    require(path)
    number = getattr(torch, dtype)
    if packed := _packed(path):
        return _unpacked(packed, device, number)
    transformers = imported()
    tokenizer = pretrained.tokenizer(transformers.AutoTokenizer.from_pretrained, path)
    load = transformers.AutoModelForCausalLM.from_pretrained
    network = pretrained.network(load, path, WHAT, dtype=number)
    return _ready(network, device), tokenizer


def require(path: Path) -> None:
    """Raise ConfigError for a folder, or a GGUF file, that lacks what a model consists of.

    Only files are looked at, before anything that takes seconds is imported.
    """
    if packed := _packed(path):
        weight_files.require_file(packed)
        if importlib.util.find_spec("gguf") is None:
            raise ConfigError(f"{packed}: gguf reads it", hint="pip install 'emocli[llm]'")
        return
    hint = "a folder as `save_pretrained` writes it, with weights in safetensors"
    if not weight_files.is_there(path / "config.json"):
        raise ConfigError(f"{path} is not {WHAT}: no config.json", hint=hint)
    weight_files.tensors(path, WHAT)
    if not any(file for pattern in TOKENIZERS for file in path.glob(pattern)):
        hint = f"the tokenizer's `save_pretrained` writes tokenizer.json, or {weight_files.AGAIN}"
        raise ConfigError(f"{path} has no tokenizer", hint=hint)


def _packed(path: Path) -> Path | None:
    """Return the GGUF file that a path is, or that is the only file of weights in a folder."""
    if path.suffix == PACKED:
        return path
    packed = sorted(path.glob(f"*{PACKED}"))
    if any(path.glob("*.safetensors")) or not packed:
        return None
    if len(packed) > 1:
        raise ConfigError(f"{path} has {len(packed)} GGUF files", hint=f"name one: {packed[0]}")
    return packed[0]


def _unpacked(path: Path, device: str, number: Any) -> Loaded:
    transformers = imported()
    options: dict[str, Any] = {"gguf_file": path.name, **pretrained.LOCAL}

    def of_file(load: Callable[..., Any], **more: Any) -> Any:
        return pretrained.called(lambda _: load(path.parent, **options, **more), path, WHAT)

    found = of_file(transformers.AutoTokenizer.from_pretrained)
    if hasattr(transformers, "GgufConfig"):  # before 5.20 weights were always unpacked
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    with contextlib.redirect_stderr(io.StringIO()):  # a bar of its own
        network = of_file(transformers.AutoModelForCausalLM.from_pretrained, dtype=number)
    return _ready(network, device), found


def _ready(network: Any, device: str) -> Any:
    """Return a network on a device, in evaluation mode.

    What its head is given becomes contiguous: of the last places of a batch, which are not, half
    precision on a CPU takes minutes instead of milliseconds.
    """
    head = network.get_output_embeddings()
    head.register_forward_pre_hook(lambda _, given: (given[0].contiguous(), *given[1:]))
    return network.to(device).eval()
