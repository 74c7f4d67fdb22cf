"""Draw on the terminal at a command's stdout: in its encoding, in its width."""

from __future__ import annotations

import io
import sys
from typing import Any, BinaryIO


def draw(stream: BinaryIO, *drawings: Any) -> None:
    """Print rich renderables; in colour only on a terminal that has colours."""
    from rich.console import Console

    encoding = sys.stdout.encoding if stream.isatty() else "utf-8"
    text = io.TextIOWrapper(stream, encoding, "backslashreplace", write_through=True)
    try:
        console = Console(file=text, highlight=False)
        for drawing in drawings:
            console.print(drawing)
    finally:
        text.detach()  # the stream stays open


def is_utf8(encoding: str) -> bool:
    """Say whether an encoding has all characters, those of bars among them."""
    return encoding.lower().replace("-", "").replace("_", "") == "utf8"


def console() -> Any:
    """Return the console of a command that draws record by record."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)
