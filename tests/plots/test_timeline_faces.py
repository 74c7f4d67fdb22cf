"""The strip of the face in the picture of a recording: what it shows, when, and what goes wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from emocli.io.store import Store
from emocli.modalities import faces_told
from emocli.plots import palette, talk, timeline
from emocli.records.labels import EMOTIONS
from tests.conftest import Emocli

Record = dict[str, Any]
JOY, FEAR = palette.COLOURS["joy"], palette.COLOURS["fear"]


def logits(*emotions: str, height: float = 60.0) -> np.ndarray:
    """The expression net's last layer: a frame an emotion."""
    values = np.zeros((len(emotions), faces_told.LOGITS.stop), np.float32)
    for row, name in enumerate(emotions):
        values[row, faces_told.LOGITS.start + EMOTIONS.index(name)] = height
    return values


def film(times: list[float], looked: list[float], **fields: Any) -> Record:
    """A record of a film in which a face is seen at some of the times that are looked at."""
    track = {"id": 1, "times": times, "boxes": [[0, 0, 9, 9]] * len(times), "scores": [1] * 9}
    said = {"emotion": "anger", "probabilities": {"anger": 0.6, "joy": 0.4}}
    faces = {"count": 1, "judged": [1], "why": "the only face", "tracks": [track]}
    about = {"times": looked, "duration": 4.0, "faces": faces}
    return {"id": "f", "path": "f.mp4", "video": about, "prediction": said, **fields}


def with_logits(record: Record, values: np.ndarray) -> Record:
    made = {"modality": "video", "encoder": "face-expression", "pooling": "frames", "dim": 263}
    return {**record, "features": {"video": {**made, "array": Store(None).put_array(values)}}}


def read(*records: Record) -> tuple[list[talk.Talk], list[str]]:
    told: list[str] = []
    stdin = io.BytesIO(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return talk.Reading(told.append).read("-", stdin, None), told


def drawn(*records: Record) -> Figure:
    (one,), _ = read(*records)
    return timeline.draw(one, (None, None), 800)


def strip(figure: Figure, row: int = 1) -> list[tuple[float, float, str]]:
    """Begin, end and colour of every block of a strip."""
    patches = [p for p in figure.axes[1].patches if isinstance(p, Rectangle)]
    return [
        (round(p.get_x(), 6), round(p.get_x() + p.get_width(), 6), to_hex(p.get_facecolor()))
        for p in patches
        if int(p.get_y()) == row
    ]


LOOKED = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


def test_a_second_has_the_colour_of_its_mean_and_nobody_leaves_it_empty() -> None:
    seen = [0.0, 0.5, 1.0, 3.0, 3.5]
    values = logits("joy", "fear", "joy", "fear", "fear")
    values[1] /= 2  # joy is surer than fear in the first second
    figure = drawn(with_logits(film(seen, LOOKED, start=0, end=4), values))
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["emotion", "face"]
    assert strip(figure) == [(0, 1.5, JOY), (3, 4, FEAR)]


def test_shares_are_of_logits_divided_by_the_temperature() -> None:
    height = faces_told.TEMPERATURE * np.log(9)
    record = with_logits(film([0.0], LOOKED), logits("joy", height=height))
    (glance,) = faces_told.by_second(record, Store(None))
    assert glance.shares["joy"] == pytest.approx(9 / 15)
    assert (glance.start, glance.end) == (0.0, 0.5)


def test_without_features_the_strip_is_what_was_predicted_of_the_picture() -> None:
    seen = {"emotion": "fear", "probabilities": {"fear": 0.8, "joy": 0.2}}
    figure = drawn(film([1.0, 1.5], LOOKED, start=0, end=4, unimodal={"video": seen}))
    assert strip(figure) == [(1, 2, FEAR)]
    assert len(drawn(film([1.0], LOOKED, start=0, end=4)).axes[1].get_yticklabels()) == 1


def test_times_that_jitter_leave_no_gap() -> None:
    looked = [0.0, 0.48, 1.0, 1.48, 2.0]
    record = with_logits(film(looked, looked, start=0, end=2.5), logits(*["joy"] * 5))
    assert strip(drawn(record)) == [(0, 2.5, JOY)]


def test_a_face_is_drawn_within_its_record() -> None:
    first = with_logits(film([0.0, 0.5], [0.0, 0.5], start=0.2, end=0.7), logits("joy", "joy"))
    second = with_logits(film([0.6, 1.1], [0.6, 1.1], start=0.7, end=1.4), logits("fear", "fear"))
    assert strip(drawn(first, second)) == [(0.2, 0.7, JOY), (0.7, 1.4, FEAR)]


def test_of_several_judged_faces_the_first_is_shown() -> None:
    record = film([0.0], [0.0, 0.5], start=0, end=1)
    faces = record["video"]["faces"]
    faces["tracks"].append({"id": 2, "times": [0.5], "boxes": [[5, 5, 9, 9]], "scores": [1]})
    faces["judged"] = [1, 2]
    assert strip(drawn(with_logits(record, logits("joy", "fear")))) == [(0, 0.5, JOY)]


def test_a_film_as_a_whole_is_drawn_over_its_time() -> None:
    whole = with_logits(film([0.0, 0.5], LOOKED), logits("joy", "joy"))
    words = [{"text": "well", "start": 2.0, "end": 2.5}]
    (one,), told = read({**whole, "audio": {"duration": 4.0}, "words": words})
    assert told == []
    figure = timeline.draw(one, (None, None), 800)
    assert figure.axes[1].get_xlim() == (0, 4)
    assert strip(figure, 0) == [(0, 4, palette.COLOURS["anger"])]
    assert strip(figure) == [(0, 1, JOY)]
    assert [text.get_text() for text in figure.axes[2].texts] == ["well"]
    (several,), _ = read(whole, {**whole, "path": "g.mp4"})
    assert (several.in_order, several.faces) == (True, [])


def test_a_store_that_stayed_behind_is_told_and_the_rest_drawn(
    emocli: Emocli, tmp_path: Path
) -> None:
    record = with_logits(film([0.0], LOOKED, start=0, end=4), logits("joy"))
    flags = ("plot", "timeline", "--format", "svg", "--store")
    done = emocli(*flags, str(tmp_path / "elsewhere"), stdin=[record])
    assert done.status == 0
    assert done.stderr.startswith("emocli plot: f: no strip of the face: ")
    assert done.stderr.count("\n") == 1
    there = emocli(*flags, str(Store(None).root), stdin=[record])
    assert (there.status, there.stderr) == (0, "")


@pytest.mark.parametrize("change", [
    {"judged": [3]}, {"tracks": [{"id": 1, "times": [0.0], "boxes": []}]}, {"tracks": [7]},
])  # fmt: skip
def test_faces_that_are_wrong_are_named(emocli: Emocli, change: Record) -> None:
    wrong = film([0.0], LOOKED, start=0, end=4)
    wrong["video"]["faces"] |= change
    right = {**film([0.0], LOOKED, start=4, end=5), "id": "right"}
    done = emocli("plot", "timeline", "--format", "svg", stdin=[wrong, right])
    assert done.status == 1
    assert "f: video.faces" in done.stderr
    assert "1 malformed record not drawn" in done.stderr
