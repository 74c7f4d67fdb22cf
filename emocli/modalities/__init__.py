"""What the encoders of a modality take of a record: one file per modality.

Where a modality stands in a record is a row of `records.modality`. A file here has
    PLAIN          what a stream is where neither a flag nor a bundle says: encoder, layer, pooling
    SEVERAL_LAYERS whether an encoder may be asked for more than one layer
    BATCH, BUDGET  records in a batch, and their length in all, at most
    length(record)                  what batches are sorted by, in the unit of BUDGET
    material(record, spec, store)   what an encoder of this modality takes; raises RecordError, or
                                    AbsentError where the record has no such modality
and, where `encode` has flags for this modality alone,
    FLAGS          flag -> what to say when it is used with another modality
    settings(flags)                 what they add to the spec of a stream
"""

from __future__ import annotations

import importlib
from pkgutil import iter_modules
from types import ModuleType

from emocli.errors import UsageError
from emocli.records.modality import MODALITIES


def names() -> list[str]:
    """Return the modalities that can be encoded, in the order of the table."""
    files = {module.name.replace("_", "-") for module in iter_modules(__path__)}
    return [name for name in MODALITIES if name in files]


def load(name: str) -> ModuleType:
    """Return the module of a modality; raise UsageError where there is none of that name."""
    if name not in names():
        raise UsageError(f"no modality '{name}'", hint=f"one of {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
