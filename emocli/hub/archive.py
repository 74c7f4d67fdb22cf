"""Models in one file, for machines without a network: a tar of folders and manifests."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from emocli import hub
from emocli.errors import ModelError
from emocli.hub import cache, fetch
from emocli.hub.cache import MANIFEST, Installed, check, digest

MOST_FILES = 2000
DEEPEST = 16  # folders
LARGEST_MANIFEST = 1 << 24  # bytes
KINDS = (*fetch.PATTERNS, "*.gguf", "*.task")  # *.task: networks of TensorFlow Lite


def write(names: Iterable[str], stream: BinaryIO) -> None:
    """Write models as a tar; raise ModelError if one is not installed or has changed on disk."""
    models = [hub.installed(name) for name in names]
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        for model in models:
            _add(archive, model)


def _add(archive: tarfile.TarFile, model: Installed) -> None:
    folder = cache.folder_of(model.name).name
    hub.verify(model.name)
    files = {
        file: {"sha256": facts.get("sha256") or digest(model.folder / file)}
        for file, facts in model.files.items()
    }
    manifest = json.dumps({"name": model.name, "source": model.source, "files": files}).encode()
    _member(archive, f"{folder}/{MANIFEST}", len(manifest), io.BytesIO(manifest))
    for file in files:
        path = model.folder / file
        with path.open("rb") as content:
            _member(archive, f"{folder}/{file}", path.stat().st_size, content)


def _member(archive: tarfile.TarFile, name: str, size: int, content: Any) -> None:
    """Add a file without owner, time or mode of the original."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, content)


def read(stream: BinaryIO) -> list[str]:
    """Install every model of an archive; return their names.

    Raises ModelError, installing nothing more, if the archive is truncated, a file does not match
    the manifest, or a member is a link, lies outside the archive, or is not a file of a model.
    """
    with cache.staging("import") as folder:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for count, member in enumerate(archive, 1):
                    if count > MOST_FILES:
                        raise ModelError(f"the archive has more than {MOST_FILES} files")
                    _extract(archive, member, folder)
        except (tarfile.TarError, EOFError, ValueError, ArithmeticError, RecursionError) as problem:
            # ValueError and ArithmeticError: numbers and names of headers that are none
            raise ModelError(f"not a complete archive of models: {problem}") from problem
        except OSError as problem:
            raise ModelError(
                f"cannot unpack the archive: {problem.strerror or problem}"
            ) from problem
        names = [_install(inner) for inner in sorted(folder.iterdir())]
    if not names:
        raise ModelError("the archive contains no model")
    return names


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = PurePosixPath(member.name)
    inside = not path.is_absolute() and ".." not in path.parts and 1 < len(path.parts) < DEEPEST
    is_plain = member.isfile() and not member.issparse()  # a sparse file may be of any size
    content = archive.extractfile(member) if is_plain and inside else None
    if content is None or not any(path.match(kind) for kind in KINDS):
        raise ModelError(f"{member.name!r} is not allowed in an archive of models")
    if member.size > (free := shutil.disk_usage(folder).free):
        raise ModelError(f"{member.name!r} has {member.size} bytes, there is room for {free}")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        shutil.copyfileobj(content, out, 1 << 20)


def _install(folder: Path) -> str:
    try:
        if (folder / MANIFEST).stat().st_size > LARGEST_MANIFEST:
            raise ValueError(f"it is larger than {LARGEST_MANIFEST} bytes")
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        name, source = str(manifest["name"]), str(manifest["source"])
        expected = {str(file): str(facts["sha256"]) for file, facts in manifest["files"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise ModelError(f"{folder.name} has no manifest: {problem}") from problem
    hub.sources(name)  # raises for a name that no model can have
    files = set(fetch.matching(folder, ["*"])) - {MANIFEST}
    if cache.folder_of(name).name != folder.name or files != set(expected):
        raise ModelError(f"{folder.name}: the files do not match the manifest")
    check(folder, expected)
    if wrong := hub.differing(name, source, expected):
        message = f"{folder.name}: {', '.join(wrong)} is not the file that the catalog knows"
        raise ModelError(message, hint=f"emocli models pull {name} gets it from its source")
    cache.install(name, folder, source, files, folder)
    return name
