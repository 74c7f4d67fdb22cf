"""What all pictures of `plot` share: their flags, and the file that they are written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emocli.cli import options
from emocli.errors import ExitStatus, UsageError
from emocli.io import messages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("png", "svg", "pdf")
LEAST_PX, MOST_PX = 400, 10_000

Metrics = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help="Output of score; '-' or no argument is stdin.", show_default=False
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE; '-' is stdout."),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="|".join(KINDS), help="File format (default: by the file name)."
    ),
]
Width = Annotated[
    int, typer.Option(metavar="PIXELS", help="Width; the size of letters stays the same.")
]
Group = Annotated[
    str | None, typer.Option(metavar="VALUE", help="The group of score --by to draw.")
]
Title = Annotated[
    str | None,
    typer.Option("--title", metavar="TEXT", help="The first line (default: what is drawn)."),
]


class Target:
    """The destination of a picture, checked before the work begins."""

    def __init__(self, output: Path | None, form: str | None, width: int) -> None:
        self.streams = options.standard_streams()
        self.path = None if output is None or str(output) == "-" else output
        self.kind, self.width = self._kind(form), width
        if not LEAST_PX <= width <= MOST_PX:
            raise UsageError(f"--width {width}: not between {LEAST_PX} and {MOST_PX} pixels")
        if self.path is None and self.streams.stdout.isatty():
            raise UsageError("a picture cannot be written to a terminal", hint="-o picture.png")
        from emocli.plots import page

        page.check()

    def _kind(self, form: str | None) -> str:
        """Return the file format: by --format, by the file name, or PNG for stdout."""
        kind = form or (self.path.suffix.lower().lstrip(".") if self.path else KINDS[0])
        if kind not in KINDS:
            flag = f"--format {form}" if form else f"--output {self.path}"
            raise UsageError(f"{flag}: not one of {', '.join(KINDS)}", hint="-o picture.png")
        return kind

    def say(self, text: str) -> None:
        """Write a message to stderr."""
        messages.say(self.streams.stderr, "plot", text)

    def write(self, draw: Callable[[], Figure], *others: Callable[[], Figure]) -> int:
        """Draw, a page each, and write the file, completely or not at all."""
        from emocli.io.writing import whole_file
        from emocli.plots.page import render

        data, undrawable = render(draw, self.kind, others)
        with whole_file(self.path, self.streams.stdout) as stream:
            stream.write(data)
        if undrawable:
            self.say(
                f"no installed font has {undrawable[:20]}: drawn as boxes (install Noto Sans CJK)"
            )
        return ExitStatus.OK
