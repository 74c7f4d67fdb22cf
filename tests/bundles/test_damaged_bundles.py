"""A bundle with anything wrong in it is refused once, by file, key and value; or it works."""

from __future__ import annotations

import copy
import functools
import itertools
import math
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from safetensors.torch import load_file, save_file

from emocli import models
from emocli.bundles import bundle, outputs
from emocli.errors import ConfigError
from tests.commands import bundles
from tests.conftest import Emocli

HUGE = 10**12
GONE = object()  # the key is not there
WRONG: list[Any] = [
    *(GONE, None, True, 0, -1, 1.5, HUGE, 1e300, "", "x", "\x1b[31m", [], {}, [[]], [{}], [None]),
    *({"x": 1}, {"x": None}, [HUGE], ["x", "x"], [[HUGE]]),
]
NUMBERS = {"target": "valence", "kind": "number", "mean": 3.0, "scale": 0.5}
BLEND = {"target": "blend", "kind": "blend", "labels": bundles.LABELS}
EMOTION = {"target": "emotion", "kind": "classes", "labels": bundles.LABELS}


def prior() -> list[float]:
    from emocli.metrics import blend

    count = len(blend.answers(3, 0))
    return [1 / count] * count


def kinds() -> dict[str, dict[str, Any]]:
    """Return what is said of bundles of every kind that can be made."""
    said: dict[str, dict[str, Any]] = {name: {"model": name} for name in models.names()}
    timed = [name for name in models.names() if models.takes_time(name)]
    said |= {f"{n}-frames": {"model": n, "pooling": bundles.FRAMES} for n in timed}
    plain = {"model": "concat"}
    said["temperature"] = plain | {"calibration": {"temperature": 1.5}}
    said["vector"] = plain | {"calibration": {"weights": [1.0, 0.5, 1.0], "bias": [0.0, 0.1, 0.0]}}
    said["numbers"] = plain | {"heads": [NUMBERS], "labels": [], "columns": 1}
    said["both"] = plain | {"heads": [EMOTION, NUMBERS], "columns": 4}
    published = {"rule": "published", "alpha": 0.15, "beta": 0.2}
    said["published"] = plain | {"heads": [BLEND], "decoder": published}
    expected = {"rule": "expected", "sharpness": 2.0, "prior": prior()}
    said["expected"] = plain | {"heads": [BLEND], "decoder": expected}
    rules = {"language": "en", "min_word_probability": 0.5}
    said["rules"] = plain | {
        "text_rules": rules,
        "audio_rules": {"min_speech_s": 0.3},
        "training": {"seed": 0},
        "metrics": {"x": 1},
    }
    return said


KINDS = kinds()
EVERYTHING = "concat"  # of this kind every key is changed, of the others those they do not share
OWN = {
    kind: {"streams"} if "pooling" in said else set(said) - {"model", "columns"} or {"config"}
    for kind, said in KINDS.items()
}
every_kind = pytest.mark.parametrize("kind", KINDS)
Make = Callable[[str], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    @functools.cache
    def make(kind: str) -> Path:
        said = dict(KINDS[kind])
        folder = tmp_path_factory.mktemp(kind) / "b"
        return bundles.save(folder, said.pop("model"), **said).folder

    return make


@pytest.fixture
def damaged(made: Make, tmp_path: Path) -> Make:
    return lambda kind: Path(shutil.copytree(made(kind), tmp_path / "b"))


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every member of a config, at most the first two of a list."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:2]):
            yield from places(inner, (*at, number))


def changed(contents: Any, at: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(contents)
    inner = result
    for key in at[:-1]:
        inner = inner[key]
    if value is GONE:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return result


def used(folder: Path) -> None:
    """Open a bundle and predict with it, as the commands do."""
    trained = bundle.read(folder)
    model = trained.model()
    logits = bundle.canary(model, trained.streams)
    answers = outputs.of(logits, trained.contents)
    assert len(answers) == bundle.CANARY_ROWS
    for answer in answers:
        assert all(math.isfinite(p) for p in answer.get("probabilities", {}).values())
    assert isinstance(trained.name, str)
    assert np.isfinite(logits).all()


@every_kind
def test_any_wrong_value_of_any_key_is_refused_by_its_name_or_does_no_harm(
    kind: str, damaged: Make
) -> None:
    folder = damaged(kind)
    file = folder / "config.json"
    contents = orjson.loads(file.read_bytes())
    used(folder)
    refused = 0
    started = time.monotonic()
    own = [at for at in places(contents) if kind == EVERYTHING or at[0] in OWN[kind]]
    if kind.endswith(f"-{bundles.FRAMES}"):
        own = [at for at in own if at[:2] == ("streams", "voice")]
    for at, value in itertools.product(own, WRONG):
        file.write_bytes(orjson.dumps(changed(contents, at, value)))
        said = refusal(folder)
        if said is not None:
            refused += 1
            assert "config.json" in said or "canary" in said or "its own streams" in said, at
            assert len(said) < 700
    assert refused > len(own)
    assert time.monotonic() - started < 60


def refusal(folder: Path) -> str | None:
    """Return the words of the refusal of a bundle; None if it works."""
    try:
        used(folder)
    except ConfigError as error:
        return str(error)
    return None


@every_kind
def test_weights_that_are_cut_or_something_else_or_of_another_model(
    kind: str, damaged: Make
) -> None:
    folder = damaged(kind)
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    lfs = b"version https://git-lfs.github.com/spec/v1\n"
    for content in (b"", lfs, b"<html>", whole[:9], whole[:-1], whole + b"x", b"\xff" * 100):
        file.write_bytes(content)
        assert "model.safetensors" in str(refusal(folder))
    file.write_bytes(whole)
    tensors = load_file(file)
    name = sorted(tensors)[-1]
    for others in (
        {n: t for n, t in tensors.items() if n != name},
        {**tensors, "surplus": torch.ones(2)},
        {**tensors, name: torch.zeros(*(n + 1 for n in tensors[name].shape), 2)},
    ):
        save_file(others, file)
        assert "do not fit the model" in str(refusal(folder))


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"{", b"\xff\xfe", b"[" * 10**5, b"{}"])
def test_a_config_that_is_something_else(content: bytes, damaged: Make) -> None:
    folder = damaged("mlp")
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.json|format None"):
        bundle.read(folder)


REPORTED: list[tuple[tuple[Any, ...], Any]] = [
    (("config", "dims", "audio"), HUGE),
    (("config", "dims"), 3),
    (("config", "hidden"), HUGE),
    (("config", "hidden"), 60_000),
    (("heads",), 3),
    (("calibration",), {"temperature": "x"}),
    (("decoder",), {"rule": 3}),
    (("canary",), "x"),
    (("architecture",), GONE),
    (("name",), GONE),
]


@pytest.mark.parametrize("command", ["predict", "fuse", "calibrate"])
def test_a_command_ends_once_without_a_record(command: str, damaged: Make, emocli: Emocli) -> None:
    folder = damaged("mlp")
    file = folder / "config.json"
    contents = orjson.loads(file.read_bytes())
    rows = [r | {"label": {"emotion": "joy"}} for r in bundles.records(bundles.VECTORS)]
    for at, value in REPORTED:
        changes = {**contents, "heads": [EMOTION], "decoder": {}, "calibration": {}}
        file.write_bytes(orjson.dumps(changed(changes, at, value)))
        done = emocli(command, "-m", str(folder), stdin=rows)
        assert (done.status, done.stdout) == (3, b""), (at, done.stderr)
        assert done.stderr.count("config.json") == 1
        assert str(at[-1]) in done.stderr or "numbers" in done.stderr
