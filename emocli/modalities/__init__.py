"""The input of a modality's encoders, taken from a record: one file per modality.

`records.modality` says in which field of a record a modality is. A file here has
    PLAIN          the default spec of a stream: encoder, layer, pooling
    SEVERAL_LAYERS whether an encoder may be asked for more than one layer
    BATCH, BUDGET  most records in a batch, and their greatest length in all
    length(record)                  the length that batches are sorted by, in the unit of BUDGET
    material(record, spec, store)   the input of an encoder of this modality; raises RecordError, or
                                    AbsentError if the record does not have this modality
    reader(context, spec)           where it takes more than the record and the store: returns
                                    `material` for a stream, once; ModelError if a model is absent
    FLAGS          flag of `encode` for this modality only -> the message if it is used with another
    settings(flags)                 what these flags add to the spec of a stream
and may have
    of_model(config)                the defaults for a model with this config.json, where they
                                    depend on it
    made(record, spec)              what a feature says of how its input was made, where the record
                                    knows it rather than the spec
    ahead(context, spec, record)    what takes long and needs no other stage, begun in a thread
                                    while other stages work; under `ahead_key` in the record when
                                    `material` is asked
    relative(record, spec, encoder, encoded)   frames relative to the recording that they are
                                    of, for streams that a bundle has normalised by speaker
"""

from __future__ import annotations

import importlib
from pkgutil import iter_modules
from types import ModuleType

from emocli import encoders
from emocli.encoders import weight_files
from emocli.errors import UsageError
from emocli.records.modality import MODALITIES
from emocli.records.types import Record


def names() -> list[str]:
    """Return the modalities that can be encoded, in the order of the table."""
    files = {module.name.replace("_", "-") for module in iter_modules(__path__)}
    return [name for name in MODALITIES if name in files]


def load(name: str) -> ModuleType:
    """Return the module of a modality; raise UsageError for an unknown name."""
    if name not in names():
        raise UsageError(f"unknown modality '{name}'", hint=f"one of {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def ahead_key(spec: Record) -> str:
    """Return the key of a record, private to the process, for what `ahead` found for a stream."""
    return f"\0ahead of {spec.get('stream')}"


def of_model(spec: Record, *, offline: bool) -> Record:
    """Return a stream's defaults that depend on its model; ModelError if it is not installed."""
    defaults = getattr(load(spec["modality"]), "of_model", None)
    if defaults is None or encoders.is_measured(spec["encoder"], spec["modality"]):
        return {}
    from emocli import hub

    path = hub.resolve(spec["encoder"], offline=offline) / "config.json"
    config = weight_files.json_object(path) if weight_files.is_there(path) else {}
    return dict(defaults(config))
