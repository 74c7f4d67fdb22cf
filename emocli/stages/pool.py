"""Pool a stream whose frames are in the store: `emocli encode --from STREAM --as NAME`."""

from __future__ import annotations

from typing import Any

from emocli import pipeline
from emocli.errors import RecordError, UsageError
from emocli.io import features
from emocli.io.features import Stream
from emocli.pipeline.context import Context
from emocli.records import Record

HINT = "emocli encode --pooling frames makes one"  # a stream with a time axis


def stage(
    context: Context, source: str, name: str | None, pooling: str, inline: bool
) -> pipeline.Stage:
    """Return the stage that adds a stream `name`, pooled from the frames of the stream `source`."""
    if not name or name == source:
        raise UsageError("--from needs --as, the name of the pooled stream")

    def pool(record: Record) -> Record:
        feature = features.checked(record).get(source)
        if feature is None:
            raise RecordError("no_stream", f"no features.{source}", hint=HINT)
        try:
            stream = features.read(record, source, context.store)
        except RecordError as error:
            if isinstance(feature, dict):
                error.modality, error.stream = str(feature.get("modality")), name
            raise
        vector = _pooled(stream, _layers(feature), source, pooling)
        about = features.description(feature) | {"pooling": pooling, "dim": vector.shape[-1]}
        if stream.warning:
            about["warning"] = stream.warning
        pooled = features.with_values(about, vector, context.store, inline=inline)
        record["features"] = {**record["features"], name: pooled}
        return record

    return pipeline.each(pool, name="encode", wanted=lambda record: _wanted(record, source, name))


def _wanted(record: Record, source: str, name: str) -> bool:
    """Say whether a record lacks the new stream, and has the source or no note of its loss."""
    streams = features.of(record)
    return name not in streams and (source in streams or not record.get("missing"))


def _layers(feature: Record) -> int:
    """Return how many layers stand one after the other in a frame."""
    layer = feature.get("layer")
    return len(layer) if isinstance(layer, list) and "layer_weights" not in feature else 1


def _pooled(stream: Stream, layers: int, source: str, pooling: str) -> Any:
    """Return the vector, or frames/N, that an encoder would pool from the finite frames."""
    if not stream.timed:
        raise RecordError("no_frames", f"features.{source} has no time axis", hint=HINT)
    import torch

    from emocli.encoders import pooling as poolings

    values = stream.values[stream.finite] if stream.masked else stream.values
    frames = torch.tensor(values).reshape(len(values), layers, -1)
    pieces = poolings.pieces(pooling)
    pieces.add(frames.transpose(0, 1))
    return pieces.result(pooling)
