"""A bundle rebuilds itself, or says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import torch
from safetensors.torch import load_file, save_file

from emocli import models
from emocli.bundles import bundle, specs
from emocli.errors import ConfigError, EmocliError, UsageError
from emocli.pipeline.windows import Window
from emocli.stages import predict
from tests.commands import bundles
from tests.conftest import Emocli

SPEC = {"modality": "audio", "encoder": "e", "layer": [2], "pooling": "mean", "dim": 4}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = models.build("mlp", {"dims": {"audio": 4}, "classes": 2, "hidden": 3})
    contents = {
        "name": "small",
        "architecture": "mlp",
        "config": {"dims": {"audio": 4}, "classes": 2, "hidden": 3},
        "labels": ["joy", "anger"],
        "streams": {"audio": SPEC},
    }
    adapter = {"lora_a": torch.ones(2, 2)}
    bundle.save(tmp_path / "b", model, contents, "# card\n", audio=adapter)
    return tmp_path / "b"


def test_it_comes_back_as_it_was(folder: Path) -> None:
    trained = bundle.read(folder)
    assert trained.labels == ["joy", "anger"]
    assert trained.model()({"audio": torch.ones(1, 4)}, {"audio": torch.tensor([True])}).shape == (
        1,
        2,
    )
    assert torch.equal((trained.adapter("audio") or {})["lora_a"], torch.ones(2, 2))
    assert trained.adapter("text") is None
    assert trained.name.startswith("small@")


def test_damaged_weights_are_noticed(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    tensors["output.weight"] = torch.zeros_like(tensors["output.weight"])
    save_file(tensors, file)
    with pytest.raises(ConfigError, match="canary"):
        bundle.read(folder).model()


@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_keys_that_do_not_fit_are_named(folder: Path, change: str) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    if change == "missing":
        del tensors["output.bias"]
    else:
        tensors["surplus"] = torch.ones(1)
    save_file(tensors, file)
    with pytest.raises(ConfigError, match="output.bias" if change == "missing" else "surplus"):
        bundle.read(folder).model()


def test_what_is_no_bundle_says_so(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a bundle"):
        bundle.read(tmp_path / "nothing")
    config = orjson.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_bytes(orjson.dumps({**config, "format": 99}))
    with pytest.raises(ConfigError, match="format 99"):
        bundle.read(folder)
    (folder / "config.json").write_bytes(b"{torn")
    with pytest.raises(ConfigError, match=r"config\.json"):
        bundle.read(folder)


def test_the_digest_follows_the_weights(folder: Path) -> None:
    before = bundle.read(folder).digest
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "adapter.audio.more": torch.ones(1)}, folder / "model.safetensors")
    assert bundle.read(folder).digest != before


@pytest.mark.parametrize(
    ("feature", "says"),
    [
        ({**SPEC, "revision": "any"}, None),
        ({**SPEC, "layer": [3]}, "layer"),
        ({**SPEC, "pooling": "mean+std"}, "pooling"),
        ({**SPEC, "encoder": "f"}, "encoder"),
        ({**SPEC, "dim": 8}, "dim"),
        ({**SPEC, "adapter": "abc"}, "adapter"),
    ],
)
def test_features_of_another_kind_are_told_apart(
    feature: dict[str, object], says: str | None
) -> None:
    problem = specs.mismatch(SPEC, feature)
    assert problem is None if says is None else says in str(problem)


def test_weights_that_are_no_numbers_are_noticed(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["output.bias"][0] = float("nan")
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(ConfigError, match="canary"):
        bundle.read(folder).model()


def test_a_bundle_that_cannot_be_written_leaves_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bundle.read(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(EmocliError, match=r"cannot write the model: .*No space left"):
        bundle.save(folder, before.model(), dict(before.contents), "# other\n")
    assert bundle.read(folder).digest == before.digest
    assert not list(folder.glob("*.part"))


def test_what_another_program_made_is_not_written_over(folder: Path, tmp_path: Path) -> None:
    model, contents = bundle.read(folder).model(), dict(bundle.read(folder).contents)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UsageError, match="would be overwritten"):
        bundle.save(tmp_path / "theirs", model, contents, "# card\n")
    assert (tmp_path / "theirs" / "config.json").read_text() == '{"model_type": "bert"}'
    bundle.save(folder, model, contents, "# new\n")
    assert (folder / "card.md").read_text() == "# new\n"


@pytest.mark.parametrize("name", [n for n in models.names() if models.takes_time(n)])
def test_a_model_of_sequences_has_a_canary_too(tmp_path: Path, name: str) -> None:
    config: dict[str, Any] = {"dims": {"audio": 4, "text": 4}, "classes": 2, "hidden": 8}
    if name == "late-fusion":
        config |= {"hidden": dict.fromkeys(config["dims"], 8), "weights": {"audio": 1, "text": 0.5}}
    contents = {
        "name": "long",
        "architecture": name,
        "config": config,
        "labels": ["joy", "anger"],
        "streams": {"audio": {**SPEC, "pooling": "frames/4"}, "text": SPEC},
    }
    saved = bundle.save(tmp_path / "b", models.build(name, config), contents, "# card\n")
    assert saved.model().config.dims == config["dims"]
    assert [specs.timed(spec) for spec in saved.streams.values()] == [True, False]
    file = tmp_path / "b" / "model.safetensors"
    save_file({n: t * 2 for n, t in load_file(file).items()}, file)
    with pytest.raises(ConfigError, match="canary"):
        bundle.read(tmp_path / "b").model()


def test_other_contents_leave_the_weights_alone(folder: Path, tmp_path: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    before = bundle.read(folder)
    contents = {**before.contents, "calibration": {"temperature": 2.0}}
    copied = bundle.revise(before, tmp_path / "copy", contents, "# copy\n")
    assert bundle.read(folder).digest == before.digest != copied.digest
    here = bundle.revise(before, folder, contents, "# new\n")
    for found in (copied, here):
        assert found.contents["calibration"] == {"temperature": 2.0}
        assert (found.folder / "model.safetensors").read_bytes() == weights
        assert found.model() is not None
        assert not list(found.folder.glob("*.part"))
    assert (folder / "card.md").read_text() == "# new\n"
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="would be overwritten"):
        bundle.revise(before, tmp_path / "theirs", contents, "# copy\n")


def test_a_bundle_may_answer_in_numbers_only(folder: Path) -> None:
    contents = bundle.read(folder).contents
    heads = [{"target": "valence", "kind": "number", "mean": 3.0, "scale": 0.5}]
    trained = bundle.Bundle(folder, {**contents, "labels": [], "heads": heads})
    assert trained.labels == []
    assert [(head.target, head.scale) for head in trained.heads] == [("valence", 0.5)]


def test_a_predictor_has_a_kind_and_one_that_is_not_known_is_refused(
    folder: Path, emocli: Emocli
) -> None:
    config = orjson.loads((folder / "config.json").read_bytes())
    assert config.pop("kind") == "fusion"
    (folder / "config.json").write_bytes(orjson.dumps(config))
    assert bundle.read(folder).kind == "fusion"  # as bundles were written before there were kinds
    (folder / "config.json").write_bytes(orjson.dumps({**config, "kind": "oracle"}))
    for command in ("predict", "fuse"):
        done = (
            emocli(command, "-m", str(folder), "--text", "hm")
            if command == "predict"
            else (emocli(command, "-m", str(folder), stdin=[{"id": "a"}]))
        )
        assert (done.status, done.stdout) == (3, b"")
        assert "'oracle'" in done.stderr


def test_a_model_is_built_and_checked_once_per_process(
    tmp_path: Path, emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = bundles.save(tmp_path / "m", "gated")
    build, built = models.build, []
    monkeypatch.setattr(models, "build", lambda *a, **k: built.append(a[0]) or build(*a, **k))
    done = emocli("predict", "-m", str(trained.folder), stdin=bundles.records(bundles.VECTORS))
    assert (done.status, built) == (0, ["gated"])
    again = bundle.read(trained.folder)
    assert again.model() is again.model("cpu")


def test_another_kind_of_predictor_needs_no_streams_and_no_weights(
    tmp_path: Path, emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always_joy(*_: Any) -> Any:
        return lambda records: (r | {"prediction": {"emotion": "joy"}} for r in records)

    kind = predict.Kind(always_joy, lambda *_: Window(), lambda _: 0)
    monkeypatch.setitem(predict.KINDS, "oracle", kind)
    (tmp_path / "config.json").write_bytes(orjson.dumps({"format": 1, "kind": "oracle"}))
    done = emocli("predict", "-m", str(tmp_path), stdin=[{"id": "a"}])
    assert (done.status, done.records[0]["prediction"]) == (0, {"emotion": "joy"})
