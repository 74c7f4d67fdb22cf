"""What the catalog says of a source of a model: its kind, its revision, its digests."""

from __future__ import annotations

from typing import Any

Source = dict[str, Any]

KINDS = ("hub", "wheel", "npm")


def kind(source: Source) -> str:
    """Return hub, wheel or npm; what is made of another model counts as a wheel."""
    return "hub" if "hub" in source else "npm" if "npm" in source else "wheel"


def revision(source: Source) -> str:
    """Return what a manifest says of a source."""
    if "hub" in source:
        return f"hub:{source['revision']}"
    archives = source.get("npm") or source.get("wheels") or ()
    return f"{kind(source)}:" + "+".join(archives)


def digests(source: Source) -> dict[str, str]:
    """Return the sha256 of a model's files, as far as a source states them.

    Of one that is converted: of the results, not of what came out of the archives.
    """
    unpacked = source.get("from", {}) if "convert" in source else {}
    return {f: sha256 for f, sha256 in source.get("sha256", {}).items() if f not in unpacked}


def digests_before(source: Source) -> dict[str, str]:
    """Return the sha256 of what comes out of the archives and is converted afterwards."""
    return {f: sha256 for f, sha256 in source["sha256"].items() if f in source["from"]}


def differing(choices: list[Source], origin: str, found: dict[str, str]) -> list[str]:
    """Return the files whose sha256 is not the one that the sources of a model state.

    `origin` is the source that a manifest names; if it is none of them, the one that fits best
    counts. [] where a source states no digests.
    """
    named = [choice for choice in choices if revision(choice) == origin]
    if not named and not all("sha256" in choice for choice in choices):
        return []
    wrong = [
        [file for file, sha256 in digests(choice).items() if found.get(file) != sha256]
        for choice in named or choices
    ]
    return min(wrong, key=len, default=[])
