"""What config.json of a bundle must hold: its keys, their types and bounds, and how they agree.

A fault is told once, when the bundle is opened, with the file, the key and its value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from emocli import models
from emocli.bundles import heads
from emocli.bundles.specs import MADE
from emocli.encoders import weight_files
from emocli.errors import ConfigError
from emocli.models import _settings
from emocli.models._settings import Fault, Range, fault

HINT = "copy the whole bundle again, or train it again: emocli train --output"
NAMES = "emocli train -o DIR writes one; also 'default', or a checkpoint as ORG/NAME"
Table = dict[str, tuple[Any, Range | None]]  # types and bounds; a required key cannot be None

SCALE: Range = (-1e9, 1e9)
SHARE: Range = (0, 1)
TOP: Table = {
    "format": (int, None),
    "kind": (str | None, None),
    "labels": (list[str] | None, None),
    "heads": (list[dict[str, Any]] | None, None),
}
ANSWERS: Table = {  # of every kind of predictor
    "calibration": (dict | None, None),
    "decoder": (dict | None, None),
}
FUSION: Table = {
    "name": (str, None),
    "architecture": (str, None),
    "config": (dict, None),
    "streams": (dict[str, dict[str, Any]], None),
    "canary": (list[list[float]], None),
    "text_rules": (dict | None, None),
    "audio_rules": (dict | None, None),
    "training": (dict | None, None),
    "metrics": (dict | None, None),
    "calibrated_on": (dict | None, None),
    "prior": (Literal["train", "uniform"] | None, None),  # without --prior
}
# What features say of how they were made, besides texts.
NUMBERS: dict[str, tuple[Any, Range | None]] = {
    "level_dbfs": (float | None, (-200, 200)),
    "context": (int | None, (0, _settings.LARGEST)),
}
HZ: Range = (0, 1e6)
PREPARED: Table = {
    "rate_hz": (float, (1, 1e6)),
    "band_hz": (list[float | None], HZ),
    "notch_hz": (float | None, HZ),
    "reference": (Literal["average", "recorded"], None),
    "window_s": (float, (0.1, 3600)),
    "overlap_s": (float, (0, 3600)),
    "artifact_uv": (float, (1e-3, 1e9)),
}
SAMPLED: Table = {
    "rate_hz": (float | None, HZ),
    "count": (int | None, (1, 2**20)),
    "middle": (bool | None, None),
    "longest_px": (int | None, (1, 2**16)),
    "face": (str | int | None, (1, 2**16)),
    "detector": (str | None, None),
}
OTHERS: Table = {
    "sampled": (dict | None, None),
    "prepared": (dict | None, None),
    "channels": (list[str] | None, None),
    "bands": (dict[str, list[float]] | None, HZ),
    "layer_weights": (list[float] | None, SHARE),
}
STREAM: Table = {
    "modality": (str, None),
    "dim": (int, (1, _settings.WIDEST)),
    "encoder": (str | None, None),
    "revision": (str | None, None),
    "layer": (int | list[int] | None, (-_settings.LARGEST, _settings.LARGEST)),
    "pooling": (str | None, None),
    **{key: (str | None, None) for key in MADE},
    **NUMBERS,
    **OTHERS,
}
HEAD: Table = {
    "target": (Literal[tuple(heads.KINDS)], None),
    "kind": (Literal[tuple(sorted(set(heads.KINDS.values())))], None),
    "labels": (list[str] | None, None),
    "mean": (float | None, SCALE),
    "scale": (float | None, (1e-9, 1e9)),
}
CALIBRATION: Table = {
    "temperature": (float | None, (1e-3, 1e3)),
    "weights": (list[float] | None, (-1e6, 1e6)),
    "bias": (list[float] | None, (-1e6, 1e6)),
    "on": (str | dict[str, str] | None, None),  # what it was fitted on, or that of each stream
}
PUBLISHED: Table = {"rule": (str, None), "alpha": (float, SHARE), "beta": (float, SHARE)}
EXPECTED: Table = {
    "rule": (str, None),
    "sharpness": (float, (1e-6, 1e6)),
    "prior": (list[float], (1e-12, 1)),
}
DECODER: Table = {"rule": (Literal["published", "expected"], None)}
AUDIO_RULES: Table = {"min_speech_s": (float, (0, 30))}
TEXT_RULES: Table = {"language": (str, None), "min_word_probability": (float, SHARE)}


def require(folder: Path, contents: Mapping[str, Any], *, fusion: bool) -> None:
    """Raise ConfigError for the first fault of a config.json, before any weight is read."""
    found = next(_faults(contents, fusion), None)
    if found:
        raise ConfigError(f"{folder}/config.json: {found}", hint=HINT)
    if fusion:
        weight_files.shapes(folder / weight_files.WEIGHTS)


def _faults(contents: Mapping[str, Any], fusion: bool) -> Iterator[Fault]:
    yield from _of_table("", contents, TOP)
    if not fusion:
        if contents.get("kind") in ("language", "checkpoint"):
            yield from _of_answers(contents)
        return
    yield from _of_table("", contents, FUSION)
    if contents["architecture"] not in models.names():
        expected = f"one of {', '.join(models.names())}"
        yield Fault("architecture", contents["architecture"], expected)
    for name, spec in contents["streams"].items():
        yield from _of_table(f"streams.{name}.", spec, STREAM)
        if prepared := spec.get("prepared"):
            yield from _of_table(f"streams.{name}.prepared.", prepared, PREPARED)
        if sampled := spec.get("sampled"):
            yield from _of_table(f"streams.{name}.sampled.", sampled, SAMPLED)
    if found := _of_config("config", contents["config"]):
        yield found
    yield from _of_answers(contents)
    yield from _of_sizes(contents)
    if rules := contents.get("text_rules"):
        yield from _of_table("text_rules.", rules, TEXT_RULES)
    if rules := contents.get("audio_rules"):
        yield from _of_table("audio_rules.", rules, AUDIO_RULES)


def _of_answers(contents: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the faults of labels and heads, and of what is done with their logits."""
    yield from _of_table("", contents, ANSWERS)
    for number, head in enumerate(contents.get("heads") or ()):
        yield from _of_table(f"heads[{number}].", head, HEAD)
    yield from _of_heads(contents)
    yield from _of_calibration(contents)


def _of_config(key: str, value: Any) -> Fault | None:
    """Return the fault of a model's settings that any model has; the model knows more of them."""
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return next(filter(None, (_of_config(f"{key}.{name}", v) for name, v in inner)), None)
    if isinstance(value, str | bool):
        return None
    return fault(key, value, float, (-_settings.WIDEST, _settings.WIDEST))


def _of_table(where: str, values: Mapping[str, Any], table: Table) -> Iterator[Fault]:
    for key, (kind, bounds) in table.items():
        if key not in values and fault(key, None, kind):
            yield Fault(f"{where}{key}", None, "there")
        elif found := fault(f"{where}{key}", values.get(key), kind, bounds):
            yield found


def _of_heads(contents: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the faults of labels: none, empty, twice, or elsewhere than in the first head."""
    listed = contents.get("heads")
    if listed is None:
        yield from _of_labels("labels", contents.get("labels"))
        return
    if not listed:
        yield Fault("heads", listed, "a list of one or more")
    targets = [head["target"] for head in listed]
    if len(set(targets)) < len(targets):
        yield Fault("heads", targets, "heads of different targets")
    for number, head in enumerate(listed):
        if head["kind"] != heads.KINDS[head["target"]]:
            expected = f"{heads.KINDS[head['target']]!r}, as its target is {head['target']}"
            yield Fault(f"heads[{number}].kind", head["kind"], expected)
        if head["kind"] == heads.NUMBER:
            if head.get("labels"):
                yield Fault(f"heads[{number}].labels", head["labels"], "empty")
        else:
            yield from _of_labels(f"heads[{number}].labels", head.get("labels"))
            if number:
                yield Fault(f"heads[{number}].target", head["target"], "that of the first head")


def _of_labels(key: str, labels: Any) -> Iterator[Fault]:
    if not labels or not all(labels) or len(set(labels)) < len(labels):
        yield Fault(key, labels, "a list of one or more labels, each once")


def _of_sizes(contents: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield where the model's sizes are not those of streams, heads and canary."""
    config = contents["config"]
    dims = {name: spec["dim"] for name, spec in contents["streams"].items()}
    if config.get("dims") != dims:
        yield Fault("config.dims", config.get("dims"), f"as in streams: {dims}")
    columns = sum(head.size for head in heads.of(contents))
    if config.get("classes") != columns or isinstance(config["classes"], bool):
        expected = f"{columns}, the size of the heads in all"
        yield Fault("config.classes", config.get("classes"), expected)
    rows = contents["canary"]
    if not rows or any(len(row) != columns for row in rows):
        yield Fault("canary", rows, f"rows of {columns} numbers")


def _of_calibration(contents: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield the faults of calibration and decoder, which belong to the head with labels."""
    first = heads.of(contents)[0]
    calibration, decoder = (contents.get(key) or {} for key in ("calibration", "decoder"))
    yield from _of_table("calibration.", calibration, CALIBRATION)
    for key, other in (("weights", "bias"), ("bias", "weights")):
        values = calibration.get(key)
        if (values is None) != (calibration.get(other) is None) or (
            values is not None and len(values) != first.size
        ):
            yield Fault(f"calibration.{key}", values, f"a list of {first.size} numbers")
    if decoder:
        yield from _of_table("decoder.", decoder, DECODER)
        table = PUBLISHED if decoder["rule"] == "published" else EXPECTED
        yield from _of_table("decoder.", decoder, table)
        yield from _of_prior(first, decoder.get("prior"))


def _of_prior(first: heads.Head, prior: list[float] | None) -> Iterator[Fault]:
    if prior is not None:
        from emocli.metrics import blend  # imports numpy

        plain = first.labels.index("neutral") if "neutral" in first.labels else None
        count = len(blend.answers(first.size, plain))
        if len(prior) != count or abs(sum(prior) - 1) > 1e-3:
            yield Fault("decoder.prior", prior, f"{count} shares that add to 1")
