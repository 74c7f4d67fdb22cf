"""The limits of `score --min` and `--max`: parse them, and check a metrics record."""

from __future__ import annotations

from collections.abc import Sequence

from emocli.errors import UsageError
from emocli.records import Record
from emocli.scoring import tasks
from emocli.scoring.columns import field
from emocli.scoring.options import ScoreOptions

Limit = tuple[str, str, float]  # the flag, the metric, the value

PER_CLASS = "per_class."


def parse(options: ScoreOptions) -> list[Limit]:
    """Return the limits; UsageError if one is not METRIC=X, or no task has the metric."""
    task = tasks.named(options.task)
    candidates = [task] if task else list(tasks.TASKS.values())
    names = list(dict.fromkeys(name for candidate in candidates for name in candidate.names))
    return [_limit(flag, spec, names) for flag, spec in options.limits]


def _limit(flag: str, spec: str, names: list[str]) -> Limit:
    """Return (flag, metric, value) of "uar=0.6" or "per_class.fear.recall=0.3"."""
    name, _, value = spec.partition("=")
    _check_name(flag, name, names)
    try:
        return flag, name, float(value)
    except ValueError:
        raise UsageError(f"--{flag} {spec}: not like {name}=0.6") from None


def check_names(options: ScoreOptions, task: tasks.Task) -> None:
    """Raise UsageError for a limit of a metric that the task does not have."""
    for flag, spec in options.limits:
        _check_name(flag, spec.partition("=")[0], task.names)


def _check_name(flag: str, name: str, names: Sequence[str]) -> None:
    if name not in names and not name.startswith(PER_CLASS):
        raise UsageError(f"--{flag}: unknown metric '{name}'", hint=", ".join(names))


def missed(row: Record, limit: Limit) -> str | None:
    """Return the message for a metric that misses its limit, as an undefined one does; or None."""
    flag, name, bound = limit
    value = field(row, name)
    if value is not None and (value >= bound if flag == "min" else value <= bound):
        return None
    group = f" ({', '.join(f'{k} {v}' for k, v in row['by'].items())})" if "by" in row else ""
    shown = "undefined" if value is None else f"{value:.4f}"
    return f"{name}{group} is {shown}, --{flag} is {bound:g}"
