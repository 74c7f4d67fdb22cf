"""The table of examples/proxies.py: where synthetic votes help, where they do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Table = dict[tuple[str, str], list[str]]  # by raters and ambiguity: the other cells


@pytest.fixture(scope="module")
def tables() -> list[Table]:
    """Return the tables of simulated raters: proxies near the truth, and as far as published."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EMOCLI_")}
    command = [sys.executable, "examples/proxies.py", "--quick"]
    done = subprocess.run(command, env=kept, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[Table] = []
    for line in done.stdout.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("### "):
            found.append({})
        elif line.startswith("|") and cells[0].isdecimal():
            found[-1][cells[0], cells[1]] = cells[2:]
    return found


def bits(cells: list[str]) -> list[float]:
    return [float(cell.split()[0]) for cell in cells[:3]]


def test_every_number_of_raters_and_third_of_ambiguity_is_there(tables: list[Table]) -> None:
    raters, thirds = ("1", "3", "5", "10", "20"), ("low", "middle", "high")
    assert [list(table) for table in tables] == [[(r, t) for r in raters for t in thirds]] * 2


def test_good_proxies_help_where_raters_are_few_and_harm_ambiguous_records_of_many(
    tables: list[Table],
) -> None:
    near, _ = tables
    for third in ("low", "middle", "high"):
        assert near["1", third][4] == near["3", third][4] == "yes"
    assert near["20", "low"][4] == "yes"
    assert near["20", "high"][4] == "harms"


def test_proxies_as_far_off_as_published_harm_all_but_ambiguous_records_of_one_rater(
    tables: list[Table],
) -> None:
    _, far = tables
    assert far["1", "high"][4] == "yes"
    assert {cells[4] for (raters, _), cells in far.items() if raters != "1"} == {"harms"}


def test_a_chosen_weight_is_better_than_counting_where_that_harms(tables: list[Table]) -> None:
    for table in tables:
        for (raters, _), cells in table.items():
            alone, count, shrunk = bits(cells)
            if raters != "1" and cells[4] == "harms":
                assert shrunk < count
            if raters in ("5", "10", "20"):
                assert shrunk < alone + 0.01
