"""Load a causal language model with its tokenizer from a folder, through transformers.

A GGUF file is read as well: its weights become float numbers on loading, since packed ones cannot
be trained nor saved; that takes some twenty seconds for 135 M parameters, each time.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from emocli.encoders import pretrained, weight_files
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

Loaded = tuple[Any, Any]  # a network in evaluation mode, a tokenizer

WHAT = "a causal language model"
PACKED = ".gguf"


def load(folder: str | Path, device: str = "cpu", dtype: str = "float32") -> Loaded:
    """Return network and tokenizer in a folder, or in a GGUF file; no hub, no remote code.

    Raises ConfigError for a folder without weights or a tokenizer, or with those of another kind.
    """
    import torch

    path = Path(folder)
    number = getattr(torch, dtype)
    packed = _packed(path)
    if packed:
        return _unpacked(packed, device, number)
    if not weight_files.is_there(path / "config.json"):
        hint = "a folder as `save_pretrained` writes it, with weights in safetensors"
        raise ConfigError(f"{path} is not {WHAT}: no config.json", hint=hint)
    transformers = imported()
    tokenizer = pretrained.tokenizer(transformers.AutoTokenizer.from_pretrained, path)
    load = transformers.AutoModelForCausalLM.from_pretrained
    network = pretrained.network(load, path, WHAT, dtype=number)
    return _ready(network, device), tokenizer


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
    weight_files.require_file(path)
    try:
        import gguf  # noqa: F401
    except ImportError:
        raise ConfigError(f"{path}: gguf reads it", hint="pip install 'emocli[llm]'") from None
    transformers = imported()
    options: dict[str, Any] = {"gguf_file": path.name, **pretrained.LOCAL}
    found = pretrained.called(
        transformers.AutoTokenizer.from_pretrained,
        path.parent,
        "a model with a tokenizer",
        **options,
    )
    if hasattr(transformers, "GgufConfig"):  # before 5.20 weights were always unpacked
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    load = transformers.AutoModelForCausalLM.from_pretrained
    with contextlib.redirect_stderr(io.StringIO()):  # a bar of its own
        network = pretrained.called(load, path.parent, WHAT, dtype=number, **options)
    return _ready(network, device), found


def _ready(network: Any, device: str) -> Any:
    """Return a network on a device, in evaluation mode.

    What its head is given becomes contiguous: of the last places of a batch, which are not, half
    precision on a CPU takes minutes instead of milliseconds.
    """
    head = network.get_output_embeddings()
    head.register_forward_pre_hook(lambda _, given: (given[0].contiguous(), *given[1:]))
    return network.to(device).eval()
