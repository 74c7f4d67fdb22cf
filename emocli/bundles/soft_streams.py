"""The soft tokens of a predictor of kind `language`: `soft` in config.json, and their weights.

`soft` is a layout (see `emocli.llm.soft_layouts`), with the width and the mean norm of embeddings
of the backbone; the streams that it reads stand in `streams`, as in a predictor that fuses.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from emocli import models
from emocli.bundles import contents as rules
from emocli.bundles import model_inputs
from emocli.bundles.bundle import Bundle
from emocli.bundles.model_inputs import ModelInputs
from emocli.encoders import weight_files
from emocli.errors import ConfigError, RecordError
from emocli.llm import soft_layouts, soft_tokens
from emocli.models import _settings
from emocli.records import Record
from emocli.records.missing import notes

if TYPE_CHECKING:
    from emocli.llm.soft_tokens import Soft
    from emocli.models._soft_tokens import SoftTokens, SoftTokensConfig

WEIGHTS = "soft_tokens.safetensors"
NONE, RANDOM = "none", "random"  # controls: no tokens, random ones of the same norms
SPARE = 1 << 16  # numbers that a model may allocate beyond twice those of its weights
TABLE: rules.Table = {
    "prompt": (str, None),
    "words": (bool, None),
    "slots": (dict[str, dict[str, Any]], None),
}
MADE: rules.Table = {"width": (int, (1, _settings.LARGEST)), "norm": (float, (1e-9, 1e9))}
SLOT: rules.Table = {
    "tokens": (int, (1, 4096)),
    "streams": (list[str], None),
    "projector": (Literal["linear", "mlp", "low-rank"] | None, None),
    "merge": (int | None, (1, 64)),
    "fusion": (str | None, None),
    "settings": (dict | None, None),
    "frozen": (bool | None, None),
    "start": (str | None, None),
    "like": (str | None, None),
    "auxiliary": (float | None, (0, 1e3)),
}


class SoftSpec(NamedTuple):
    """What a prompt has of soft tokens."""

    prompt: str  # with marks
    words: bool  # whether the transcript is told as well
    layout: Mapping[str, range]  # placeholder -> its places among the tokens of a record


def fault(soft: Mapping[str, Any], *, made: bool = True) -> str:
    """Return the first fault of a layout or "": of width and norm only if it is `made`."""
    for key, (kind, bounds) in (TABLE | MADE if made else TABLE).items():
        if found := _settings.fault(f"soft.{key}", soft.get(key), kind, bounds):
            return str(found)
    for name, slot in soft["slots"].items():
        for key, (kind, bounds) in SLOT.items():
            if found := _settings.fault(f"soft.slots.{name}.{key}", slot.get(key), kind, bounds):
                return str(found)
        if more := set(slot) - set(SLOT):
            return f"soft.slots.{name} has no setting {min(more)}"
        if wrong := _slot_fault(slot, soft["slots"]):
            return f"soft.slots.{name}: {wrong}"
    wrong = soft_layouts.fault(soft)
    return f"soft: {wrong}" if wrong else ""


def _slot_fault(slot: Mapping[str, Any], slots: Mapping[str, Any]) -> str:
    streams, fusion = slot["streams"], slot.get("fusion")
    if like := slot.get("like"):
        first = slots.get(like)
        if not isinstance(first, dict) or first.get("like"):
            return f"like {like!r:.40}: no slot of its own"
        if first.get("tokens") != slot["tokens"] or len(first["streams"]) != len(streams):
            return f"like {like!r:.40}: no slot of as many tokens and streams"
        return ""
    if not streams or len(set(streams)) < len(streams):
        return "streams are missing, or one is there twice"
    if fusion and fusion not in models.names():
        return f"fusion {fusion!r:.40} is not a model"
    return "" if fusion or len(streams) == 1 else "several streams need a fusion"


def spec(contents: Mapping[str, Any], where: str) -> SoftSpec | None:
    """Return what the prompts of a bundle have of soft tokens; ConfigError for a wrong `soft`."""
    soft = contents.get("soft")
    if soft is None:
        return None
    if not isinstance(soft, dict) or (wrong := fault(soft, made="width" in soft)):
        raise ConfigError(f"{where}: {wrong if isinstance(soft, dict) else 'soft is no object'}")
    used = {s for slot in soft["slots"].values() for s in slot["streams"]}
    if lacking := used - set(contents.get("streams") or soft.get("streams") or used):
        raise ConfigError(f"{where}: no stream {min(lacking)}", hint=rules.HINT)
    layout, start = {}, 0
    for name, slot in soft["slots"].items():
        layout[name] = range(start, start + slot["tokens"])
        start += slot["tokens"]
    return SoftSpec(soft_tokens.marked(soft["prompt"]), soft["words"], layout)


def segments(contents: Mapping[str, Any]) -> set[str]:
    """Return the streams of other segments: those that only slots like another one read."""
    slots = (contents.get("soft") or {}).get("slots") or {}
    own = {s for slot in slots.values() if not slot.get("like") for s in slot["streams"]}
    return {s for slot in slots.values() if slot.get("like") for s in slot["streams"]} - own


def config(contents: Mapping[str, Any]) -> SoftTokensConfig:
    """Return the settings of the module that makes the soft tokens."""
    from emocli.models._soft_tokens import Slot, SoftTokensConfig

    soft = contents["soft"]
    slots = {}
    for name, slot in soft["slots"].items():
        given = {k: v for k, v in slot.items() if v is not None and k != "start"}
        slots[name] = Slot(**{**given, "streams": tuple(slot["streams"])})
    dims = {name: stream["dim"] for name, stream in contents["streams"].items()}
    return SoftTokensConfig(slots, dims, soft["width"], soft["norm"])


def load(trained: Bundle, device: str) -> SoftTokens:
    """Return the module of a bundle; ConfigError for weights that do not fit its settings."""
    from safetensors.torch import load_file

    from emocli.models._soft_tokens import SoftTokens

    path = trained.folder / WEIGHTS
    stored = weight_files.shapes(path)
    try:
        module = SoftTokens(config(trained.contents))
    except (ConfigError, RuntimeError, TypeError, AttributeError) as error:
        message = f"{trained.folder}/config.json: soft: {error}"
        raise ConfigError(message, hint=rules.HINT) from None
    expected = {n: tuple(t.shape) for n, t in module.state_dict().items()}
    if wrong := sorted(n for n in {*stored, *expected} if stored.get(n) != expected.get(n)):
        message = f"{path}: the weights do not fit config.json: {wrong[0]}"
        raise ConfigError(message, hint=rules.HINT)
    module.load_state_dict({n: t.float() for n, t in load_file(path).items()})
    return module.to(device).eval()


def save(module: SoftTokens, folder: Path) -> None:
    """Write the weights of a module."""
    from safetensors.torch import save_file

    state = {n: t.detach().cpu().contiguous() for n, t in module.state_dict().items()}
    save_file(state, folder / WEIGHTS)


def of(module: SoftTokens, trained: Bundle, inputs: Sequence[ModelInputs], device: str) -> Soft:
    """Return the soft tokens of some records."""
    import torch

    from emocli.llm.soft_tokens import Soft

    with torch.inference_mode():
        found = Soft(*module(*model_inputs.tensors(trained, inputs, device)))
        if trained.control == NONE:
            return found._replace(mask=torch.zeros_like(found.mask))
        return _random(found) if trained.control == RANDOM else found


def _random(soft: Soft) -> Soft:
    """Return random tokens of the same norms, for each record those that its own ask for."""
    import torch

    rows = []
    for row in soft.values.cpu():
        seed = zlib.crc32(row.numpy().tobytes())
        drawn = torch.randn(row.shape, generator=torch.Generator().manual_seed(seed))
        rows.append(drawn * row.norm(dim=1, keepdim=True) / drawn.norm(dim=1, keepdim=True))
    return soft._replace(values=torch.stack(rows).to(soft.values.device))


def gates(
    module: SoftTokens, trained: Bundle, inputs: Sequence[ModelInputs], device: str
) -> list[Record]:
    """Return the gates of each record, by name: the weight of each part; {} without any."""
    import torch

    with torch.inference_mode():
        found = module.gates(*model_inputs.tensors(trained, inputs, device))
    rows: list[Record] = [{} for _ in inputs]
    for gate, (names, values) in found.items():
        for row, weights in zip(rows, values.cpu().tolist(), strict=True):
            row[gate] = dict(zip(names, (round(weight, 4) for weight in weights), strict=True))
    return rows


def nothing_usable(record: Record) -> RecordError:
    """Return the error of a record that has none of the streams, with the reason of each."""
    found = {name: note for name, note in notes(record).items() if isinstance(note, dict)}
    reasons = (f"{name}: {note.get('message')}" for name, note in found.items())
    return RecordError("no_modality", "; ".join(["no usable stream", *reasons]))


def require_width(contents: Mapping[str, Any], width: int, backbone: str) -> None:
    """Raise ConfigError for a backbone whose embeddings have another width than soft tokens."""
    if contents["soft"]["width"] != width:
        made = contents["soft"]["width"]
        message = f"the soft tokens are {made} numbers wide, the embeddings of {backbone} {width}"
        raise ConfigError(message, hint="use the backbone that they were trained with")
