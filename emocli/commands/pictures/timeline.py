"""Draw a recording over time: probabilities, speakers, the face, words."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from emocli.cli import flags
from emocli.cli.picture import Kind, Output, Target, Title, Width
from emocli.errors import ExitStatus, UsageError, worst

MOST_PAGES = 500
LISTED = 5  # recordings that are named

Records = Annotated[
    str | None,
    typer.Argument(
        metavar="[FILE]", help="Output of predict; '-' or no argument is stdin.",
        show_default=False,
    ),
]  # fmt: skip
Recording = Annotated[
    str | None, typer.Option(metavar="NAME", help="The recording to draw: its path or dialogue.")
]
Start = Annotated[float | None, typer.Option(metavar="SECONDS", help="Show from here.")]
End = Annotated[float | None, typer.Option(metavar="SECONDS", help="Show up to here.")]


def command(
    source: Records = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1000,
    title: Title = None,
    recording: Recording = None,
    start: Start = None,
    end: End = None,
    store: flags.StoreDir = None,
) -> int:
    """Draw a recording over time: probabilities, speakers, the face, words.

    Reads the records of `predict`: `prediction`, `start` and `end` in seconds, and if present
    `speaker`, `text` and `words`. Records of one `path` (else of one `dialogue`) are a recording.
    Several recordings are a page each in a PDF; PNG and SVG hold one, chosen with --recording.

    Probabilities are means over whatever is said at a time, weighted by how long; a strip has the
    predicted emotion of its speaker, for long recordings that of most of a pixel's time. Beneath
    stands what was said as far as there is room, the most confident predictions first and neutral
    last, or the words one by one where a few seconds are shown (--start, --end). Records without
    start and end are drawn in their order, and malformed ones are named, with exit status 1.

    Where the face of a film was seen (`video.faces`), a strip beneath has what it shows most in
    each second: of the features of the encoder face-expression, else of `unimodal.video`. It is
    empty where the judged face is not seen. A film as a whole, without start and end, is drawn over
    its own time.

    Example:
        emocli predict interview.wav | emocli plot timeline -o timeline.pdf
    """
    target = Target(output, form, width)
    from emocli.io.store import Store
    from emocli.plots import clip as clips
    from emocli.plots import talk as reading
    from emocli.plots import timeline

    found = reading.Reading(target.say, Store(store))
    name = clips.source(target.streams.stdin, source)
    talks = found.read(name, target.streams.stdin, recording)
    if len(talks) > (MOST_PAGES if target.kind == "pdf" else 1):
        names = ", ".join(talk.name or "records" for talk in talks[:LISTED])
        more = ", ..." if len(talks) > LISTED else ""
        raise UsageError(
            f"{len(talks)} recordings do not fit into one picture: {names}{more}",
            hint="--recording NAME, or -o FILE.pdf with a page for each",
        )
    pages = [partial(timeline.draw, talk, (start, end), width, title) for talk in talks]
    status = target.write(*pages)
    return worst(status, ExitStatus.FAILED) if found.failed else status
