"""The card of the default predictor: its template, filled with tables of what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parent / "default_card.md"
SPEECH = {"ravdess": "RAVDESS", "emodb": "EMO-DB", "nemo": "nEMO"}
TEXT = {"goemotions": "GoEmotions", "meld": "MELD", "isear": "ISEAR", "emocontext": "EmoContext"}
BARS = 20  # characters of a full bar


def card(measured: Mapping[str, Any], weights: Mapping[str, float]) -> str:
    """Return the card of a predictor with these figures and weights of text and video."""
    template = TEMPLATE.read_text(encoding="utf-8")
    return template.format(
        figures=figures(measured),
        speech=speech(measured["audio"]),
        text=text(measured["text"]),
        pictures=pictures(measured["audio"]),
        abstain=abstaining(measured["audio"]),
        doubt=doubt(measured["audio"]["confidence"]),
        weight=weights["text"],
        face=weights.get("video", "nothing yet"),
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows of cells as a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def span(values: Sequence[float]) -> str:
    """Return a figure with its interval."""
    return "{:.3f} [{:.3f}, {:.3f}]".format(*values)


def figures(measured: Mapping[str, Any]) -> str:
    """Return the table of what the predictor is on data like those of its training."""
    rows = {f"{SPEECH[n]}, speech alone": measured["audio"][n] for n in SPEECH}
    rows |= {
        "the three together, speech alone": measured["audio"]["all"],
        "RAVDESS, speech and text": measured["fused_ravdess"],
        "GoEmotions dev, text alone": measured["text"]["metrics"]["goemotions_dev"],
        "MELD dev, text alone, MELD left out": measured["text"]["metrics"]["meld_dev"],
    }
    names = ("uar", "macro_f1", "accuracy", "ece")
    head = ("data", "records", "UAR", "macro-F1", "accuracy", "ECE")
    cells = (
        [what, str(found["records"]), *(span(found[n]) if n in found else "" for n in names)]
        for what, found in rows.items()
    )
    return table(head, cells)


def speech(audio: Mapping[str, Any]) -> str:
    """Return the figures of each corpus with its speakers left out, and with itself left out."""
    away = audio["left_out"]
    head = ("corpus", "speakers left out: UAR", "ECE", "corpus left out: UAR", "ECE")
    rows = (
        [title, *(span(part[name][n]) for part in (audio, away) for n in ("uar", "ece"))]
        for name, title in SPEECH.items()
    )
    return table(head, rows)


def text(about: Mapping[str, Any]) -> str:
    """Return the figures of each kind of text: trained on, left out, and before this recipe."""
    inside, away, before = about["inside"], about["left_out"]["chosen"], about["today_left_out"]
    parts = {"trained on": lambda n: inside[n]["chosen"], "left out": away.get}
    parts["left out, previous recipe"] = before.get
    head = ["text"]
    for name in parts:
        head += [f"{name}: macro-F1", "ECE"]
    rows = (
        [title, *(span(get(name)[n]) for get in parts.values() for n in ("macro_f1", "ece"))]
        for name, title in TEXT.items()
    )
    return table(head, rows)


def pictures(audio: Mapping[str, Any]) -> str:
    """Return reliability diagrams of the speech half, in text: a bar is how often it is right."""
    found = []
    for where, part in (("speakers left out", audio), ("corpus left out", audio["left_out"])):
        found.append(f"{where:<20}  said  right  clips")
        for count, said, right in part["all"]["reliability"]:
            filled = round(BARS * right)
            bar = list("#" * filled + "." * (BARS - filled))
            bar[min(BARS - 1, round(BARS * said))] = "|"
            found.append(f"{''.join(bar)}  {said:.2f}  {right:.2f}   {count:>5}")
        found.append("")
    return "\n".join(["```text", *found[:-1], "```"])


def abstaining(audio: Mapping[str, Any]) -> str:
    """Return what `--abstain P` does: risk by coverage."""
    near, far = (part["all"]["risk"] for part in (audio, audio["left_out"]))
    head = ("answered", "speakers left out: P", "wrong", "corpus left out: P", "wrong")
    rows = [
        [
            f"{one[1]:.0%}",
            *(cell for row in (one, two) for cell in (f"{row[0]:.2f}", f"{row[2]:.1%}")),
        ]
        for one, two in zip(near["rows"], far["rows"], strict=True)
    ]
    rows.append(["AURC", "", f"{near['aurc']:.3f}", "", f"{far['aurc']:.3f}"])
    return table(head, rows)


def doubt(values: Mapping[str, float]) -> str:
    """Return the temperature of speech in words."""
    growth = "{width:.2f} softplus((d - {threshold:.2f}) / {width:.2f})"
    return f"{{temperature:.2f}} x {{far:.2f}} ^ ({growth})".format(**values)
