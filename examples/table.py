"""Print predictions and their scores as tables: python3 examples/table.py PREDICTIONS [SCORE...].

A score is a file that `emocli score` wrote, named score.json, or score.STREAM.json of a stream.
"""

import json
import sys
from pathlib import Path

ROW = "{:<28}{:<10}{:<10}{:>5}  {:<14}{:<14}{:>5}  {}"
WIDTH = 34  # of the transcript
STREAMS = ("text", "audio")
SCORES = "{:<24}{:>9}{:>7}"


def main(path: str, *scores: str) -> None:
    """Print a line per record, what each stream says alone included, then a line per score."""
    print(ROW.format("id", "label", "predicted", "sure", "words alone", "voice alone", "F0 Hz", ""))
    with open(path, encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            pitch = (record.get("prosody") or {}).get("f0_mean_hz")
            text = record.get("text") or ""
            print(
                ROW.format(
                    record["id"],
                    (record.get("label") or {}).get("emotion") or "-",
                    *_said(record.get("prediction")),
                    *(" ".join(_said((record.get("unimodal") or {}).get(s))) for s in STREAMS),
                    "-" if pitch is None else round(pitch),
                    text if len(text) <= WIDTH else text[: WIDTH - 3] + "...",
                ).rstrip()
            )
    print()
    if scores:
        print(SCORES.format("scored apart", "accuracy", "uar"))
    for name in scores:
        score = json.loads(Path(name).read_bytes())
        stream = Path(name).suffixes[0].removeprefix(".")
        what = {"text": "words alone", "audio": "voice alone"}.get(stream, "all together")
        print(SCORES.format(what, *(_figure(score[metric]) for metric in ("accuracy", "uar"))))


def _said(prediction: dict | None) -> tuple[str, str]:
    """Return what is predicted, and how surely."""
    if not prediction or not prediction.get("emotion"):
        return "-", "-"
    sure = prediction.get("confidence", max(prediction.get("probabilities", {"": 0}).values()))
    return prediction["emotion"], f"{sure:.0%}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
