"""The table of vowelprompt.sh: what `emocli score` says of each row and of its control."""

from __future__ import annotations

import json
import subprocess
import sys
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
ALIKE = ("--cluster", "none")  # intervals over clips: there are few speakers
NOTHING = 5  # exit status of `score` if there is nothing to score
HEAD = """\
| | clips | UAR, unseen speakers | shuffled voices | answered | cited true | 3 cited | well-formed |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def table(folder: Path, names: list[str]) -> str:
    """Return a row for each name of which there are predictions in a folder, and paired tests."""
    made = [name for name in names if (folder / f"{name}.test.jsonl").exists()]
    rows = HEAD + "".join(_row(folder, name) for name in made)
    chance = "Chance is 1 / number of labels. Intervals are 95 %, over clips.\n"
    pairs = [("rewards", "thoughts"), ("summary", "zero")]
    tests = [_tested(folder, *pair) for pair in pairs if set(pair) <= set(made)]
    return f"{rows}\n{chance}{''.join(tests)}"


def score(path: Path, *more: str, task: str = "classification") -> dict[str, Any]:
    """Return what `emocli score` says of a file, nothing if no record in it has an answer."""
    command = ["emocli", "score", "--quiet", "--json", "--task", task, str(path), *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == NOTHING:
        return {"coverage": 0.0}
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _row(folder: Path, name: str) -> str:
    path = folder / f"{name}.test.jsonl"
    own, cells = score(path, *ALIKE), [NAMES.get(name, name), str(_clips(path))]
    has = (
        f"{own['uar']:.2f} {_interval(own['intervals']['uar'])}"
        if "uar" in own
        else "none readable"
    )
    cells.append(has)
    other = folder / f"{name}.shuffled.jsonl"
    shuffled = score(other, "--bootstrap", "0").get("uar") if other.exists() else None
    cells += ["" if shuffled is None else f"{shuffled:.2f}", _share(own["coverage"])]
    said = score(path, "--bootstrap", "0", task="explanation") if _thinks(path) else {}
    cells += [_share(said.get(figure)) for figure in ("cited_true", "cited_3", "well_formed")]
    return f"| {' | '.join(cells)} |\n"


def _clips(path: Path) -> int:
    with open(path, encoding="utf-8") as lines:
        return sum(1 for _ in lines)


def _interval(sides: list[float | None], sign: str = "") -> str:
    """Return an interval; a side is undefined where too few clips have an answer."""
    low, high = ("-" if side is None else format(side, f"{sign}.2f") for side in sides)
    return f"[{low}, {high}]"


def _thinks(path: Path) -> bool:
    with open(path, encoding="utf-8") as lines:
        return any((json.loads(line).get("prediction") or {}).get("explanation") for line in lines)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def _tested(folder: Path, name: str, than: str) -> str:
    """Return a paired test of two rows: the difference of their UAR on the same clips."""
    paths = [folder / f"{stem}.test.jsonl" for stem in (name, than)]
    found = score(paths[0], *ALIKE, "--compare", str(paths[1])).get("compared", {}).get("uar")
    if not found or found["difference"] is None:
        return ""
    words = [NAMES[stem].removeprefix("+ ") for stem in (name, than)]
    figures = (
        f"{found['difference']:+.2f} {_interval(found['interval'], '+')}, p = {found['p']:.2g}"
    )
    return f"{words[0]} over {words[1]}, the same clips: {figures}\n"
