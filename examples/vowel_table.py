"""The table of vowelprompt.sh: what `emocli score` says of each row and of its control."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

NAMES = {
    "zero": "zero-shot, summary",
    "regression-summary": "regression on the levels of the summary",
    "summary": "trained on the summary",
    "regression-vowels": "regression on those and on the vowels",
    "thoughts": "trained on the vowels, with thoughts",
    "rewards": "+ GRPO",
}
HEAD = """\
| | UAR, unseen speakers | voices shuffled | answered | cited true | three cited | well-formed |
| --- | --- | --- | --- | --- | --- | --- |
"""


def table(folder: Path, names: list[str]) -> str:
    """Return a row for each name of which there are predictions in a folder, and paired tests."""
    made = [name for name in names if (folder / f"{name}.test.jsonl").exists()]
    rows = HEAD + "".join(_row(folder, name) for name in made)
    chance = "Chance is 1 / number of labels. Intervals are 95 %, over clips.\n"
    pairs = [("rewards", "thoughts"), ("summary", "zero")]
    tests = [_tested(folder, *pair) for pair in pairs if set(pair) <= set(made)]
    return f"{rows}\n{chance}{''.join(tests)}"


def score(path: Path, *more: str) -> dict[str, Any]:
    """Return what `emocli score` says of a file."""
    command = ["emocli", "score", "--quiet", "--json", str(path), *more]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _row(folder: Path, name: str) -> str:
    path = folder / f"{name}.test.jsonl"
    own = score(path, "--cluster", "none", "--task", "classification")
    low, high = own["intervals"]["uar"]
    cells = [NAMES.get(name, name), f"{own['uar']:.2f} [{low:.2f}, {high:.2f}]"]
    other = folder / f"{name}.shuffled.jsonl"
    cells.append(f"{score(other, '--bootstrap', '0')['uar']:.2f}" if other.exists() else "")
    cells.append(_share(own.get("coverage")))
    said = _explained(path) if _thinks(path) else {}
    cells += [_share(said.get(figure)) for figure in ("cited_true", "cited_3", "well_formed")]
    return f"| {' | '.join(cells)} |\n"


def _thinks(path: Path) -> bool:
    with open(path, encoding="utf-8") as lines:
        return any((json.loads(line).get("prediction") or {}).get("explanation") for line in lines)


def _explained(path: Path) -> dict[str, Any]:
    return score(path, "--task", "explanation", "--bootstrap", "0")


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def _tested(folder: Path, name: str, than: str) -> str:
    """Return a paired test of two rows: the difference of their UAR on the same clips."""
    paths = [folder / f"{stem}.test.jsonl" for stem in (name, than)]
    found = score(paths[0], "--cluster", "none", "--compare", str(paths[1]))["compared"]["uar"]
    words = [NAMES[stem].removeprefix("+ ") for stem in (name, than)]
    low, high = found["interval"]
    figures = f"{found['difference']:+.2f} [{low:+.2f}, {high:+.2f}], p = {found['p']:.2g}"
    return f"{words[0]} over {words[1]}, the same clips: {figures}\n"
