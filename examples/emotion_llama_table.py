"""What emotion_llama.sh needs beside emocli: one description of voice and face, and its table.

python examples/emotion_llama_table.py told < DESCRIBED    what was measured, joined, as a reason
python examples/emotion_llama_table.py table OUT           the table, by `emocli score`

A reason is made of what was measured of the face and of the voice, with no look at the label.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROWS = {
    "linear": "linear head on the means of the features",
    "conv-attention": "conv-attention's own head",
    "stage1": "stage 1: language model, perception",
    "stage2": "stage 2: + cognition",
    "thoughts": "stage 2, a thought before each label",
    "shuffled": "control: features of another record",
    "none": "control: no soft tokens",
    "random": "control: random tokens of the same norm",
}
NAMES = ("uar", "weighted_f1", "ece")
PARTS = ("image", "audio")


def told(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with what was measured as one description."""
    described = record.get("descriptions") or {}
    texts = [described[part]["text"] for part in PARTS if part in described]
    if texts and not record.get("error"):
        about = {"text": " ".join(texts), "by": "emocli, joined", "synthetic": True}
        record["descriptions"] = {**described, "emotion": about}
    return record


def score(file: Path) -> dict[str, Any]:
    """Return what `emocli score` says of predictions."""
    command = ["emocli", "score", "--quiet", "--task", "classification", str(file)]
    done = subprocess.run(command, capture_output=True, check=False)
    if not done.stdout:
        sys.exit(done.stderr.decode())
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return found


def table(out: Path) -> None:
    """Print the table: intervals are those over speakers."""
    print(f"| emotion of unseen speakers | records | {' | '.join(NAMES)} |")
    print("| --- " * (len(NAMES) + 2) + "|")
    for name, words in ROWS.items():
        found = score(out / f"{name}.jsonl")
        print(f"| {words} | {found['scored']} | {' | '.join(_cell(found, n) for n in NAMES)} |")


def _cell(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    low, high = (found.get("intervals") or {}).get(name) or (None, None)
    if value is None:
        return "-"
    return f"{value:.2f}" + ("" if low is None else f" [{low:.2f}, {high:.2f}]")


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["told", "table"])
    parser.add_argument("out", type=Path, nargs="?")
    given = parser.parse_args()
    if given.what == "table":
        return table(given.out)
    for line in sys.stdin:
        print(json.dumps(told(json.loads(line))))
    return None


if __name__ == "__main__":
    main()
