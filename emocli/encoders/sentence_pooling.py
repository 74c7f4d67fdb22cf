"""Pool the tokens of a text as the model's own sentence-transformers would.

Reimers and Gurevych 2019, Sentence-BERT, https://arxiv.org/abs/1908.10084; the files are those of
https://sbert.net: `modules.json` lists what comes after the transformer (Pooling, Dense, LayerNorm,
Normalize), `sentence_bert_config.json` has the longest text in tokens, and whether it is put in
lower case, `config_sentence_transformers.json` the prompt that each text begins with, if any.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocli.encoders import weight_files
from emocli.encoders.text_networks import TextEncoder
from emocli.errors import ConfigError

NAME = "sentence"
MODULES, SETTINGS = "modules.json", "sentence_bert_config.json"
PROMPTS = "config_sentence_transformers.json"
OLD_NAME = "pooling_mode_"  # the beginning of a switch, in files before version 5.4

Step = Callable[[Tensor], Tensor]

# How the tokens (tokens, dim) of a text become one vector; several stand one after another.
MODES: dict[str, Step] = {
    "cls": lambda x: x[0],
    "max": lambda x: x.amax(0),
    "mean": lambda x: x.mean(0),
    "mean_sqrt_len_tokens": lambda x: x.sum(0) / len(x) ** 0.5,
    "weightedmean": lambda x: (
        torch.softmax(torch.arange(1.0, len(x) + 1).log(), 0) @ x
    ),  # 1, 2, ...
    "lasttoken": lambda x: x[-1],
}
OLD_NAMES = {"cls_token": "cls", "max_tokens": "max", "mean_tokens": "mean"}
OLD_NAMES |= {"weightedmean_tokens": "weightedmean"}
ACTIVATIONS: dict[str, Step] = {
    "Identity": lambda x: x,
    "Tanh": torch.tanh,
    "ReLU": F.relu,
    "GELU": F.gelu,
    "SiLU": F.silu,
    "Sigmoid": torch.sigmoid,
}


def of(folder: Path, model: TextEncoder) -> TextEncoder:
    """Return a text encoder that pools, cuts and spells as the files of its folder say.

    Raises ConfigError if there is no modules.json, and for a module that is not computed here.
    """
    steps = [_step(folder, module) for module in _modules(folder)]
    about = _object(folder / SETTINGS)
    limit = about.get("max_seq_length") or model.limit
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ConfigError(f"{folder / SETTINGS}: max_seq_length is {limit!r:.60}")
    lower = bool(about.get("do_lower_case", False))
    prompt, tokenize = _prompt(folder), model.tokenize

    def spelt(text: str, most: int | None) -> list[int]:
        text = prompt + text
        return tokenize(text.lower() if lower else text, most)

    def pool(tokens: Tensor) -> Tensor:
        return functools.reduce(lambda x, step: step(x), steps, tokens)

    try:
        pool(torch.zeros(1, model.dim))
    except RuntimeError as error:
        raise ConfigError(f"{folder}: its modules do not fit together: {error}") from None
    limit = min(limit, model.limit)
    return dataclasses.replace(model, tokenize=spelt, unknown=None, limit=limit, sentence=pool)


def _modules(folder: Path) -> list[dict[str, str]]:
    """Return what modules.json lists after the transformer: type and path."""
    path = folder / MODULES
    if not weight_files.is_there(path):
        hint = f"--pooling {NAME} is of models of sentence-transformers; mean needs no files"
        raise ConfigError(f"{folder} has no pooling of its own: no {MODULES}", hint=hint)
    weight_files.require_file(path)
    try:
        listed = json.loads(path.read_bytes())
        named = [
            {"type": str(one["type"]).rpartition(".")[2], "path": str(one.get("path", ""))}
            for one in listed
        ]
    except weight_files.UNUSABLE as error:
        raise ConfigError(f"{path}: {error}", hint=weight_files.AGAIN) from None
    if not named or named[0]["type"] != "Transformer" or named[0]["path"] or len(named) < 2:
        raise ConfigError(f"{path}: expected a transformer, in the folder itself, and a pooling")
    return named[1:]


def _step(folder: Path, module: dict[str, str]) -> Step:
    """Return what one module does to the tokens or to the vector of a text."""
    makers = {"Pooling": _pooling, "Dense": _dense, "LayerNorm": _norm}
    if module["type"] == "Normalize":
        return lambda x: F.normalize(x, dim=-1)
    if module["type"] not in makers or ".." in Path(module["path"]).parts:
        hint = f"computed here: {', '.join(makers)}, Normalize"
        raise ConfigError(f"{folder / MODULES} lists {module['type']!r:.60}", hint=hint)
    return makers[module["type"]](folder / module["path"])


def _pooling(folder: Path) -> Step:
    """Return the modes of pooling, of old and of new files."""
    path = folder / "config.json"
    about = weight_files.json_object(path)
    old = [key.removeprefix(OLD_NAME) for key, on in about.items() if on is True]
    found: Any = about.get("pooling_mode") or [OLD_NAMES.get(key, key) for key in old]
    names = [found] if isinstance(found, str) else list(found)
    if "pooling_mode" not in about:  # switches have an order of their own
        names = [name for name in MODES if name in names]
    names = names or ["mean"]
    if any(name not in MODES for name in names):
        raise ConfigError(f"{path}: pooling {found!r:.60}", hint=f"one of {', '.join(MODES)}")
    if about.get("include_prompt") is False and _prompt(folder.parent):
        raise ConfigError(f"{path}: the prompt is left out of the pooling, which is not computed")
    return lambda x: torch.cat([MODES[name](x) for name in names])


def _dense(folder: Path) -> Step:
    """Return a linear map and its activation."""
    about = weight_files.json_object(folder / "config.json")
    name = str(about.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = ACTIVATIONS.get(name.rpartition(".")[2])
    if activation is None or not name.startswith("torch.nn.") or about.get("use_residual"):
        hint = f"activations: {', '.join(ACTIVATIONS)}; no residual"
        raise ConfigError(f"{folder}: a dense layer with {name!r:.80} is not computed", hint=hint)
    shapes: dict[str, Sequence[int | None]] = {"linear.weight": (None, None)}
    if about.get("bias", True):
        shapes["linear.bias"] = (None,)
    values = _values(folder, shapes)
    return lambda x: activation(F.linear(x, values["linear.weight"], values.get("linear.bias")))


def _norm(folder: Path) -> Step:
    """Return a layer norm."""
    values = _values(folder, {"norm.weight": (None,), "norm.bias": (None,)})
    norm = nn.LayerNorm(len(values["norm.weight"]))
    norm.load_state_dict({n.removeprefix("norm."): v for n, v in values.items()})
    return norm


def _values(folder: Path, shapes: dict[str, Sequence[int | None]]) -> dict[str, Tensor]:
    """Return tensors of a module as float32, on the CPU, where poolings are computed."""
    found = weight_files.read(weight_files.tensors(folder, "a module of a text encoder"), shapes)
    return {name: value.float() for name, value in found.items()}


def _prompt(folder: Path) -> str:
    """Return what each text begins with; mostly nothing."""
    about = _object(folder / PROMPTS)
    name, prompts = about.get("default_prompt_name"), about.get("prompts") or {}
    if name is None:
        return ""
    if not isinstance(prompts, dict) or not isinstance(prompts.get(name), str):
        raise ConfigError(f"{folder / PROMPTS}: no prompt {name!r:.60}")
    return str(prompts[name])


def _object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, nothing if there is no such file."""
    return weight_files.json_object(path) if weight_files.is_there(path) else {}
