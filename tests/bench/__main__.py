"""Run every bench and print one table: python -m tests.bench [NAME...]; writes bench.json.

A bench is a file bench_NAME.py with `run() -> list[dict]`: rows of name, value, unit, peer,
peer_value, ratio, bar, ok. Both sides are measured in the same run, in turns.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
OUT = HERE.parent.parent / "bench.json"


def names() -> list[str]:
    """Return the benches: the names of the files."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def rows_of(name: str) -> list[dict[str, Any]]:
    """Run one bench; one that breaks is a row that says so."""
    try:
        rows: list[dict[str, Any]] = importlib.import_module(f"tests.bench.bench_{name}").run()
    except Exception as problem:
        traceback.print_exc()
        return [{"name": f"{name}: broke: {str(problem)[:60]}", "ok": False}]
    return rows


def main(wanted: list[str]) -> int:
    """Run them, print the table, write bench.json; return 1 where a bar is missed."""
    if unknown := set(wanted) - set(names()):
        sys.stderr.write(f"no bench {', '.join(unknown)}: there are {', '.join(names())}\n")
        return 2
    rows = []
    for name in wanted or names():
        sys.stderr.write(f"bench {name} ...\n")
        rows += [{"bench": name, **row} for row in rows_of(name)]
    Console().print(table(rows))
    kept = [r for r in _read() if r["bench"] not in {row["bench"] for row in rows}]
    OUT.write_text(json.dumps(kept + rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["ok"] for row in rows) else 1


def _read() -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(OUT.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return []


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the rows as a table."""
    drawn = Table("what", "emocli", "peer", "its value", "ratio", "bar", "", box=None)
    for row in rows:
        unit = row.get("unit", "")
        cells = [number(row.get("value"), unit), row.get("peer") or ""]
        cells += [number(row.get("peer_value"), unit), number(row.get("ratio"), "x")]
        drawn.add_row(row["name"], *cells, str(row.get("bar") or ""), verdict(row))
    return drawn


def number(value: float | None, unit: str) -> str:
    """Return a number with three digits and its unit."""
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text + unit if unit == "x" else f"{text} {unit}".strip()


def verdict(row: dict[str, Any]) -> str:
    """Return what to say of a row."""
    if "value" not in row:
        return ""
    return "ok" if row["ok"] else "MISSED"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
