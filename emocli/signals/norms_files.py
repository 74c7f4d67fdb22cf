"""What the tables in a file of norms have to be: by unit, quantity and speaker, numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from emocli.signals.prosody_norms import ANY, LEVELS

UNITS = ("utterance", "vowel")
SPREAD = ("mean", "sd", "count")


def fault(content: dict[str, Any]) -> str | None:
    """Return the place of the first value that is not what norms have there; None if all is well.

    A table that is missing, or of another type, raises KeyError, TypeError or AttributeError.
    """
    return next(_faults(content), None)


def _faults(content: dict[str, Any]) -> Iterator[str]:
    registers = content["registers_hz"]
    if type(registers) is not list or not all(_is_number(hertz, above=0) for hertz in registers):
        yield "registers_hz"
    for unit in UNITS:
        yield from _spreads(content["corpus"][unit], f"corpus.{unit}")
        for name, edges in content["edges"][unit].items():
            if not _are_edges(edges):
                yield f"edges.{unit}.{name}"
    for speaker, known in content["speakers"].items():
        if not _is_number(known["reference_hz"], above=0):
            yield f"speakers.{speaker}.reference_hz"
        for unit in UNITS:
            yield from _spreads(known.get(unit, {}), f"speakers.{speaker}.{unit}")
    for language, phones in {ANY: content["vowel_types"][ANY], **content["vowel_types"]}.items():
        phones[ANY].items()
        for phone, table in phones.items():
            yield from _spreads(table, f"vowel_types.{language}.{phone}")


def _spreads(table: dict[str, Any], where: str) -> Iterator[str]:
    for name, entry in table.items():
        if entry and not all(_is_number(entry[key]) for key in SPREAD):
            yield f"{where}.{name}"


def _are_edges(edges: Any) -> bool:
    """Return whether a value has a number between each two levels, in rising order."""
    if type(edges) is not list or not all(map(_is_number, edges)):
        return False
    return len(edges) == len(LEVELS) - 1 and edges == sorted(edges)


def _is_number(value: Any, above: float = -math.inf) -> bool:
    return type(value) in (int, float) and above < value < math.inf
