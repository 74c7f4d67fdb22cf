"""A part of the records, for one task of many; by dialogue, so that contexts stay complete."""

from __future__ import annotations

import os
from typing import Any

from emocli.errors import UsageError

SLURM = "slurm"
FIRST = (0, 1)  # how arrays are numbered: from one of these
HINT = "--shard slurm/N says how many shards there are, and is right for resubmitted tasks too"


def in_shard(record: dict[str, Any], index: int, count: int) -> bool:
    """Return whether a record belongs to shard `index` of `count`, counted from 1.

    By a stable hash of `dialogue`, else of `id`: a dialogue stays together, and a record stays in
    its shard when other records are added or removed.
    """
    import hashlib  # 3 ms, which no help page needs

    key = record.get("dialogue")
    key = record.get("id") if key is None else key
    digest = hashlib.blake2b(repr(key).encode("utf-8", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count == index - 1


def shard(spec: str | None) -> tuple[int, int] | None:
    """Return (index, count) of "I/N", of "slurm/N" (the number of the task, from 1), or of "slurm".

    "slurm" takes the size of the array for N, and raises UsageError where that cannot be right: for
    the resubmission of some tasks, Slurm tells the size of the new array.
    """
    if spec is None:
        return None
    index, _, count = spec.partition("/")
    if index == SLURM:
        return _slurm_of(spec, count) if count else _slurm()
    if not (_is_number(index) and _is_number(count)):
        raise UsageError(f"--shard {spec}: expected I/N, such as 2/8, or slurm/N")
    return _checked(spec, int(index), int(count))


def _checked(spec: str, index: int, count: int, hint: str = "") -> tuple[int, int]:
    if not 1 <= index <= count:
        raise UsageError(f"--shard {spec}: I must be from 1 to N", hint=hint)
    return index, count


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _slurm_of(spec: str, count: str) -> tuple[int, int]:
    if not _is_number(count):
        raise UsageError(f"--shard {spec}: expected slurm/N, such as slurm/8")
    task = _variable("ID")
    hint = f"SLURM_ARRAY_TASK_ID is {task}; sbatch --array=1-{count} numbers the tasks from 1"
    return _checked(spec, task, int(count), hint)


def _slurm() -> tuple[int, int]:
    """Return the shard of a task of a whole array; UsageError for a part of an array."""
    task, first, last, count = (_variable(name) for name in ("ID", "MIN", "MAX", "COUNT"))
    step = _variable("STEP", 1)
    if count == 1 or first not in FIRST or (last - first) // step + 1 != count:
        what = f"tasks from {first} to {last}, {count} in all"
        raise UsageError(f"--shard slurm: the array ({what}) may be a part of another", hint=HINT)
    return (task - first) // step + 1, count


def _variable(name: str, default: int | None = None) -> int:
    """Return the value of a variable that Slurm sets for the task of an array."""
    variable = f"SLURM_ARRAY_TASK_{name}"
    value = os.environ.get(variable, "")
    if not value and default is not None:
        return default
    if not _is_number(value):
        raise UsageError(
            f"--shard slurm: {variable} is {value or 'not set'}", hint="sbatch --array"
        )
    return int(value)
