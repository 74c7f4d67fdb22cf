"""Features of EEG relative to the recording that they are of: z-scores over all of its windows.

`emocli normalize --by speaker` takes all records of a subject, without labels. Where a recording is
all there is of a subject, as in `predict recording.edf`, its own windows take their place; the
feature says so: `normalized` is "recording".
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emocli import records
from emocli.encoders import Encoded, Encoder
from emocli.errors import RecordError
from emocli.modalities import eeg_recording
from emocli.records import Record

if TYPE_CHECKING:
    import numpy as np

    from emocli.signals.z_scores import Moments

PIECE_S = 600.0  # of a recording that is in memory at a time: 30 MB of 62 channels at 200 Hz
KEPT = 8  # recordings whose moments are remembered

_MOMENTS: OrderedDict[tuple[Any, ...], Moments] = OrderedDict()


def relative(record: Record, spec: Record, encoder: Encoder, encoded: Encoded) -> Encoded:
    """Return frames (windows, dim) as z-scores by the recording that they are of.

    Raises RecordError where the recording is not there, or the record is of a file of arrays, which
    holds a trial each.
    """
    from emocli.signals.z_scores import z_scores

    moments = _moments(record, spec, encoder, encoded.values)
    return encoded._replace(values=z_scores(encoded.values, moments))


def _moments(record: Record, spec: Record, encoder: Encoder, encoded: np.ndarray) -> Moments:
    from emocli.signals.z_scores import moments

    about = eeg_recording.about_of(record)
    if "variable" in about:  # extracted or not
        message = "an array of a single trial says nothing of its subject's other trials"
        raise RecordError("no_recording", message, hint="emocli normalize --by speaker")
    if "path" in about and not (record.get("start") or record.get("end")):
        return moments([encoded])  # the whole recording is here
    path = records.path_of(record)
    try:
        status = os.stat(path)  # noqa: PTH116 - may not be UTF-8
    except OSError as error:
        raise RecordError("not_found", f"the file cannot be read: {error.strerror}") from None
    key = (path, status.st_mtime_ns, status.st_size, repr(spec), repr(_source(record)))
    if key not in _MOMENTS:
        _MOMENTS[key] = moments(_frames(record, spec, encoder))
        while len(_MOMENTS) > KEPT:
            _MOMENTS.popitem(last=False)
    return _MOMENTS[key]


def _frames(record: Record, spec: Record, encoder: Encoder) -> Iterator[np.ndarray]:
    """Yield the frames of the whole recording; at least one window of it can be used."""
    whole = {"path": record["path"], "eeg": _source(record)}
    wanted = eeg_recording.preparation(spec)
    seconds = eeg_recording.opened(record).duration
    count = max(1, round(seconds / PIECE_S))
    problem: RecordError | None = None
    any_good = False
    for piece in range(count):
        start, end = seconds * piece / count, seconds * (piece + 1) / count
        try:
            cleaned = eeg_recording.clean({**whole, "start": start, "end": end}, wanted)
            yield encoder([cleaned.eeg])[0].values
            any_good = True
        except RecordError as error:  # of ten minutes in which no window is good
            problem = error
    if not any_good and problem is not None:
        raise problem


def _source(record: Record) -> Record:
    """Return what a record says of its file: which channels are bad, in which unit it is."""
    about = eeg_recording.about_of(record)
    return {key: about[key] for key in ("bad", "unit") if key in about}
