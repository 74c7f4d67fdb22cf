"""Print predictions as a table: python3 examples/table.py predictions.jsonl."""

import json
import sys

ROW = "{:<28}{:<10}{:<10}{:>6}  {:>5}  {}"
WIDTH = 40  # of the transcript


def main(path: str) -> None:
    """Print a line per record: what it was meant to be, what was heard, how sure that is."""
    print(ROW.format("id", "label", "predicted", "sure", "F0 Hz", "text"))
    with open(path, encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            prediction = record.get("prediction") or {}
            pitch = (record.get("prosody") or {}).get("f0_mean_hz")
            text = record.get("text") or ""
            print(
                ROW.format(
                    record["id"],
                    (record.get("label") or {}).get("emotion") or "-",
                    prediction.get("emotion") or "-",
                    f"{prediction['confidence']:.0%}" if prediction else "-",
                    "-" if pitch is None else round(pitch),
                    text if len(text) <= WIDTH else text[: WIDTH - 3] + "...",
                )
            )
    print()


if __name__ == "__main__":
    main(sys.argv[1])
