"""The problem that a record carries in `error` or `missing`."""

from __future__ import annotations

from typing import Any

from emocli.errors import RecordError


class Failure(dict[str, Any]):
    """A problem of this run; problems that came with the input are plain dicts."""


def described(stage: str, error: RecordError) -> Failure:
    """Return the problem that an error is: its stage, code, message and hint."""
    return Failure(stage=stage, code=error.code, message=error.message, hint=error.hint)


def failed_before(record: dict[str, Any]) -> bool:
    """Return whether a record came with an error; RecordError if it was broken when it was read."""
    error = record.get("error")
    if isinstance(error, Failure):
        raise RecordError(error["code"], error["message"], hint=error["hint"])
    return bool(error)
