"""How a failure is noted on its record, and which failures end the run."""

from __future__ import annotations

from emocli.errors import AbsentError, EmocliError, OutOfMemoryError, RecordError, lack_of_memory
from emocli.records import validation
from emocli.records.missing import lose
from emocli.records.modality import others
from emocli.records.problems import Failure as Failure
from emocli.records.problems import described
from emocli.records.types import Record

# Codes of what is wrong with a file as a whole: neither its sound nor its picture can be read.
OF_FILES = {"bad_path", "bad_span", "not_found", "not_readable"}
OF_FILES |= {"is_a_directory", "empty_file", "not_media"}


class _Debug:
    """Whether --debug is on: an unexpected error is then raised where it happens."""

    on = False


_DEBUG = _Debug()


def debug(on: bool) -> None:
    """Let unexpected errors end the run, with their traceback, instead of marking the record."""
    _DEBUG.on = on


def problem(stage: str, error: Exception) -> dict[str, str]:
    """Return the problem that a record carries about an error: stage, code, message, hint."""
    if lacking := lack_of_memory(error):
        hint = "a smaller --batch-size, a shorter recording, or --device cpu"
        message = str(lacking)[:300] or type(lacking).__name__
        return {"stage": stage, "code": "out_of_memory", "message": message, "hint": hint}
    if isinstance(error, RecordError):
        return described(stage, error)
    message = f"{type(error).__name__}: {error}"[:300]
    return {"stage": stage, "code": "unexpected", "message": message, "hint": "--debug shows where"}


def mark(record: Record, error: Exception, *, stage: str, modality: str | None = None) -> Record:
    """Note a failure: in `missing` if the record can go on without the modality, else as `error`.

    A film goes on with its picture if its sound is broken, but not if there is no such file. An
    AbsentError is noted in `missing` and does not count as a failure. An unexpected error is
    explained by a field of a wrong type, if the record has one.
    """
    error = _explained(record, error)
    modality = getattr(error, "modality", None) or modality
    if isinstance(error, AbsentError) and modality:
        lose(record, dict(problem(stage, error)), modality, getattr(error, "only_stream", None))
        return record
    failure = Failure(problem(stage, error))
    stream = getattr(error, "stream", None)
    go_on = getattr(error, "others_can_go_on", False)
    of_file = getattr(error, "of_file", False) or getattr(error, "code", None) in OF_FILES
    if modality and (go_on or others(record, modality, stream, in_files=not of_file)):
        lose(record, failure, modality, stream)
    else:
        record["error"] = failure
    return record


def _explained(record: Record, error: Exception) -> Exception:
    """Return the error of the record's first field of a wrong type, if that may be the cause."""
    if isinstance(error, EmocliError) or out_of_memory(error):
        return error
    return validation.fault(record) or error


def of(record: Record) -> list[Failure]:
    """Return the problems that this run added to a record."""
    missing = record.get("missing")
    problems = [record.get("error"), *(missing.values() if isinstance(missing, dict) else ())]
    return [p for p in problems if isinstance(p, Failure)]


def without_frames(error: RecordError) -> RecordError:
    """Return an error that is kept among results, without the frames it was raised in.

    They hold the batch and the model, and the batch's results hold the error: a cycle that keeps
    the model in memory until Python collects garbage.
    """
    error.__context__ = None
    return error.with_traceback(None)


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that a batch did not fit into memory, on any device."""
    return lack_of_memory(error) is not None


def fatal(error: BaseException) -> bool:
    """Return whether an error ends the run, instead of failing one record."""
    if isinstance(error, RecordError):
        return False
    return _DEBUG.on or (isinstance(error, EmocliError) and not isinstance(error, OutOfMemoryError))
