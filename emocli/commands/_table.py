"""A prediction drawn for people: bars for the emotions, what each stream says, the transcript."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

from emocli.errors import printable
from emocli.records import name_of

Record = dict[str, Any]

BAR_CELLS = 24
EIGHTHS = " ▏▎▍▌▋▊▉█"
COLOURS = {
    "neutral": "white",
    "joy": "yellow",
    "sadness": "blue",
    "anger": "red",
    "fear": "magenta",
    "disgust": "green",
    "surprise": "cyan",
}


@functools.cache
def _console() -> Any:
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)


def bar(share: float, cells: int = BAR_CELLS) -> str:
    """Return a bar of a share from 0 to 1, to an eighth of a cell."""
    whole, rest = divmod(round(max(0.0, min(1.0, share)) * cells * 8), 8)
    return "█" * whole + (EIGHTHS[rest] if rest else "")


def show_prediction(record: Record, labels: Sequence[str], console: Any = None) -> bool:
    """Draw one record; return whether it was drawn."""
    from rich.table import Table
    from rich.text import Text

    console = console or _console()
    prediction = record.get("prediction")
    if "error" in record or not prediction:
        reason = (record.get("error") or {}).get("message", "no prediction")
        line = printable(f"{name_of(record)}   {reason}")
        console.print(Text(f"{line}\n", style="dim"), soft_wrap=True)
        return True
    emotion = prediction["emotion"] or "not sure"
    head = Text(name_of(record), style="bold")
    head.append(f"   {printable(emotion)}", style=f"bold {COLOURS.get(emotion, 'white')}")
    head.append(f"  {prediction['confidence']:.0%} sure", style="dim")
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=bool(record.get("unimodal")))
    table.add_column("", no_wrap=True)
    table.add_column("all together", no_wrap=True, width=BAR_CELLS + 5)
    alone = record.get("unimodal") or {}
    for name in alone:
        table.add_column(Text(f"{printable(name)} alone"), justify="right", no_wrap=True)
    for label in labels:
        share = prediction["probabilities"][label]
        style = COLOURS.get(label, "white")
        cells = Text(f"{share:4.0%} ").append(bar(share), style=style)
        others = [f"{alone[name]['probabilities'][label]:.0%}" for name in alone]
        best = label == prediction["emotion"]
        table.add_row(Text(printable(label), style=f"bold {style}" if best else ""), cells, *others)
    console.print(head, soft_wrap=True)
    console.print(table)
    console.print(Text(printable(_transcript(record))), soft_wrap=True)
    for line in _notes(record):
        console.print(Text(printable(line), style="dim"), soft_wrap=True)
    console.print()
    return True


def _transcript(record: Record) -> str:
    text = record.get("text")
    if text is None:
        return "no transcript"
    if not text:
        return "no words were heard"
    heard = [
        w["probability"] for w in record.get("words") or () if w.get("probability") is not None
    ]
    sure = f"  (words {sum(heard) / len(heard):.0%} sure)" if heard else ""
    return f"“{text.strip()}”{sure}"


def _notes(record: Record) -> list[str]:
    weights = record["prediction"].get("modalities") or {}
    parts = ", ".join(f"{name} {weight:.0%}" for name, weight in weights.items())
    lines = [f"decided by {parts}; model {record['prediction']['model']}"]
    missing = record.get("missing") or {}
    return lines + [f"without {m}: {p.get('message')}" for m, p in missing.items()]
