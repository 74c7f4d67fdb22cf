"""Draw on the terminal that is a command's stdout."""

from __future__ import annotations

import io
from typing import Any, BinaryIO


def draw(stream: BinaryIO, *drawings: Any) -> None:
    """Print what rich can draw; colours only where the stream is a terminal that has them."""
    from rich.console import Console

    text = io.TextIOWrapper(stream, "utf-8", "replace", write_through=True)
    try:
        console = Console(file=text, highlight=False)
        for drawing in drawings:
            console.print(drawing)
    finally:
        text.detach()  # the stream stays open
