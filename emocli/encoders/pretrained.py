"""Load a pretrained model through transformers: whole, and with a tokenizer that is really there.

transformers fills what a checkpoint lacks with random numbers, and makes a tokenizer of a few
special tokens where there are no files; both would give numbers that mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from emocli.encoders import weight_files
from emocli.errors import ConfigError

# Parts that checkpoints often lack and that nothing here uses: the pooler behind the last hidden
# state, the vector that masks frames while training.
UNUSED = ("pooler.", "masked_spec_embed")
# What is left over of training without labels, and constants that older versions saved.
IDLE = (
    "lm_head.", "cls.predictions.", "cls.seq_relationship.", "vocab_", "mlm_head", "pooler.",
    "quantizer.", "project_q.", "project_hid.", "masked_spec_embed", "mask_token", "position_ids",
    "mask_predictions.", "generator_", "discriminator_", "num_batches_tracked",
)  # fmt: skip
NEEDED = ("vocab_file", "merges_file")  # of a tokenizer that has no tokenizer.json
FAST = "tokenizer.json"
NAMED = 3  # tensors that a message names
OTHER = f"another model, or {weight_files.AGAIN}"
LOCAL = {"local_files_only": True}


def network(
    load: Callable[..., Any],
    folder: Path,
    what: str,
    *,
    head: bool = False,
    **options: Any,
) -> Any:
    """Return what a `from_pretrained` makes of a folder; `what` it is to be, for messages.

    Raises ConfigError if files are not what they claim, a tensor is missing or has another shape,
    or transformers cannot read the folder. Where the `head` is wanted as well, all of its parts
    have to be there, the pooler included, and no tensor may be left over that another network uses.
    """
    config = weight_files.json_object(folder / "config.json")
    weight_files.require_layers(folder, config, len(weight_files.tensors(folder, what)))
    model, info = called(
        load, folder, what, use_safetensors=True, output_loading_info=True, **LOCAL, **options
    )
    lost = [name for name in sorted(info["missing_keys"]) if not _unused(model, name, head)]
    entries = info.get("mismatched_keys") or ()
    wrong = sorted(str(e[0] if isinstance(e, tuple) else e) for e in entries)
    left = [name for name in sorted(info["unexpected_keys"]) if head and not _idle(name)]
    faults = {
        "are not in its weights": lost,
        "have another shape": wrong,
        "of its weights belong to another network": left,
    }
    for fault, names in faults.items():
        if names:
            listed = ", ".join(names[:NAMED])
            message = f"{folder} is not {what}: {len(names)} tensors {fault} ({listed})"
            raise ConfigError(message, hint=OTHER)
    return model


def require_sizes(folder: Path, config: Mapping[str, Any], names: Sequence[str], what: str) -> None:
    """Raise ConfigError for a size in config.json that no tensor has.

    Some networks compute tables of these sizes before their weights are looked at.
    """
    shapes = [shape for _, shape in weight_files.tensors(folder, what).values()]
    known = {side for shape in shapes for side in shape}
    for name in names:
        if name not in config:
            continue
        value = config[name]
        for side in value if isinstance(value, list) else [value]:
            if isinstance(side, bool) or not isinstance(side, int) or side not in known:
                message = f"{folder} is not {what}: no tensor has the size {name} = {value!r:.60}"
                raise ConfigError(message, hint=weight_files.AGAIN)


def _idle(name: str) -> bool:
    """Say whether a tensor that is left over is none of a classifier: see IDLE."""
    return any(part in name for part in IDLE)


def _unused(model: Any, name: str, head: bool) -> bool:
    """Say whether nothing here reads a tensor."""
    if head:
        return UNUSED[1] in name
    is_text = getattr(model, "main_input_name", "") == "input_ids"
    both = is_text and getattr(model.config, "is_encoder_decoder", False)
    return any(part in name for part in UNUSED) or (both and name.startswith("decoder."))


def tokenizer(load: Callable[..., Any], folder: Path, **options: Any) -> Any:
    """Return the tokenizer of a folder; ConfigError if its files are missing or damaged."""
    for name in (FAST, "tokenizer_config.json", "special_tokens_map.json"):
        if weight_files.is_there(folder / name):
            weight_files.json_object(folder / name)
    found = called(load, folder, "a model with a tokenizer", **LOCAL, **options)
    _require_files(found, folder)
    if found.vocab_size <= len(set(found.all_special_ids)):
        message = f"{folder}: its tokenizer knows special tokens only"
        raise ConfigError(message, hint=weight_files.AGAIN)
    return found


def _require_files(found: Any, folder: Path) -> None:
    """Raise ConfigError if transformers made a tokenizer up, for want of its files."""
    names = dict(getattr(found, "vocab_files_names", None) or {})
    if not names or (folder / FAST).is_file():  # some tokenizers need no files: characters, bytes
        return
    needed = [names[key] for key in NEEDED if key in names] or list(names.values())
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        message = f"{folder} has no tokenizer: neither {FAST} nor {' and '.join(missing)}"
        raise ConfigError(message, hint=weight_files.AGAIN)
    for name in needed:
        weight_files.require_file(folder / name)


def called(load: Callable[..., Any], folder: Path, what: str, **options: Any) -> Any:
    """Call a loader; whatever it raises means that the folder cannot be loaded."""
    try:
        return load(folder, **options)
    except Exception as problem:
        if isinstance(problem, MemoryError) or "out of memory" in str(problem).lower():
            raise
        if "ignore_mismatched_sizes" in str(problem):  # of transformers, whose report is not shown
            message = f"{folder} is not {what}: tensors have other sizes than config.json says"
            raise ConfigError(message, hint=OTHER) from None
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        told = " ".join(lines) if lines[0].rstrip().endswith(":") else lines[0]
        raise ConfigError(
            f"{folder} is not {what}: {' '.join(told.split()):.300}", hint=OTHER
        ) from None
