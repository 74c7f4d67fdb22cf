"""The picture of figures by group: values and intervals where they are, and what goes wrong."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest

from emocli.plots import groups
from tests.conftest import Emocli

Record = dict[str, Any]


def row(value: Any, uar: Any, ends: Any = (0.4, 0.8), **fields: Any) -> Record:
    """A metrics record of a group, as score writes it."""
    figures = {"uar": uar, "accuracy": 0.5, "valence": {"ccc": 0.25}}
    intervals = {"uar": list(ends), "accuracy": [None, None], "valence": {"ccc": [0.1, 0.3]}}
    return {"by": {"speaker": value}, "scored": 12, **figures, "intervals": intervals, **fields}


def found(rows: list[Record], metric: str | None = None) -> list[groups.Group]:
    stdin = io.BytesIO(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return groups.find("-", stdin, metric)


def points(axes: Any) -> list[tuple[float, float]]:
    """Place of the dots of a panel."""
    return [tuple(line.get_xydata()[0]) for line in axes.lines if line.get_marker() == "o"]


def test_dots_are_values_and_lines_intervals() -> None:
    figure = groups.draw(found([row("A", 0.6), row(None, 0.5, (0.3, 0.7))]), 1000)
    uar, accuracy = figure.axes
    assert [x for x, _ in points(uar)] == [0.6, 0.5]
    lines = [line.get_xdata().tolist() for line in uar.lines if line.get_marker() != "o"]
    assert lines == [[0.4, 0.8], [0.3, 0.7]]
    assert [t.get_text() for t in uar.get_yticklabels()] == ["A (12)", "(none) (12)"]
    hollow = [line.get_markerfacecolor() for line in accuracy.lines]
    assert hollow == [groups.HOLLOW] * 2  # without an interval
    assert uar.get_title(loc="left") == "UAR"
    low, high = uar.get_xlim()
    assert low < 0.3
    assert high > 0.8


def test_figures_are_chosen_by_name() -> None:
    (group,) = found([row("A", 0.6)], "valence.ccc")
    assert group.points == {"valence.ccc": (0.25, (0.1, 0.3))}


def test_an_undefined_figure_is_said_to_be_so() -> None:
    figure = groups.draw(found([row("A", None, (None, None)), row("B", 0.5)]), 700)
    assert [text.get_text() for text in figure.axes[0].texts] == ["undefined"]


@pytest.mark.parametrize("width", [400, 1000])
def test_summaries_have_a_panel_per_emotion_on_one_scale(emocli: Emocli, width: int) -> None:
    records = [
        {
            "id": str(i),
            "speaker": "ab"[i % 2],
            "turn": i % 3,
            "prediction": {"emotion": ("joy", "fear", "anger")[i % 3]},
        }
        for i in range(30)
    ]
    rows = emocli("summarize", "--by", "speaker,turn", stdin=records).records
    figure = groups.draw(found(rows), width)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["joy", "anger", "fear"]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    for axes in figure.axes:
        name = axes.get_title(loc="left")
        assert [x for x, _ in points(axes)] == [each["shares"][name] for each in rows]
    figure.draw_without_rendering()
    labels = [t for axes in figure.axes for t in (*axes.get_yticklabels(), *axes.texts)]
    assert all(t.get_window_extent().x0 >= 0 for t in labels if t.get_text())
    written = emocli("summarize", "-q", "--by", "speaker,turn", stdin=records).stdout
    outcome = emocli("plot", "groups", "--format", "svg", "--title", "Speakers", stdin=written)
    assert outcome.status == 0, outcome.stderr


def test_what_is_no_group_is_refused(emocli: Emocli) -> None:
    plain = row("A", 0.6)
    del plain["by"]
    cases: list[tuple[list[Record], tuple[str, ...], int, str]] = [
        ([], (), 5, "no groups (score --by FIELD or summarize --by FIELD)"),
        ([plain], (), 5, "no groups"),
        ([row("A", 0.6)], ("--metric", "f1"), 2, "no group has f1 (uar, accuracy, valence.ccc)"),
        ([row("A", "high")], (), 1, "uar is not a number"),
        ([row("A", 0.5, ("x", 1))], (), 1, "intervals.uar is not a number"),
        ([row("A", 0.5, scored="x")], (), 1, "scored is not a number"),
        ([row("A", 0.5, intervals=7)], (), 1, "the groups have no figures"),
        ([row(str(i), 0.5) for i in range(201)], (), 2, "more than 200 groups"),
    ]
    for rows, flags, status, message in cases:
        outcome = emocli("plot", "groups", *flags, stdin=rows)
        assert (outcome.status, outcome.stdout) == (status, b""), outcome.stderr
        assert message in outcome.stderr
