"""Draw a prediction on the terminal: bars for the emotions, each stream alone, the transcript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emocli.bundles import heads
from emocli.cli import terminal
from emocli.errors import printable
from emocli.io import fitting
from emocli.records import Record
from emocli.records.jsonl import name_of
from emocli.records.missing import notes
from emocli.records.modality import in_file

BAR_CELLS = 24
LEAST_CELLS = 6  # of a bar; on a narrower terminal the streams alone are not shown
THOUGHT = 300  # columns of what a language model says of its answer
GAP = 2  # columns between columns
SHARE = 5  # columns of "100% "
SPACE = re.compile(r"[ \t\r\n]+")
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


def bar(share: float, cells: int = BAR_CELLS, *, ascii_only: bool = False) -> str:
    """Return a bar for a share from 0 to 1, with a resolution of an eighth of a cell."""
    if ascii_only:
        return "#" * round(max(0.0, min(1.0, share)) * cells)
    full, rest = divmod(round(max(0.0, min(1.0, share)) * cells * 8), 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")


def show_prediction(record: Record, labels: Sequence[str], console: Any) -> bool:
    """Draw one record; return whether it was drawn."""
    from rich.text import Text

    prediction = record.get("prediction")
    if record.get("error") or not prediction:
        line = fitting.shown(f"{name_of(record)}   {reason(record)}", console.encoding)
        console.print(Text(f"{line}\n", style="dim"), soft_wrap=True)
        return True
    console.print(_head(record, prediction), soft_wrap=True)
    console.print(_table(record, labels, console))
    console.print(Text(printable(_transcript(record, console))), soft_wrap=True)
    for line in _notes(record):
        console.print(Text(printable(line), style="dim"), soft_wrap=True)
    console.print()
    return True


def reason(record: Record) -> str:
    """Return why a record has no prediction."""
    return str((record.get("error") or {}).get("message", "no prediction"))


def answer(prediction: Mapping[str, Any]) -> str:
    """Return a prediction in words: a blend, an emotion, or numbers where there are no labels."""
    if prediction.get("blend"):
        parts = [f"{share:.0f} % {label}" for label, share in prediction["blend"].items()]
        return printable(", ".join(parts))
    if prediction["emotion"]:
        return printable(prediction["emotion"])
    if shares := prediction.get("probabilities"):
        likeliest = max(shares, key=shares.__getitem__)
        return f"no answer ({printable(likeliest)} {100 * shares[likeliest]:.0f} %)"
    numbers = [f"{name} {prediction[name]:.2f}" for name in NUMBERS if name in prediction]
    return ", ".join(numbers) or "no answer"


def _head(record: Record, prediction: Record) -> Any:
    from rich.text import Text

    head = Text(name_of(record), style="bold")
    head.append(f"   {answer(prediction)}", style=f"bold {colour(prediction['emotion'])}")
    if "confidence" in prediction and prediction["emotion"]:
        head.append(f"  {prediction['confidence']:.0%} sure", style="dim")
    return head


def colour(emotion: str | None) -> str:
    """Return the colour of an emotion; white for one that has none of its own."""
    return COLOURS.get(emotion or "", "white")


def _table(record: Record, labels: Sequence[str], console: Any) -> Any:
    """Return a row per label and per number: fused, and by each stream alone."""
    from rich.table import Table
    from rich.text import Text

    prediction, unimodal = record["prediction"], _alone(record)
    first = max([fitting.width(printable(name)) for name in [*labels, *NUMBERS]])
    heads_, cells = _layout(console.width - first - GAP - SHARE, list(unimodal))
    table = Table(box=None, padding=(0, GAP, 0, 0), show_header=bool(heads_))
    table.add_column("", no_wrap=True)
    table.add_column("fused", no_wrap=True, width=cells + SHARE)
    for head in heads_:
        table.add_column(Text(head), justify="right", no_wrap=True)
    others = list(unimodal.values())[: len(heads_)]
    for label in labels if "probabilities" in prediction else ():
        share = prediction["probabilities"][label]
        style = colour(label)
        drawn = bar(share, cells, ascii_only=not terminal.is_utf8(console.encoding))
        named = label == prediction["emotion"] or label in (prediction.get("blend") or {})
        table.add_row(
            Text(printable(label), style=f"bold {style}" if named else ""),
            Text(f"{share:4.0%} ").append(drawn, style=style),
            *(f"{stream['probabilities'][label]:.0%}" for stream in others),
        )
    for name in (number for number in NUMBERS if number in prediction):
        values = [f"{s[name]:.2f}" if name in s else "" for s in others]
        table.add_row(name, f"{prediction[name]:.2f}", *values)
    return table


def _alone(record: Record) -> Record:
    """Return the predictions by each stream alone, unless there is one stream: it says the same."""
    unimodal: Record = record.get("unimodal") or {}
    return unimodal if max(len(unimodal), len(_weights(record))) > 1 else {}


def _weights(record: Record) -> Record:
    return record["prediction"].get("modalities") or {}


def _layout(room: int, streams: list[str]) -> tuple[list[str], int]:
    """Return the heads of the columns by streams, and the cells of a bar, as room allows."""
    for pattern in ("{} alone", "{}"):
        heads_ = [pattern.format(printable(name)) for name in streams]
        rest = room - sum(max(4, fitting.width(head)) + GAP for head in heads_) - 1
        if rest >= LEAST_CELLS:
            return heads_, min(BAR_CELLS, rest)
    return [], max(1, min(BAR_CELLS, room - 1))


def _transcript(record: Record, console: Any) -> str:
    """Return what was said, on two lines of the terminal at most."""
    text = record.get("text")
    if text is None:
        return "no transcript"
    if not text:
        return "no speech was recognised"
    words = record.get("words") or ()
    known = [w["probability"] for w in words if w.get("probability") is not None]
    sure = f"  (words {sum(known) / len(known):.0%} sure)" if known else ""
    return quoted(text, 2 * console.width - len(sure) - 1, console) + sure


def quoted(text: str, room: int, console: Any) -> str:
    """Return a text in quotes that takes at most `room` columns, on one line."""
    before, after = "“”" if terminal.is_utf8(console.encoding) else '""'
    words = fitting.shown(SPACE.sub(" ", text.strip()), console.encoding)
    return before + fitting.cut(words, room - 2, ellipsis(console)) + after


def ellipsis(console: Any) -> str:
    """Return what stands for the rest of a text."""
    return fitting.ELLIPSIS if terminal.is_utf8(console.encoding) else "..."


def _notes(record: Record) -> Iterator[str]:
    """Yield what else is worth knowing: which streams decided, what is missing, and why."""
    weights = _weights(record)
    parts = ", ".join(f"{name} {weight:.0%}" for name, weight in weights.items())
    decided = f"decided by {parts}; " if len(weights) > 1 else ""
    yield f"{decided}model {record['prediction']['model']}"
    if thought := record["prediction"].get("explanation"):
        yield f"it says: {fitting.cut(' '.join(thought.split()), THOUGHT, '...')}"
    disagreement = record["prediction"].get("disagreement") or {}
    if len(disagreement) > 1:
        bits = ", ".join(f"{printable(name)} {value:.2f}" for name, value in disagreement.items())
        yield f"disagreement with each stream alone, in bits: {bits}"
    for modality, note in notes(record).items():
        if isinstance(note, dict) and not _never_had(record, modality, note):
            yield f"without {modality}: {note.get('message')}"


def _never_had(record: Record, modality: str, note: Record) -> bool:
    """Say whether records of its kind cannot have it: that a sound has no face is known."""
    return note.get("code") == f"no_{modality}" and not in_file(record, modality)
