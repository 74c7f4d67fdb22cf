"""The folder of whole records and files, once it is made; and emocli, called in this process."""

from __future__ import annotations

import io
import json
from functools import cached_property
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Base:
    """The folder `base` of a world, once it is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def records(self) -> dict[str, list[Record]]:
        """Whole records by what they are for."""
        return json.loads((self.folder / "records.json").read_bytes())

    def files(self, name: str) -> dict[str, bytes]:
        """Return the files below a folder, named from there."""
        root = self.folder / name
        paths = sorted(p for p in root.rglob("*") if p.is_file())
        return {str(p.relative_to(root)): p.read_bytes() for p in paths}


def emocli(*argv: str, stdin: list[Record] | bytes = b"", status: int = 0) -> bytes:
    """Run a command of emocli; return its stdout."""
    from emocli.cli import main

    if not isinstance(stdin, bytes):
        stdin = b"".join(json.dumps(record).encode() + b"\n" for record in stdin)
    stdout, stderr = io.BytesIO(), io.StringIO()
    got = main.run(list(argv), io.BytesIO(stdin), stdout, stderr)
    if got != status:
        raise RuntimeError(f"{argv}: status {got}\n{stderr.getvalue()}{stdout.getvalue()[:2000]!r}")
    return stdout.getvalue()


def parsed(lines: bytes) -> list[Record]:
    """Return records."""
    return [json.loads(line) for line in lines.splitlines()]
