"""How a failure is noted on its record, and which failures end the run."""

from __future__ import annotations

from typing import Any

from emocli.errors import EmocliError, OutOfMemoryError, RecordError
from emocli.records.types import Record


class Failure(dict[str, Any]):
    """A problem found in this very run; those that came with the input are plain dicts."""


class _Debug:
    """With --debug an unexpected error is raised where it happens."""

    on = False


_DEBUG = _Debug()


def debug(on: bool) -> None:
    """Let unexpected errors end the run, with their traceback, instead of marking the record."""
    _DEBUG.on = on


def problem(stage: str, error: Exception) -> dict[str, str]:
    """Return what a record carries about an error."""
    if isinstance(error, RecordError):
        return {
            "stage": stage,
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
        }
    if out_of_memory(error):
        hint = "a smaller --batch-size, a shorter recording, or --device cpu"
        return {"stage": stage, "code": "out_of_memory", "message": str(error)[:300], "hint": hint}
    message = f"{type(error).__name__}: {error}"[:300]
    return {"stage": stage, "code": "unexpected", "message": message, "hint": "--debug shows where"}


def mark(record: Record, error: Exception, *, stage: str, modality: str | None = None) -> Record:
    """Note a failure: in `missing` when another modality can go on, else as `error`."""
    failure = Failure(problem(stage, error))
    modality = getattr(error, "modality", None) or modality
    stream = getattr(error, "stream", None)
    go_on = getattr(error, "others_can_go_on", False)
    if modality and (go_on or _others(record, modality, stream)):
        lose(record, failure, modality, stream)
    else:
        record["error"] = failure
    return record


def lose(record: Record, note: Record, modality: str, stream: str | None = None) -> None:
    """Note in `missing` that a record is without a modality, or without one stream of it alone.

    The note of a single stream says `stream`: other streams of its modality are not concerned.
    """
    if stream:
        note["stream"] = stream
    record["missing"] = {**(record.get("missing") or {}), stream or modality: note}


def lost(record: Record, modality: str, stream: str | None = None) -> Any:
    """Return the note that says a record is without a modality, or this stream of it; or None."""
    missing = record.get("missing")
    if not isinstance(missing, dict):
        return None
    whole, own = missing.get(modality), missing.get(stream)
    if whole is not None and not (isinstance(whole, dict) and "stream" in whole):
        return whole
    return own if isinstance(own, dict) and stream and own.get("stream") == stream else None


def _others(record: Record, modality: str, stream: str | None = None) -> bool:
    """Say whether a record has other material that is still to be had."""
    features = record.get("features")
    if isinstance(features, dict) and any(
        isinstance(f, dict)
        and f.get("modality") is not None
        and (name != stream if stream else f["modality"] != modality)
        for name, f in features.items()
    ):
        return True
    if modality != "text" and record.get("text"):
        return True
    return (
        modality != "audio"
        and lost(record, "audio") is None
        and bool(record.get("audio") or record.get("path"))
    )


def of(record: Record) -> list[Failure]:
    """Return the problems that this run added to a record."""
    missing = record.get("missing")
    problems = [record.get("error"), *(missing.values() if isinstance(missing, dict) else ())]
    return [p for p in problems if isinstance(p, Failure)]


def out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that a batch did not fit, on whatever device."""
    return isinstance(error, MemoryError | OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "out of memory" in str(error).lower()
    )


def fatal(error: BaseException) -> bool:
    """Say whether an error ends the run rather than one record."""
    if isinstance(error, RecordError):
        return False
    return _DEBUG.on or (isinstance(error, EmocliError) and not out_of_memory(error))
