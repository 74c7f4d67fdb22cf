"""How a failure is noted on its record, and which failures end the run."""

from __future__ import annotations

from typing import Any

from emocli.errors import EmocliError, OutOfMemoryError, RecordError

Record = dict[str, Any]


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
    if modality and (_others(record, modality) or getattr(error, "others_can_go_on", False)):
        record["missing"] = {**(record.get("missing") or {}), modality: failure}
    else:
        record["error"] = failure
    return record


def _others(record: Record, modality: str) -> bool:
    """Say whether a record has material of another modality that is still to be had."""
    missing = record.get("missing") or {}
    features = record.get("features")
    if isinstance(features, dict) and any(
        isinstance(f, dict) and f.get("modality") not in (modality, None) for f in features.values()
    ):
        return True
    if modality != "text" and record.get("text"):
        return True
    return (
        modality != "audio"
        and "audio" not in missing
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
