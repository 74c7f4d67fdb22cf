"""The picture of faces: what stands where, and what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli.io.store import Store
from emocli.modalities import faces_told
from emocli.plots import faces, faces_seen, page
from emocli.records.labels import EMOTIONS
from tests.conftest import Emocli
from tests.signals import films

Record = dict[str, Any]
TIMES = [0.0, 0.04, 0.08, 0.12]


def record(folder: Path, **fields: Any) -> Record:
    """A film of five frames, two faces in it, and logits of the second, which is judged."""
    tracks = [
        {"id": 1, "times": TIMES, "boxes": [[2, 2, 10, 10]] * 4, "scores": [0.9] * 4},
        {"id": 2, "times": TIMES[:2], "boxes": [[30, 8, 12, 12]] * 2, "scores": [0.8] * 2},
    ]
    told = {"count": 2, "judged": [2], "why": "most visible", "tracks": tracks}
    values = np.zeros((2, 263))
    values[0, faces_told.LOGITS.start + EMOTIONS.index("joy")] = 6 * np.log(4)
    values[1, faces_told.LOGITS.start + EMOTIONS.index("fear")] = 6 * np.log(9)
    made = {"modality": "video", "encoder": "face-expression", "pooling": "frames", "dim": 263}
    return {
        "id": "film",
        "path": str(films.cheap(folder / "film.avi")),
        "video": {"times": TIMES, "width": films.WIDTH, "faces": told},
        "features": {"video": {**made, "array": values}},
        **fields,
    }


def read(given: Record, most: int = 8) -> faces_seen.Seen:
    return faces_seen.read(given, Store(None), most, lambda _: None)


def kept(given: Record) -> Record:
    """The record as it is written: its features in the store."""
    feature = given["features"]["video"]
    array = Store(None).put_array(feature["array"].astype(np.float32))
    return {**given, "features": {"video": {**feature, "array": array}}}


def test_the_judged_face_has_its_logits_divided_by_the_temperature(tmp_path: Path) -> None:
    joy, fear = read(record(tmp_path)).talk.utterances
    assert joy.speaker == fear.speaker == "face 2"
    assert (joy.emotion, fear.emotion) == ("joy", "fear")
    assert joy.shares["joy"] == pytest.approx(4 / 10)
    assert fear.shares["fear"] == pytest.approx(9 / 15)
    assert (joy.start, joy.end, fear.end) == pytest.approx((0.0, 0.04, 0.08))


def test_frames_are_those_of_their_times_and_few(tmp_path: Path) -> None:
    seen = read(record(tmp_path), most=3)
    assert [time for time, _ in seen.frames] == [0.0, 0.08, 0.12]
    rate = films.RATE_HZ
    expected = [int(np.floor(time * rate + 1e-6)) for time, _ in seen.frames]
    assert films.numbers(np.stack([image for _, image in seen.frames])) == expected


def test_boxes_are_where_the_faces_are_and_the_judged_one_is_thick(tmp_path: Path) -> None:
    figure = faces.draw(read(record(tmp_path)), 800)
    boxes = {tuple(map(float, b.get_bbox().bounds)): b for b in figure.axes[0].patches}
    assert set(boxes) == {(2, 2, 10, 10), (30, 8, 12, 12)}
    thick, thin = boxes[30, 8, 12, 12], boxes[2, 2, 10, 10]
    assert thick.get_linewidth() > thin.get_linewidth()
    assert thick.get_edgecolor() != thin.get_edgecolor()
    assert [text.get_text() for text in figure.axes[0].texts] == ["2", "1"]
    assert [len(axes.patches) for axes in figure.axes[:4]] == [2, 2, 1, 1]
    written = {text.get_text() for text in figure.texts}
    assert {"face 1", "face 2, judged", "2 faces in 4 frames"} <= written


def test_a_smaller_frame_has_its_boxes_scaled(tmp_path: Path) -> None:
    given = record(tmp_path)
    given["video"]["width"] = 2 * films.WIDTH
    figure = faces.draw(read(given), 800)
    assert figure.axes[0].patches[1].get_bbox().bounds == (1, 1, 5, 5)


def test_what_was_predicted_of_the_picture_serves_without_features(tmp_path: Path) -> None:
    said = {"emotion": "joy", "probabilities": {"joy": 0.7, "fear": 0.3}}
    given = record(tmp_path, unimodal={"video": said}, prediction=said)
    del given["features"]
    seen = read(given)
    assert [u.speaker for u in seen.talk.utterances] == ["face 2", "face 2", "predicted"]
    assert seen.talk.utterances[0].shares == said["probabilities"]


def test_the_same_record_gives_the_same_bytes(emocli: Emocli, tmp_path: Path) -> None:
    given = kept(record(tmp_path))
    for kind in ("png", "svg"):
        flags = ("plot", "faces", "--width=400", "--format", kind)
        first = emocli(*flags, stdin=[given])
        assert (first.status, first.stderr) == (0, "")
        assert emocli(*flags, stdin=[given]).stdout == first.stdout


@pytest.mark.parametrize("change", [
    ({"tracks": [], "count": 0, "judged": []}, "no face to draw (4 frames looked at)"),
    ({"judged": [3]}, "video.faces: no track 3, which is judged"),
    ({"judged": [1]}, "features.video has 2 frames, the judged faces 4"),
    ({"tracks": [{"id": 1, "times": [0.0], "boxes": []}]}, "a track has 1 times and 0 boxes"),
    ({"tracks": [7]}, "video.faces.tracks[0] is not an object"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_said_in_one_line(
    emocli: Emocli, tmp_path: Path, change: tuple[Record, str]
) -> None:
    given = kept(record(tmp_path))
    given["video"]["faces"] |= change[0]
    done = emocli("plot", "faces", stdin=[given])
    assert done.status != 0
    assert done.stderr.startswith("emocli plot: film: ")
    assert change[1] in done.stderr
    assert done.stderr.count("\n") == 1


def test_many_faces_are_bounded(tmp_path: Path) -> None:
    given = record(tmp_path)
    tracks = [{**given["video"]["faces"]["tracks"][1], "id": n} for n in range(1, 41)]
    given["video"]["faces"]["tracks"] = tracks
    figure = faces.draw(read(given), 800)
    assert "34 more" in {text.get_text() for text in figure.texts}
    assert figure.get_size_inches()[1] * page.DPI < 1200
