"""A file of norms that is damaged ends the run once, and what is accepted can be used."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emocli.errors import ConfigError
from emocli.stages.prosody import levels


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every table, and of the first entries of each."""
    if path:
        yield path
    for key in [*value][: 3 if path else None] if isinstance(value, dict) else ():
        yield from places(value[key], (*path, key))


# The tables that levels are read from.
USED = ("corpus", "edges", "registers_hz", "speakers", "vowel_types")


@pytest.mark.parametrize("wrong", ["x", 3, [1], None, {"a": 1}, [None], float("inf")])
def test_damaged_norms_end_the_run_once(wrong: Any, tmp_path: Path) -> None:
    shipped = json.loads(levels.SHIPPED.read_text(encoding="utf-8"))
    spoken = {"reference_hz": 120.0, "utterance": shipped["corpus"]["utterance"]}
    shipped["speakers"] = {"a": spoken}
    refused = 0
    for path in (p for p in places(shipped) if p[0] in USED):
        content = copy.deepcopy(shipped)
        inner = content
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = wrong
        file = tmp_path / f"{hash(path)}.json"
        file.write_text(json.dumps(content))
        try:
            source = levels.load(file)
        except ConfigError:
            refused += 1
            continue
        # What is left of it can be used.
        measures = {"f0_median_hz": 120.0, "duration": 1.0, "f0_mean_hz": 120.0}
        source.norms.utterance(measures, "a")
        source.norms.vowel({"f0_mean_hz": 120.0, "phone": "a"}, measures, "a", "en")
    assert refused >= len(USED)
