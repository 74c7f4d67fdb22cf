"""The picture of trainings: several runs can be told apart, and their mean is one."""

from __future__ import annotations

import io
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import orjson
import pytest

from emocli.commands import pictures
from emocli.plots import training
from tests.conftest import Emocli
from tests.plots import test_faces

LOSSES = {1: [1.0, 0.8, 0.9], 2: [1.2, 1.0, 0.7, 0.8]}


def log(**about: Any) -> bytes:
    rows = [
        {**about, "fold": fold, "epoch": i + 1, "train_loss": loss / 2, "dev_loss": loss}
        for fold, losses in LOSSES.items()
        for i, loss in enumerate(losses)
    ]
    return b"".join(orjson.dumps({**row, "dev_uar": 0.5}) + b"\n" for row in rows)


def test_folds_have_thin_lines_a_mean_and_a_ring_each() -> None:
    runs = training.find("-", io.BytesIO(log()))
    losses, uar = training.draw(runs, 800).axes
    held = [line for line in losses.lines if line.get_color() == training.DEV]
    thin = [line for line in held if line.get_linewidth() == training.THIN]
    assert [line.get_ydata().tolist() for line in thin] == list(LOSSES.values())
    rings = [line.get_xydata().tolist() for line in held if line.get_marker() == "o"]
    assert rings == [[[2, 0.8]], [[3, 0.7]]]  # the kept epoch of each
    (mean,) = [line for line in held if line.get_linewidth() == training.THICK]
    np.testing.assert_allclose(mean.get_xydata(), [[1, 1.1], [2, 0.9], [3, 0.8]])  # all got there
    assert len(losses.collections) == 2  # a band for each loss
    assert len(uar.lines) == 2 * 2 + 1


def test_streams_have_panels_of_their_own() -> None:
    lines = log(stream="audio") + log(stream="text")
    figure = training.draw(training.find("-", io.BytesIO(lines)), 900)
    assert [axes.get_title() for axes in figure.axes] == ["audio", "", "text", ""]
    assert "2 folds, 2 streams; kept epochs 2 to 3" in figure.texts[0].get_text()


@pytest.mark.parametrize("width", [400, 1000])
def test_the_legend_is_outside(width: int) -> None:
    figure = training.draw(training.find("-", io.BytesIO(log())), width)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert box.y0 >= 0
    assert box.y1 <= min(axes.xaxis.label.get_window_extent().y0 for axes in figure.axes)


@pytest.mark.usefixtures("made_faces")
@pytest.mark.parametrize("name", [module.name for module in iter_modules(pictures.__path__)])
def test_every_picture_has_a_title_of_choice(
    name: str, emocli: Emocli, wav: Any, tmp_path: Path
) -> None:
    said = {"emotion": "joy", "probabilities": {"joy": 0.9, "anger": 0.1}}
    figures = {
        "confusion": {"labels": ["joy"], "matrix": [[3]]},
        "reliability": [{"low": 0, "high": 1, "records": 3, "accuracy": 1, "confidence": 1}],
        "by": {"speaker": "a"},
        "accuracy": 0.5,
        "intervals": {"accuracy": [0.4, 0.6]},
        "epoch": 1,
        "dev_loss": 0.5,
        "train_loss": 0.4,
    }
    sound = {"id": "x", "path": str(wav(seconds=0.5)), "start": 0, "end": 0.5, "prediction": said}
    power = {"modality": "eeg", "encoder": "band-power", "pooling": "mean", "dim": 4}
    power |= {"channels": ["F3", "F4", "O1", "O2"], "bands": {"alpha": [8, 14]}}
    record = {**sound, **figures, "features": {"eeg": {**power, "vector": [1, 2, 3, 4]}}}
    if name == "faces":
        record |= test_faces.kept(test_faces.record(tmp_path))
    flags = ("plot", name, "--format", "svg")
    plain, titled = (
        emocli(*flags, *more, stdin=[record]) for more in ((), ("--title", "Figure 3"))
    )
    assert (plain.status, titled.status) == (0, 0), titled.stderr
    assert b"<!-- Figure 3 -->" in titled.stdout
    assert b"<!-- Figure 3 -->" not in plain.stdout
