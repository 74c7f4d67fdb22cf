"""The folders of pretrained models on disk: find, fill and check them.

Files from a hub stay in the Hugging Face cache, so that other tools share them; other files lie in
$XDG_CACHE_HOME/emocli/models/NAME. There too, for both kinds, `manifest.json` holds the source of
the model and the size and sha256 of each file. There are no locks, which do nothing on many shared
file systems: a folder is filled under another name and renamed, so it is complete or absent.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emocli.errors import ModelError
from emocli.io import folders
from emocli.io.folders import cache_home

MANIFEST = "manifest.json"
STALE_SECONDS = 86_400  # an unfinished folder of this age is abandoned (our choice)


@dataclass(frozen=True)
class Installed:
    """An installed model; `files` holds the known facts of each file: its size, its sha256."""

    name: str
    folder: Path
    source: str  # hub:COMMIT, wheel:NAME==VERSION or npm:NAME@VERSION
    files: dict[str, dict[str, Any]]

    @property
    def complete(self) -> bool:
        """Whether every file is there with its size; by `stat`, without reading files."""
        try:
            sizes = {name: (self.folder / name).stat().st_size for name in self.files}
        except OSError:
            return False
        return all(
            facts.get("size", sizes[name]) == sizes[name] for name, facts in self.files.items()
        )


def home() -> Path:
    """Return the folder of models and manifests."""
    return cache_home() / "models"


def hub_cache() -> Path:
    """Return the folder of the Hugging Face cache, the same as `huggingface_hub` uses."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or folders.home() / ".cache"
    return Path(os.environ.get("HF_HOME") or Path(cache) / "huggingface").expanduser() / "hub"


def folder_of(name: str) -> Path:
    """Return the folder of a model's manifest, whether or not it exists."""
    return home() / name.replace("/", "--")


def names() -> list[str]:
    """Return the names of all models that have a manifest."""
    names = []
    for path in home().glob(f"[!.]*/{MANIFEST}"):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
            names.append(str(json.loads(path.read_text(encoding="utf-8"))["name"]))
    return names


def recorded(name: str) -> Installed | None:
    """Return the model of a manifest, whether or not its files still exist."""
    try:
        manifest = json.loads((folder_of(name) / MANIFEST).read_text(encoding="utf-8"))
        snapshot = manifest.get("snapshot")
        folder = hub_cache() / snapshot if snapshot else folder_of(name)
        source, files = str(manifest["source"]), manifest["files"]
        if not all(isinstance(facts, dict) for facts in files.values()):
            return None
        return Installed(name, folder, source, files)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):  # it may well be there
            raise
        return None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def in_hub_cache(name: str, source: dict[str, Any]) -> Installed | None:
    """Return a model that any program put into the Hugging Face cache, if it is complete."""
    repository = hub_cache() / f"models--{source['hub'].replace('/', '--')}"
    commit = source["revision"]
    with contextlib.suppress(OSError):
        commit = (repository / "refs" / commit).read_text().strip()
    folder = repository / "snapshots" / commit
    names = source.get("files") or _needed(folder)
    expected = source.get("sha256", {})
    files = {f: {"sha256": expected[f]} if f in expected else {} for f in names}
    model = Installed(name, folder, f"hub:{commit}", files)
    return model if files and model.complete else None


def _needed(folder: Path) -> list[str]:
    """Return the files a snapshot needs; [] if it has no weights in a supported format."""
    errors = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
    with contextlib.suppress(*errors):
        index = json.loads((folder / "model.safetensors.index.json").read_text())
        return ["config.json", *sorted(set(map(str, index["weight_map"].values())))]
    weights = [f for f in ("model.safetensors", "model.bin") if (folder / f).is_file()]
    return ["config.json", *weights] if weights else []


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check(folder: Path, expected: dict[str, str]) -> None:
    """Raise ModelError unless every file in `expected` exists with that sha256."""
    for name, sha256 in expected.items():
        path = folder / name
        actual = digest(path) if path.is_file() else "missing"
        if actual != sha256:
            raise ModelError(f"{name}: sha256 is {actual}, expected {sha256}")


@contextlib.contextmanager
def staging(name: str) -> Iterator[Path]:
    """Yield an empty folder beside the folder of the model; delete what is left in it."""
    folder = home() / f".{folder_of(name).name}.{secrets.token_hex(4)}.part"
    try:
        folder.mkdir(parents=True)
    except OSError as problem:
        raise ModelError(
            f"cannot write to the model cache {home()}: {problem.strerror}",
            hint="EMOCLI_CACHE_DIR names another folder",
        ) from problem
    try:
        _sweep()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Delete folders that interrupted pulls left long ago."""
    for leftover in home().glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)


def install(name: str, folder: Path, source: str, files: Iterable[str], origin: Path) -> None:
    """Make a staged folder the model: write its manifest and rename it.

    `origin` is where the files are: the staged folder itself, or one in the Hugging Face cache. If
    another process installed the same model first, its copy stays; a broken or another model is
    replaced.
    """
    facts = {
        file: {"size": (origin / file).stat().st_size, "sha256": digest(origin / file)}
        for file in sorted(files)
    }
    manifest: dict[str, Any] = {"name": name, "source": source, "files": facts}
    if origin != folder:
        manifest["snapshot"] = str(origin.relative_to(hub_cache()))
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    while not _renamed(folder, folder_of(name)):
        current = recorded(name)
        if current and current.source == source and current.files == facts and _is_whole(current):
            return
        _discard(folder_of(name))


def _is_whole(model: Installed) -> bool:
    """Return whether the files of a model have the content that its manifest states."""
    try:
        digests = {file: digest(model.folder / file) for file in model.files}
    except OSError:
        return False
    return all(facts["sha256"] == digests[file] for file, facts in model.files.items())


def _renamed(folder: Path, target: Path) -> bool:
    try:
        folder.rename(target)
    except OSError:
        if not target.exists() or not folder.exists():
            raise
        return False
    return True


def _discard(folder: Path) -> None:
    """Rename a folder, so that it is gone at once, then delete it."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(aside)
    if aside.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def remove(model: Installed) -> None:
    """Delete a model; of a repository in the Hugging Face cache, only this commit."""
    try:
        _discard(folder_of(model.name))
        if model.folder.is_relative_to(hub_cache()):
            from huggingface_hub import scan_cache_dir

            scan_cache_dir(hub_cache()).delete_revisions(model.folder.name).execute()
    except OSError as problem:
        raise ModelError(f"cannot remove {model.name}: {problem.strerror}") from problem
