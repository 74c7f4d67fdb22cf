"""The inputs of a model: the streams of a record as arrays; `missing` notes those left out.

A stream is one vector (dim,) or, where its pooling is "frames", a sequence (time, dim) in the
store. A broken stream is masked, never passed on as zeros: a vector that contains NaN or infinity,
a sequence without a finite frame, another shape, a file that is not in the store. In a sequence,
the frames that are not finite are masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emocli import records
from emocli.bundles import bundle, refusals, specs
from emocli.errors import ConfigError, RecordError
from emocli.io import features
from emocli.io.store import Store
from emocli.records import Record, failures
from emocli.records.missing import lose, lost

if TYPE_CHECKING:
    import numpy as np

Spec = tuple[str, Record]  # the name of a stream, and its spec

PREPARED = "without eeg and features in the record it is prepared as for the model"
HINT = "encode without --encoder makes the streams of the model"


@dataclass
class ModelInputs:
    """The usable streams of a record: values (dim,) or (time, dim), and masks (time,)."""

    values: dict[str, np.ndarray] = field(default_factory=dict)
    masks: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def masked_frames(self) -> dict[str, int]:
        """The number of masked frames of each stream that has some."""
        counts = {name: int(len(mask) - mask.sum()) for name, mask in self.masks.items()}
        return {name: count for name, count in counts.items() if count}


def of_record(record: Record, trained: bundle.Bundle, timed: bool, store: Store) -> ModelInputs:
    """Return the usable streams of a record; note the others in `missing`, with the reason.

    `timed` says whether the model takes sequences. Raises ConfigError if a feature differs from
    the one that the model was trained on.
    """
    inputs = ModelInputs()
    streams = features.checked(record)
    for name, spec in trained.used.items():
        if name not in streams:
            _note_absent(record, name, spec["modality"])
        elif (reason := refusals.reason(record, spec, trained.contents)) is not None:
            lose(record, {"stage": "fuse", **reason}, spec["modality"])
        else:
            try:
                _take(inputs, record, (name, spec), timed, store)
            except RecordError as error:
                problem = failures.Failure(failures.problem("fuse", error))
                lose(record, problem, spec["modality"], name)
    return inputs


def _note_absent(record: Record, name: str, modality: str) -> None:
    if lost(record, modality, name) is None:
        message = f"no features.{name}"
        note = {"stage": "fuse", "code": "absent", "message": message, "hint": ""}
        lose(record, note, modality, name)


def _take(inputs: ModelInputs, record: Record, stream: Spec, timed: bool, store: Store) -> None:
    """Add a stream to the inputs; raise RecordError if it is broken."""
    name, spec = stream
    feature = features.of(record)[name]
    if isinstance(feature, dict) and (problem := specs.mismatch(spec, feature)):
        features.described(record, name)
        by = spec.get("normalized")
        hint = f"emocli normalize --by {by}" if by and problem.startswith("normalized") else HINT
        hint = PREPARED if problem.startswith("prepared") else hint
        raise _unfit(record, name, problem, hint)
    loaded = features.read(record, name, store, spec["dim"])
    if loaded.timed and not timed:
        hint = "encode --pooling mean"
        raise _unfit(record, name, "is a sequence, and the model takes vectors", hint)
    if loaded.values.ndim not in _axes(spec):
        expected = f"time, {spec['dim']}" if specs.timed(spec) else f"{spec['dim']},"
        message = f"features.{name} has the shape {loaded.values.shape}, not ({expected})"
        raise RecordError("bad_shape", message, hint=features.HINT)
    inputs.values[name] = loaded.values
    if loaded.timed:
        inputs.masks[name] = loaded.finite


def _unfit(record: Record, name: str, problem: str, hint: str) -> ConfigError:
    return ConfigError(f"{records.name_of(record)}: features.{name}: {problem}", hint=hint)


def _axes(spec: Record) -> tuple[int, ...]:
    """Return the allowed numbers of axes of a stream; a pooling of null matches any."""
    if specs.timed(spec):
        return (2,)
    return (1, 2) if spec.get("pooling") is None else (1,)


def tensors(trained: bundle.Bundle, inputs: Sequence[ModelInputs], device: str) -> Any:
    """Return streams (batch, dim) or (batch, time, dim), padded, and their masks, by name."""
    import torch

    streams, masks = {}, {}
    for name, spec in trained.streams.items():
        values, mask = _padded(name, spec, inputs)
        streams[name] = torch.from_numpy(values).to(device)
        masks[name] = torch.from_numpy(mask).to(device)
    return streams, masks


def _padded(name: str, spec: Record, inputs: Sequence[ModelInputs]) -> Any:
    """Return a stream's values and mask as arrays; masked values are zero."""
    import numpy as np

    rows = [item.values.get(name) for item in inputs]
    lengths = [len(row) for row in rows if row is not None and row.ndim == 2]
    if not lengths and not specs.timed(spec):
        zeros = np.zeros(spec["dim"], np.float32)
        return np.stack([zeros if row is None else row for row in rows]), np.array(
            [row is not None for row in rows]
        )
    values = np.zeros((len(rows), max(lengths, default=1), spec["dim"]), np.float32)
    mask = np.zeros(values.shape[:2], np.bool_)
    for i, row in enumerate(rows):
        if row is not None:
            frames = row if row.ndim == 2 else row[None]
            values[i, : len(frames)] = frames
            mask[i, : len(frames)] = inputs[i].masks.get(name, True)
    return np.where(mask[..., None], values, np.float32(0)), mask
