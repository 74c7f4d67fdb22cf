"""Stages from Python: a context, records in, records out; no command line anywhere."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli import pipeline, stages
from emocli.bundles import checkpoint as checkpoints
from emocli.bundles import language as predictors
from emocli.bundles.bundle import Bundle
from emocli.io.store import Store
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.signals.eeg_preparation import Preparation
from emocli.stages import (
    align,
    annotate,
    checkpoint,
    describe,
    encode,
    estimated_shares,
    extract_audio,
    extract_eeg,
    extract_video,
    fuse,
    instruct,
    language,
    language_predictor,
    normalize,
    pool,
    predict,
    prosody,
    speech,
    transcribe,
    upstream,
)
from emocli.stages.annotate.raters import Panel
from emocli.stages.augment import modalities as copies
from emocli.stages.language_predictor import bringing
from tests.commands import bundles
from tests.encoders import tiny_checkpoints
from tests.llm import tiny_language

Record = dict[str, Any]
ROOT = Path(__file__).parents[2]
FRAMES = np.arange(6, dtype=np.float32).reshape(3, 2)


def annotating(context: Context, folder: Path) -> pipeline.Stage:
    trained = bundles.save(folder, "gated")
    asked = annotate.annotator(context, model=str(trained.folder))
    return annotate.stage(context, asked, Panel(2, 0), Window())


# Every module of `stages` with a stage, and how it is made of a context and a bundle's folder.
def asking(folder: Path) -> Bundle:
    """Return a predictor that asks a tiny language model."""
    model = tiny_language.write(folder, limit=2048)
    return predictors.zero_shot(str(model), "emotion", prosody="summary")


def bringing_for(context: Context, folder: Path) -> pipeline.Stage:
    asked = asking(folder)
    return bringing.stage(context, asked, predictors.spec(asked))


def estimating(context: Context, folder: Path) -> pipeline.Stage:
    trained = bundles.save(folder, "late-fusion")
    shares = estimated_shares.stage(
        context,
        trained,
        lambda batch: predict.logits(batch, trained),
        lambda chosen: predict.core(context, chosen, 0.0),
        least=2,
    )
    return pipeline.chain(fuse.stage(context, trained), shares)


def published(context: Context, folder: Path) -> pipeline.Stage:
    folder.mkdir()
    tiny_checkpoints.bert(folder)
    return checkpoint.stage(context, checkpoints.opened(str(folder)), 0.0)


MADE: dict[str, Callable[[Context, Path], pipeline.Stage]] = {
    "align": lambda c, _: align.stage(c),
    "annotate": annotating,
    "augment.modalities": lambda c, _: copies.stage(c, copies.Plan(("subsets",), (0.5,), 0)),
    "checkpoint": published,
    "describe": lambda c, _: pipeline.chain(prosody.stage(c), describe.stage(c)),
    "encode": lambda c, _: encode.stage(
        c, {"stream": "voice", "modality": "audio", **encode.plain("audio", "prosody")}
    ),
    "estimated_shares": estimating,
    "extract_audio": lambda c, _: extract_audio.stage(c),
    "extract_eeg": lambda c, _: extract_eeg.stage(c, Preparation()),
    "extract_video": lambda c, _: extract_video.stage(c, {}),
    "fuse": lambda c, f: fuse.stage(c, bundles.save(f, "gated")),
    "instruct": lambda c, _: instruct.stage(c, instruct.Plan()),
    "language": lambda c, _: language.stage(c, "en", lambda _: False),
    "language_predictor": lambda c, f: language_predictor.stage(c, asking(f)),
    "language_predictor.bringing": bringing_for,
    "normalize": lambda c, _: normalize.stage(c, normalize.Plan("speaker", None, 2)),
    "pool": lambda c, _: pool.stage(c, "frames", "pooled", "mean", inline=True),
    "predict": lambda c, f: predict.stage(c, bundles.save(f, "gated")),
    "prosody": lambda c, _: prosody.stage(c),
    "speech": lambda c, _: speech.stage(c, lambda _: True),
    "transcribe": lambda c, _: transcribe.stage(c),
    "upstream": lambda c, f: upstream.stage(c, bundles.save(f, "gated"), lambda _: False),
}
MANY = {"augment.modalities"}  # one record in, several out


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(store=Store(tmp_path / "store"), device="cpu")


@pytest.fixture
def records(context: Context, wav: Callable[..., Path]) -> list[Record]:
    """Return records that every stage has work on, with a failed one in the middle."""
    found = []
    for i, ready in enumerate(bundles.records(bundles.VECTORS, count=14)[6::7]):
        frames = {"modality": "audio", "dim": 2, "pooling": "frames", "layer": 1}
        ready["features"]["frames"] = frames | {"array": context.store.put_array(FRAMES)}
        sound = {"path": str(wav(f"{i}.wav", seconds=0.3)), "speaker": "s"}
        found.append(
            ready
            | sound
            | {"id": f"u{i}", "text": "so glad", "zebra": [i, None], "label": {"emotion": "joy"}}
        )
    error = {"stage": "x", "code": "x", "message": "x", "hint": ""}
    return [found[0], {"id": "bad", "error": error}, found[1]]


def test_every_stage_is_tested_here() -> None:
    names = set()
    for module in pkgutil.walk_packages(stages.__path__, "emocli.stages."):
        if callable(getattr(importlib.import_module(module.name), "stage", None)):
            names.add(module.name.removeprefix("emocli.stages."))
    assert names == set(MADE)


@pytest.mark.usefixtures("default_models")
@pytest.mark.parametrize("name", MADE)
def test_a_stage_needs_a_context_and_gives_back_every_record_in_order(
    name: str, context: Context, records: list[Record], tmp_path: Path
) -> None:
    module = importlib.import_module(f"emocli.stages.{name}")
    first = next(iter(inspect.signature(module.stage, eval_str=True).parameters.values()))
    assert first.annotation is Context
    before = [dict(record) for record in records]
    done = list(MADE[name](context, tmp_path / "model")(iter(records)))
    bad = next(record for record in done if record["id"] == "bad")
    assert bad == before[1]
    assert all("error" not in record for record in done if record is not bad), done
    if name in MANY:
        assert len(done) > len(before)
        return
    assert [record["id"] for record in done] == ["u0", "bad", "u1"]
    for old, new in zip(before, done, strict=True):
        assert all(new[field] == old[field] for field in ("zebra", "text") if field in old)


@pytest.mark.usefixtures("default_models")
def test_what_the_readme_shows_from_python_runs() -> None:
    section = (ROOT / "README.md").read_text().split("## From Python")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(code.splitlines()) <= 12
    command = [sys.executable, "-c", code]  # a process of its own: it loads 400 MB of models
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("examples/clips/joy.wav joy 0.9")
    assert lines[1].startswith("examples/clips/anger.mp3 anger 0.6")
    assert lines[2] == "examples/clips/gone.wav no such file: examples/clips/gone.wav"


def test_work_is_what_is_still_to_be_computed() -> None:
    sound = encode.plain("audio", None) | {"modality": "audio"}
    work = encode.work([{"stream": "audio", **sound}, {"stream": "voice", **sound}])
    hour: Record = {"id": "a", "path": "a.wav", "audio": {"duration": 3600.0}}
    assert work(hour) == 3600.0
    assert work(hour | {"features": {"audio": {"modality": "audio"}}}) == 3600.0
    both = {"audio": {"modality": "audio"}, "voice": {"modality": "audio"}}
    assert work(hour | {"features": both}) == 1.0
