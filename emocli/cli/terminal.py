"""Draw on the terminal at a command's stdout."""

from __future__ import annotations

import io
from typing import Any, BinaryIO


def draw(stream: BinaryIO, *drawings: Any) -> None:
    """Print rich renderables; in colour only on a terminal that has colours."""
    from rich.console import Console

    text = io.TextIOWrapper(stream, "utf-8", "replace", write_through=True)
    try:
        console = Console(file=text, highlight=False)
        for drawing in drawings:
            console.print(drawing)
    finally:
        text.detach()  # the stream stays open
