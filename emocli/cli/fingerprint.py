"""What decides the result of a run beside its records: flags, and the content that flags name.

A bundle, a norms file, an adapter or an annotator's script may change under the same path, and a
pretrained model under the same name. Any of these changes the resume key.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from emocli.cli.flags import INDIFFERENT
from emocli.errors import ModelError

WRITTEN = {"write_textgrid", "fit", "log"}  # flags that name what the run writes
WHOLE_BYTES = 1 << 28  # a larger file, or a folder of data, counts by size and time; our choice
WEIGHTS = (".safetensors", ".bin", ".onnx", ".gguf", ".pt")  # in the folder of a model


def fingerprint(name: str, flags: Mapping[str, Any]) -> bytes:
    """Return a digest of a command, its flags and their content, and the versions of libraries."""
    import hashlib  # 3 ms, which no help page needs

    relevant = {k: v for k, v in sorted(flags.items()) if k not in INDIFFERENT}
    content = {k: [*_contents(v)] for k, v in relevant.items() if k not in WRITTEN}
    values = {k: str(v) for k, v in relevant.items()}
    text = repr((name, values, content, sorted(versions())))
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=32).digest()


def versions() -> Iterator[str]:
    """Yield the version of emocli and of each library that it requires and that is installed."""
    required = [r for r in metadata.requires("emocli") or () if not re.search("extra == .dev", r)]
    for name in ["emocli", *(re.split(r"[^\w.-]", r, maxsplit=1)[0] for r in required)]:
        with contextlib.suppress(metadata.PackageNotFoundError):
            yield f"{name}=={metadata.version(name)}"


def _contents(value: Any) -> Iterator[str]:
    """Yield what stands behind the value of a flag: files, folders, a model; nothing for a word."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _contents(item)
    elif isinstance(value, str | Path):
        for word in dict.fromkeys(_words(str(value))):
            yield from _named(word)


def _words(value: str) -> Iterator[str]:
    """Yield a value itself and, as it may be a command line, its words; sh -c has one in a word."""
    yield value
    try:
        words = shlex.split(value)
    except ValueError:  # an open quote: no command line
        return
    for word in words if words != [value] else ():
        yield from _words(word)


def _named(word: str) -> Iterator[str]:
    from emocli import hub

    path = _place(word)
    try:
        if path.is_dir():
            yield hub.folder.revision(path) if _is_model(path) else _state(path)
        elif path.is_file():
            small = path.stat().st_size <= WHOLE_BYTES
            yield hub.cache.digest(path) if small else _stamp(path)
        elif word and (model := hub.find(word)):
            yield f"{model.source} {hub.folder.revision(model.folder)}"
    except (ModelError, OSError, ValueError):
        return  # neither: the run itself will say so if it has to be one


def _place(word: str) -> Path:
    """Return where a word is: the shipped predictor, a path, or a program that the shell finds."""
    if word == "default":
        from emocli.bundles.bundle import DEFAULT

        return DEFAULT
    import shutil  # no help page needs it

    found = None if os.sep in word or os.path.lexists(word) else shutil.which(word)
    return Path(found or word)


def _is_model(folder: Path) -> bool:
    return any(path.suffix in WEIGHTS for path in folder.iterdir())


def _state(folder: Path) -> str:
    """Return the names, sizes and times of the files of a folder, which may be a whole corpus."""
    inside = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    return repr(sorted(_stamp(path) for path in inside if path.is_file()))


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns}"
