"""The two spellings of a name: é is one character (NFC), or e and an accent (NFD, as on a Mac)."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def spellings(name: str) -> list[str]:
    r"""Return a name as it is, composed, and decomposed; one if these are the same.

    >>> [len(spelling) for spelling in spellings("caf\u00e9")], spellings("cafe")
    ([4, 5], ['cafe'])
    """
    if name.isascii():
        return [name]
    forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return list(dict.fromkeys((name, *forms)))


def on_disk(path: str) -> str:
    """Return a path as the disk spells it; the path itself where no spelling is there."""
    if path.isascii() or "\0" in path or os.path.lexists(path):
        return path
    anchor = Path(path).anchor
    found = Path(anchor)
    for part in Path(path).parts[bool(anchor) :]:
        there = (found / form for form in spellings(part))
        known = next((place for place in there if os.path.lexists(place)), None)
        if known is None:
            return path
        found = known
    return str(found)
