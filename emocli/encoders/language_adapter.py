"""Adapters of causal language models in the format of peft, which vLLM and others read as well.

Hu et al. 2021, LoRA, https://arxiv.org/abs/2106.09685; https://github.com/huggingface/peft. peft
itself draws what an adapter lacks at random and leaves out what does not fit; both are refused.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from emocli.encoders import pretrained, weight_files
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
FILES = (CONFIG, WEIGHTS)
HINT = "copy the whole folder again, or train it again"


def library() -> Any:
    """Return peft; ConfigError if it is not installed."""
    imported()  # else a torchaudio that cannot be loaded breaks it
    try:
        import peft
    except ImportError:
        raise ConfigError("adapters need peft", hint="pip install 'emocli[llm]'") from None
    return peft


def applied(network: Any, folder: Path) -> Any:
    """Return a network with the adapter in a folder, merged into weights that are float32.

    Raises ConfigError if a file is missing or damaged, or the adapter is of another network.
    """
    weight_files.json_object(folder / CONFIG)
    stored = set(weight_files.shapes(folder / WEIGHTS))
    peft = library()
    what = "an adapter of this language model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft about transformers, and of what is checked below
        adapted = pretrained.called(
            lambda path: peft.PeftModel.from_pretrained(network, path), folder, what
        )
    expected = set(peft.get_peft_model_state_dict(adapted, save_embedding_layers=False))
    if differing := sorted(stored ^ expected):
        names = ", ".join(differing[: pretrained.NAMED])
        message = f"{folder} is not {what}: {len(differing)} tensors differ ({names})"
        raise ConfigError(message, hint=HINT)
    merged = all(str(p.dtype) == "torch.float32" for p in adapted.parameters())
    return (adapted.merge_and_unload() if merged else adapted.get_base_model()).eval()
