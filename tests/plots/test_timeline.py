"""The picture of a recording: what is drawn where, and what goes wrong."""

from __future__ import annotations

import io
import re
from itertools import combinations
from typing import Any

import numpy as np
import orjson
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from emocli.cli import prediction
from emocli.errors import EmocliError
from emocli.plots import captions, clock, palette, shares, talk, timeline
from tests.conftest import Emocli

Record = dict[str, Any]
WHOLE = (None, None)
JOY, ANGER = palette.COLOURS["joy"], palette.COLOURS["anger"]


def said(
    start: float | None, end: float | None, emotion: str | None = "joy", **fields: Any
) -> Record:
    """A record of an utterance with a prediction of two emotions."""
    shares = {"joy": 0.75, "anger": 0.25} if emotion != "anger" else {"joy": 0.25, "anger": 0.75}
    times = {"start": start, "end": end} if start is not None else {}
    answer = {"emotion": emotion, "probabilities": shares}
    record = {"id": f"a.wav#{start}", "path": "a.wav", **times, "text": "well then"}
    return {**record, "prediction": answer, **fields}


def read(records: list[Record], recording: str | None = None) -> tuple[list[talk.Talk], list[str]]:
    told: list[str] = []
    stdin = io.BytesIO(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return talk.Reading(told.append).read("-", stdin, recording), told


def drawn(records: list[Record], width: int = 1000, part: Any = WHOLE) -> Figure:
    (one,), _ = read(records)
    return timeline.draw(one, part, width)


def strips(figure: Figure) -> list[tuple[float, float, int, str]]:
    """Begin, end, row and colour of every block in the strips of the speakers."""
    patches = [p for p in figure.axes[1].patches if isinstance(p, Rectangle)]
    return [
        (p.get_x(), round(p.get_x() + p.get_width(), 6), int(p.get_y()), to_hex(p.get_facecolor()))
        for p in patches
    ]


def layers(figure: Figure) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The upper edge of each colour of the probabilities, and its times."""
    found = {}
    for patch in figure.axes[0].patches:
        values, edges, _ = patch.get_data()
        found[to_hex(patch.get_facecolor())] = (values, edges)
    return found


def test_probabilities_and_strips_are_where_they_were_said() -> None:
    records = [said(1, 3, speaker="A"), said(4, 6, "anger", speaker="B")]
    figure = drawn(records)
    assert strips(figure) == [(1, 3, 0, JOY), (4, 6, 1, ANGER)]
    tops = layers(figure)
    values, edges = tops[JOY]
    assert edges.tolist() == [0, 1, 3, 4, 6]
    np.testing.assert_allclose(values, [np.nan, 0.75, np.nan, 0.25])
    np.testing.assert_allclose(tops[ANGER][0], [np.nan, 1, np.nan, 1])
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["A", "B"]
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim() == (0, 6)


def test_the_order_of_the_records_does_not_matter() -> None:
    records = [said(i, i + 1, ("joy", "anger")[i % 2]) for i in range(9)]
    assert strips(drawn(records[::-1])) == strips(drawn(records))


def test_two_at_once_have_the_mean_and_a_strip_each() -> None:
    figure = drawn([said(0, 4, speaker="A"), said(2, 6, "anger", speaker="B")])
    values, edges = layers(figure)[JOY]
    assert edges.tolist() == [0, 2, 4, 6]
    np.testing.assert_allclose(values, [0.75, 0.5, 0.25])
    assert strips(figure) == [(0, 4, 0, JOY), (2, 6, 1, ANGER)]


def test_means_over_time_are_those_of_a_fine_grid() -> None:
    random = np.random.default_rng(0)
    starts = random.uniform(0, 50, 40)
    ends = starts + random.uniform(0.5, 8, 40)
    values = random.dirichlet(np.ones(3), 40)
    times = np.linspace(0, 60, 25)
    fine = (np.arange(60_000) + 0.5) / 1000
    inside = (starts <= fine[:, None]) & (fine[:, None] < ends)
    weight = inside.reshape(24, 2500, 40).sum(1)
    with np.errstate(invalid="ignore"):
        expected = weight @ values / weight.sum(1, keepdims=True)
    np.testing.assert_allclose(shares.mean(starts, ends, values, times), expected, atol=2e-3)


def test_five_thousand_utterances_are_drawn_pixel_by_pixel() -> None:
    random = np.random.default_rng(1)
    records = [
        said(
            2.0 * i, 2.0 * i + 1.5, ("joy", "anger")[int(random.integers(2))], speaker=f"s{i % 12}"
        )
        for i in range(5000)
    ]
    figure = drawn(records)
    values, _ = layers(figure)[JOY]
    assert len(values) < 1000
    assert 0.3 < np.nanmean(values) < 0.7
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert len(names) == 8
    assert names[-1] == "5 others"
    assert figure.axes[1].get_xlabel() == "time (h:min:s)"


def test_one_utterance_is_a_picture() -> None:
    figure = drawn([said(0.5, 1.5)])
    assert strips(figure) == [(0.5, 1.5, 0, JOY)]
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["emotion"]


def test_without_times_the_order_is_the_axis_and_this_is_told(emocli: Emocli) -> None:
    records = [said(None, None, "joy"), said(None, None, "anger")]
    (one,), told = read(records)
    assert told == ["a.wav: no start and end, so drawn in their order"]
    figure = timeline.draw(one, WHOLE, 800)
    assert figure.axes[1].get_xlabel() == "utterance, in order"
    assert strips(figure) == [(0.5, 1.5, 0, JOY), (1.5, 2.5, 0, ANGER)]
    some, told = read([said(0, 1), said(None, None)])
    assert len(some[0].utterances) == 1
    assert told == ["a.wav: 1 records without start and end are not drawn"]
    clips, _ = read([said(None, None, path=f"{i}.wav") for i in range(4)])
    assert [len(one.utterances) for one in clips] == [4]
    outcome = emocli("plot", "timeline", "--format", "svg", stdin=records)
    assert (outcome.status, outcome.stderr.count("\n")) == (0, 1)


def test_several_recordings_are_pages_of_a_pdf(emocli: Emocli) -> None:
    records = [said(0, 2, path="/data/a.wav"), said(0, 3, path="/data/b.wav")]
    flags = ("plot", "timeline", "--format")
    pdf = emocli(*flags, "pdf", stdin=records)
    assert pdf.status == 0
    assert (
        pdf.stdout.count(b"/Type /Page\n") == 2
        or len(re.findall(rb"/Type /Page\b(?!s)", pdf.stdout)) == 2
    )
    assert b"CreationDate" not in pdf.stdout
    assert emocli(*flags, "pdf", stdin=records).stdout == pdf.stdout
    refused = emocli(*flags, "png", stdin=records)
    assert (refused.status, refused.stdout) == (2, b"")
    assert "2 recordings do not fit into one picture: /data/a.wav, /data/b.wav" in refused.stderr
    for name in ("b.wav", "/data/b.wav"):
        assert emocli(*flags, "svg", "--recording", name, stdin=records).status == 0
    unknown = emocli(*flags, "svg", "--recording", "c.wav", stdin=records)
    assert unknown.status == 2
    assert "no such recording (/data/a.wav, /data/b.wav)" in unknown.stderr


def test_what_has_no_answer_is_hatched(emocli: Emocli) -> None:
    error = {"stage": "x", "code": "no_speech", "message": "m", "hint": ""}
    records = [said(0, 1), {"id": "e", "path": "a.wav", "start": 2, "end": 3, "error": error}]
    records.append(said(4, 5, None))
    figure = drawn(records)
    hatched = [p for p in figure.axes[1].patches if p.get_hatch()]
    assert [p.get_x() for p in hatched] == [2, 4]
    assert timeline.UNANSWERED in [text.get_text() for text in figure.texts]
    outcome = emocli("plot", "timeline", stdin=[*records[1:2]])
    assert outcome.status == 1
    assert "no record has a predicted emotion (run emocli predict first" in outcome.stderr


def test_malformed_records_are_named_and_the_others_drawn(emocli: Emocli) -> None:
    wrong: list[Record] = [
        {"end": 0.5},
        {"start": "x"},
        {"prediction": "joy"},
        {"prediction": {"emotion": "joy", "probabilities": {"joy": -1.0}}},
        {"words": "well"},
        {"text": 7},
    ]
    for change in wrong:
        outcome = emocli(
            "plot", "timeline", stdin=[said(1, 2), {**said(3, 4), "id": "bad", **change}]
        )
        assert outcome.status == 1, change
        assert "bad: " in outcome.stderr
        assert "1 malformed record not drawn" in outcome.stderr
        assert outcome.stdout[:4] == b"\x89PNG"
    cases: list[tuple[list[Record], tuple[str, ...], int, str]] = [
        ([], (), 5, "no input records"),
        ([{"id": "a"}], (), 1, "no record has a predicted emotion"),
        ([said(1, 2)], ("--start", "5"), 2, "a.wav: nothing is said there (1.00 to 2.00 s)"),
        ([said(1, 2)], ("--start", "nan"), 2, "nothing is said there"),
    ]
    for records, flags, status, message in cases:
        outcome = emocli("plot", "timeline", *flags, stdin=records)
        assert (outcome.status, outcome.stdout) == (status, b""), outcome.stderr
        assert message in outcome.stderr


def test_labels_beside_the_seven_have_colours_of_their_own() -> None:
    many = {f"label{i:02}": 1 / 20 for i in range(20)}
    answer = {"emotion": "label19", "probabilities": many}
    figure = drawn([said(0, 2, prediction=answer), said(3, 4)])
    colours = palette.of([*many, "joy", "anger"])
    assert list(colours)[-1] == palette.OTHERS
    assert len(set(colours.values())) == len(colours) == 2 + len(palette.FURTHER) + 1
    assert set(layers(figure)) == set(colours.values())
    assert strips(figure)[0][3] == palette.OTHER
    top = max(layers(figure).values(), key=lambda pair: np.nan_to_num(pair[0])[0])
    assert top[0][0] == pytest.approx(1)


def test_colours_have_the_hues_of_the_terminal() -> None:
    """Red is the largest part of what is red on a terminal, and so on."""
    assert list(palette.COLOURS) == list(prediction.COLOURS)
    largest = {"red": "r", "green": "g", "blue": "b", "yellow": "rg", "magenta": "rb", "cyan": "gb"}
    for emotion, name in prediction.COLOURS.items():
        parts = palette.COLOURS[emotion].lstrip("#")
        amounts = {c: int(parts[2 * i : 2 * i + 2], 16) for i, c in enumerate("rgb")}
        if name == "white":
            assert len(set(amounts.values())) == 1
        else:
            inside = min(amounts[c] for c in largest[name])
            assert all(inside > amounts[c] for c in set("rgb") - set(largest[name])), emotion


def extents(figure: Figure) -> list[tuple[Any, Any]]:
    """Every text that is seen, with its box; ticks beyond an axis are not."""
    figure.draw_without_rendering()
    texts = [*figure.texts, *(t for axes in figure.axes for t in axes.texts)]
    for axes in figure.axes[:2]:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            seen = (
                t for t in axis.get_major_ticks() if min(low, high) <= t.get_loc() <= max(low, high)
            )
            texts += [t.label1 for t in seen if t.label1.get_visible()]
    return [(text, text.get_window_extent()) for text in texts if text.get_text()]


@pytest.mark.parametrize("width", [400, 700, 1000])
@pytest.mark.parametrize("count", [1, 12, 150])
def test_no_text_touches_another_or_leaves_the_page(count: int, width: int) -> None:
    random = np.random.default_rng(count)
    records, at = [], 0.0
    for i in range(count):
        seconds = float(random.uniform(0.8, 7))
        words = ["oh,", "that", "is", "what", "I", "thought", "when", "he", "came", "in"]
        text = " ".join(random.choice(words, int(random.integers(1, 12))))
        speaker = ("Monica", "a speaker with a very long name indeed")[i % 2]
        records.append(
            said(at, at + seconds, ("joy", "anger")[i % 3 == 0], text=text, speaker=speaker)
        )
        at += seconds
    figure = drawn(records, width)
    found = extents(figure)
    for (one, a), (two, b) in combinations(found, 2):
        apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        assert apart, (one.get_text(), two.get_text())
    wide, high = figure.bbox.width, figure.bbox.height
    for text, box in found:
        assert box.x0 >= 0, text.get_text()
        assert box.x1 <= wide, text.get_text()
        assert 0 <= box.y0 <= box.y1 <= high, text.get_text()


def test_captions_never_cover_one_another_or_a_line_that_leads_up() -> None:
    random = np.random.default_rng(3)
    listed = [
        captions.Caption(float(x), "what he said", float(w), "#000000")
        for x, w in zip(random.uniform(0, 900, 120), random.random(120), strict=True)
    ]
    placed = captions.placed(listed, 900)
    assert len(placed) >= 12
    assert max(listed, key=lambda c: c.weight) in [place.caption for place in placed]
    for one, two in combinations(placed, 2):
        if one.line == two.line:
            assert one.right < two.left or two.right < one.left
        above, below = sorted((one, two), key=lambda place: place.line)
        if above.line < below.line:
            assert not above.left < below.caption.moment < above.right


def test_words_stand_at_their_times_where_a_few_seconds_are_shown() -> None:
    words = [
        {"text": w, "start": 10 + i, "end": 10.8 + i} for i, w in enumerate(("so", "that", "is"))
    ]
    records = [said(10, 13, words=words, speaker="A"), said(40, 60, speaker="B")]
    close = drawn(records, part=(9.0, 14.0))
    tier = close.axes[2]
    assert [text.get_text() for text in tier.texts] == ["so", "that", "is"]
    assert tier.get_xlim() == (9, 14)
    far = drawn(records)
    assert "well then" in [text.get_text() for axes in far.axes for text in axes.texts]


def test_times_are_those_of_a_clock() -> None:
    assert clock.step(0, 600, 500) == 60
    assert clock.step(0, 10_800, 300) >= 1800
    for last in (0.7, 5, 90, 600, 4000, 90_000):
        step = clock.step(0, last, 300)
        assert last / step < 20


def test_letters_without_glyphs_are_told_of_once(emocli: Emocli) -> None:
    records = [said(i, i + 1, text="\U00013000 \U00013001") for i in range(5)]
    outcome = emocli("plot", "timeline", stdin=records)
    assert outcome.status == 0
    assert outcome.stderr.count("\n") == 1


def test_a_talk_needs_an_answer() -> None:
    with pytest.raises(EmocliError, match="predicted emotion"):
        read([{"id": "a", "path": "a.wav", "start": 0, "end": 1}])
