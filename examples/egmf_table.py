"""What egmf.sh needs beside emocli: records to judge, and its table.

python examples/egmf_table.py told < RAVDESS     the sentence as text
python examples/egmf_table.py some --count N     some records, drawn with a seed
python examples/egmf_table.py valence            label.valence of label.emotion
python examples/egmf_table.py table OUT          the table, by `emocli score`
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

VALENCE = {
    "joy": 4.5,
    "surprise": 3.5,
    "neutral": 3.0,
    "disgust": 2.0,
    "anger": 1.8,
    "fear": 1.7,
    "sadness": 1.5,
}
ROWS = {
    "linear": "linear head on the features",
    "expert-gating": "the experts' own head",
    "words": "language model, words alone",
    "frozen": "the same language model and the experts' pseudo tokens, trained before",
    "egmf": "language model with an adapter, words and pseudo tokens",
    "shuffled": "control: features of another record",
    "none": "control: no pseudo tokens",
    "random": "control: random tokens of the same norm",
}
HEAD = {
    "classes": ("uar", "weighted_f1", "ece"),
    "numbers": ("ccc", "pearson", "mae"),
}


def score(file: Path) -> dict[str, Any]:
    """Return what `emocli score` says of predictions."""
    command = ["emocli", "score", "--quiet", str(file)]
    done = subprocess.run(command, capture_output=True, check=False)
    if not done.stdout:
        sys.exit(done.stderr.decode())
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return found


def table(out: Path) -> None:
    """Print a table for classes and one for numbers."""
    for kind, names in HEAD.items():
        print(f"| {kind} | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
        for name, words in ROWS.items():
            found = score(out / kind / f"{name}.jsonl")
            if kind == "numbers":
                between = found["intervals"].get("valence", {})
                found = {**found.get("valence", {}), "intervals": between}
            print(f"| {words} | {' | '.join(_cell(found, n) for n in names)} |")
        print()


def _cell(found: dict[str, Any], name: str) -> str:
    value, between = found.get(name), found.get("intervals", {}).get(name)
    if value is None:
        return "-"
    low, high = between or (None, None)
    return f"{value:.2f}" + ("" if low is None else f" [{low:.2f}, {high:.2f}]")


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["told", "some", "valence", "table"])
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=2000)
    given = parser.parse_args()
    if given.what == "table":
        return table(given.out)
    records = [json.loads(line) for line in sys.stdin]
    if given.what == "some":
        kept = [r for r in records if r.get("split") != "test"]
        records = random.Random(0).sample(kept, min(given.count, len(kept)))
    for record in records:
        if given.what == "told":
            record["text"] = record["statement"]
        if given.what == "valence":
            record["label"] = {"valence": VALENCE[record["label"]["emotion"]]}
        print(json.dumps(record))
    return None


if __name__ == "__main__":
    main()
