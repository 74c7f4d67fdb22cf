"""Pool a stream whose frames are in the store: `emocli encode --from STREAM --as NAME`."""

from __future__ import annotations

from typing import Any

from emocli import pipeline
from emocli.errors import RecordError, UsageError
from emocli.io.store import Store
from emocli.pipeline.context import Context
from emocli.records import Record

MADE = "emocli encode --pooling frames makes one"  # a stream with a time axis


def stage(
    context: Context, source: str, name: str | None, pooling: str, inline: bool
) -> pipeline.Stage:
    """Return the stage that adds a stream `name`, pooled from the frames of the stream `source`."""
    if not name or name == source:
        raise UsageError("--from needs --as, the name of the pooled stream")

    def pool(record: Record) -> Record:
        feature = (record.get("features") or {}).get(source)
        if feature is None:
            raise RecordError("no_stream", f"no features.{source}", hint=MADE)
        vector = _vector(context.store, feature, source, pooling)
        kept = {k: v for k, v in feature.items() if k not in ("array", "vector")}
        is_inline = inline and vector.ndim == 1
        place = {"vector": vector} if is_inline else {"array": context.store.put_array(vector)}
        pooled = kept | {"pooling": pooling, "dim": vector.shape[-1]} | place
        record["features"] = {**record["features"], name: pooled}
        return record

    return pipeline.each(pool, name="encode", wanted=lambda record: _wanted(record, source, name))


def _wanted(record: Record, source: str, name: str) -> bool:
    """Say whether a record lacks the new stream, and has the source or no excuse for it."""
    there = record.get("features") or {}
    return name not in there and (source in there or not record.get("missing"))


def _vector(store: Store, feature: Record, source: str, pooling: str) -> Any:
    """Return the vector, or frames/N, that an encoder would have given with this pooling."""
    shape = (feature.get("array") or {}).get("shape", ())
    if len(shape) != 2:
        raise RecordError("no_frames", f"features.{source} has no time axis", hint=MADE)
    import torch

    from emocli.encoders import pooling as pooled

    layer = feature.get("layer")
    layers = len(layer) if isinstance(layer, list) else 1
    frames = torch.tensor(store.array(feature["array"])).reshape(shape[0], layers, -1)
    pieces = pooled.pieces(pooling)
    pieces.add(frames.transpose(0, 1))
    return pieces.result(pooling)
