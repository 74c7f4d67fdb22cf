"""Draw a prediction on the terminal: bars for the emotions, each stream alone, the transcript."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from emocli.bundles import heads
from emocli.errors import printable
from emocli.records import Record
from emocli.records.jsonl import name_of
from emocli.records.missing import notes

BAR_CELLS = 24
NUMBERS = [target for target, kind in heads.KINDS.items() if kind == heads.NUMBER]
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
    """Return a bar for a share from 0 to 1, with a resolution of an eighth of a cell."""
    full, rest = divmod(round(max(0.0, min(1.0, share)) * cells * 8), 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")


def show_prediction(record: Record, labels: Sequence[str], console: Any = None) -> bool:
    """Draw one record; return whether it was drawn."""
    from rich.table import Table
    from rich.text import Text

    console = console or _console()
    prediction = record.get("prediction")
    if record.get("error") or not prediction:
        reason = (record.get("error") or {}).get("message", "no prediction")
        line = printable(f"{name_of(record)}   {reason}")
        console.print(Text(f"{line}\n", style="dim"), soft_wrap=True)
        return True
    emotion = prediction["emotion"]
    head = Text(name_of(record), style="bold")
    answer = ", ".join(_answer(prediction))
    head.append(f"   {printable(answer)}", style=f"bold {COLOURS.get(emotion, 'white')}")
    if "confidence" in prediction:
        head.append(f"  {prediction['confidence']:.0%} sure", style="dim")
    unimodal = record.get("unimodal") or {}
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=bool(unimodal))
    table.add_column("", no_wrap=True)
    table.add_column("fused", no_wrap=True, width=BAR_CELLS + 5)
    for name in unimodal:
        table.add_column(Text(f"{printable(name)} alone"), justify="right", no_wrap=True)
    for label in labels:
        share = prediction["probabilities"][label]
        style = COLOURS.get(label, "white")
        cells = Text(f"{share:4.0%} ").append(bar(share), style=style)
        others = [f"{stream['probabilities'][label]:.0%}" for stream in unimodal.values()]
        named = label == emotion or label in (prediction.get("blend") or {})
        table.add_row(
            Text(printable(label), style=f"bold {style}" if named else ""), cells, *others
        )
    for name in (number for number in NUMBERS if number in prediction):
        others = [f"{s[name]:.2f}" if name in s else "" for s in unimodal.values()]
        table.add_row(name, f"{prediction[name]:.2f}", *others)
    console.print(head, soft_wrap=True)
    console.print(table)
    console.print(Text(printable(_transcript(record))), soft_wrap=True)
    for line in _notes(record):
        console.print(Text(printable(line), style="dim"), soft_wrap=True)
    console.print()
    return True


def _answer(prediction: Mapping[str, Any]) -> list[str]:
    """Return a prediction in words: a blend, an emotion, or numbers where there are no labels."""
    if prediction.get("blend"):
        return [f"{share:.0f} % {label}" for label, share in prediction["blend"].items()]
    if "confidence" in prediction:
        return [prediction["emotion"] or "not sure"]
    return [f"{name} {prediction[name]:.2f}" for name in NUMBERS if name in prediction]


def _transcript(record: Record) -> str:
    text = record.get("text")
    if text is None:
        return "no transcript"
    if not text:
        return "no speech was recognised"
    words = record.get("words") or ()
    known = [w["probability"] for w in words if w.get("probability") is not None]
    sure = f"  (words {sum(known) / len(known):.0%} sure)" if known else ""
    return f"“{text.strip()}”{sure}"


def _notes(record: Record) -> list[str]:
    weights = record["prediction"].get("modalities") or {}
    parts = ", ".join(f"{name} {weight:.0%}" for name, weight in weights.items())
    lines = [f"decided by {parts}; model {record['prediction']['model']}"]
    if disagreement := record["prediction"].get("disagreement"):
        bits = ", ".join(f"{printable(name)} {value:.2f}" for name, value in disagreement.items())
        lines.append(f"disagreement with each stream alone, in bits: {bits}")
    lost = {m: note for m, note in notes(record).items() if isinstance(note, dict)}
    return lines + [f"without {m}: {note.get('message')}" for m, note in lost.items()]
