"""The folders of pretrained models on disk: finding one, filling one, checking one.

What comes from a hub stays in the Hugging Face cache, so that other tools share it; the rest lies
in $XDG_CACHE_HOME/emocli/models/NAME. There too, for either, `manifest.json` says where the model
came from and what size and sha256 each file has. There are no locks, which do nothing on many
shared file systems: a folder is filled under another name and renamed, so it is whole or absent.
"""

from __future__ import annotations

import contextlib
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
from emocli.io.store import cache_home

MANIFEST = "manifest.json"
STALE_SECONDS = 86_400  # an unfinished folder of this age belongs to no one (our choice)


@dataclass(frozen=True)
class Installed:
    """A model that is here; `files` holds what is known of each: its size, its sha256."""

    name: str
    folder: Path
    source: str  # hub:COMMIT or wheel:NAME==VERSION
    files: dict[str, dict[str, Any]]

    @property
    def whole(self) -> bool:
        """Whether every file is there in its size; a stat each, nothing is read."""
        try:
            sizes = {name: (self.folder / name).stat().st_size for name in self.files}
        except OSError:
            return False
        return all(
            known.get("size", sizes[name]) == sizes[name] for name, known in self.files.items()
        )


def home() -> Path:
    """Return the folder of models and manifests."""
    return cache_home() / "models"


def hub_cache() -> Path:
    """Return the Hugging Face cache, where `huggingface_hub` has it."""
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HF_HOME") or Path(cache) / "huggingface").expanduser() / "hub"


def folder_of(name: str) -> Path:
    """Return where a model's manifest lies, or would."""
    return home() / name.replace("/", "--")


def names() -> list[str]:
    """Return the names of all models that have a manifest."""
    found = []
    for path in home().glob(f"[!.]*/{MANIFEST}"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found.append(str(json.loads(path.read_text(encoding="utf-8"))["name"]))
    return found


def recorded(name: str) -> Installed | None:
    """Return what the manifest says is here, whether or not the files still are."""
    try:
        manifest = json.loads((folder_of(name) / MANIFEST).read_text(encoding="utf-8"))
        snapshot = manifest.get("snapshot")
        folder = hub_cache() / snapshot if snapshot else folder_of(name)
        return Installed(name, folder, manifest["source"], manifest["files"])
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def in_hub_cache(name: str, source: dict[str, Any]) -> Installed | None:
    """Return a model that any program has put into the Hugging Face cache, if it is complete."""
    repository = hub_cache() / f"models--{source['hub'].replace('/', '--')}"
    commit = source["revision"]
    with contextlib.suppress(OSError):
        commit = (repository / "refs" / commit).read_text().strip()
    folder = repository / "snapshots" / commit
    names = source.get("files") or _needed(folder)
    expected = source.get("sha256", {})
    files = {f: {"sha256": expected[f]} if f in expected else {} for f in names}
    found = Installed(name, folder, f"hub:{commit}", files)
    return found if files and found.whole else None


def _needed(folder: Path) -> list[str]:
    """Return what a snapshot cannot do without; [] if it has no weights of a kind that is read."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        index = json.loads((folder / "model.safetensors.index.json").read_text())
        return ["config.json", *sorted(set(index["weight_map"].values()))]
    weights = [f for f in ("model.safetensors", "model.bin") if (folder / f).is_file()]
    return ["config.json", *weights] if weights else []


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check(folder: Path, expected: dict[str, str]) -> None:
    """Raise ModelError unless every file in `expected` is there with that sha256."""
    for name, sha256 in expected.items():
        path = folder / name
        found = digest(path) if path.is_file() else "missing"
        if found != sha256:
            raise ModelError(f"{name}: sha256 is {found}, expected {sha256}")


@contextlib.contextmanager
def staging(name: str) -> Iterator[Path]:
    """Yield an empty folder next to where the model will be; whatever is left of it goes."""
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
    """Delete what interrupted pulls have left long ago."""
    for left in home().glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def install(name: str, folder: Path, source: str, files: Iterable[str], origin: Path) -> None:
    """Make a staged folder the model: write its manifest and rename it.

    `origin` is where the files are: the staged folder itself, or one in the Hugging Face cache. A
    process that was faster with the same model wins; a broken or another model is replaced.
    """
    known = {
        file: {"size": (origin / file).stat().st_size, "sha256": digest(origin / file)}
        for file in sorted(files)
    }
    manifest: dict[str, Any] = {"name": name, "source": source, "files": known}
    if origin != folder:
        manifest["snapshot"] = str(origin.relative_to(hub_cache()))
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    while not _renamed(folder, folder_of(name)):
        there = recorded(name)
        if there and there.source == source and there.whole:
            return
        _discard(folder_of(name))


def _renamed(folder: Path, target: Path) -> bool:
    try:
        folder.rename(target)
    except OSError:
        if not target.exists() or not folder.exists():
            raise
        return False
    return True


def _discard(folder: Path) -> None:
    """Take a folder away at once, then delete it at leisure."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(aside)
    if aside.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink(missing_ok=True)


def remove(model: Installed) -> None:
    """Delete a model; of a repository in the Hugging Face cache, this commit."""
    try:
        _discard(folder_of(model.name))
        if model.folder.is_relative_to(hub_cache()):
            from huggingface_hub import scan_cache_dir

            scan_cache_dir(hub_cache()).delete_revisions(model.folder.name).execute()
    except OSError as problem:
        raise ModelError(f"cannot remove {model.name}: {problem.strerror}") from problem
