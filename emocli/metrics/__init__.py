"""Metrics: pure numpy, arrays in, numbers out.

A file's `__all__` lists its metrics, which `names` returns and the tests cover. A metric that
is undefined (no record, no class) is NaN here and null in records. The other public functions are
the counts behind the metrics: additive, so that a bootstrap resamples sums, not records.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def names() -> list[str]:
    """Return every metric as "file.function"."""
    files = sorted(module.name for module in iter_modules(__path__))
    modules = {name: import_module(f"{__name__}.{name}") for name in files}
    return [f"{f}.{name}" for f, m in modules.items() for name in getattr(m, "__all__", ())]


def load(name: str) -> Callable[..., Any]:
    """Return a metric by its name ("classification.uar")."""
    file, function = name.split(".")
    metric: Callable[..., Any] = getattr(import_module(f"{__name__}.{file}"), function)
    return metric
