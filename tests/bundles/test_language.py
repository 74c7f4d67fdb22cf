"""Bundles that are a language model and a prompt: whole, or refused with the reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from emocli.bundles import bundle, language
from emocli.encoders import causal_language_model, language_adapter
from emocli.errors import ConfigError, UsageError
from emocli.stages.language_predictor import answering
from tests.conftest import Emocli
from tests.llm import tiny_language

peft = language_adapter.library()

TEXTS = [{"id": text, "text": text} for text in ("Why?", "No, never.")]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny", limit=2048))


def adapter(backbone: str, seed: int = 0) -> Callable[[Path], None]:
    """Return what writes a random adapter of a backbone into a folder."""

    def write(folder: Path) -> None:
        import torch

        network, _ = causal_language_model.load(backbone)
        settings = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
        adapted = peft.get_peft_model(network, settings)
        torch.manual_seed(seed)
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.data = torch.randn_like(parameter)
        adapted.save_pretrained(folder)

    return write


def contents(named: str, **more: Any) -> dict[str, Any]:
    return {**language.zero_shot(named, "emotion").contents, "name": "voice", **more}


@pytest.fixture
def whole(backbone: str, tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    language.save(folder, contents(backbone), "card", adapter(backbone))
    return folder


def shares(records: list[dict[str, Any]]) -> np.ndarray:
    return np.array([list(record["prediction"]["probabilities"].values()) for record in records])


def test_a_bundle_predicts_with_its_adapter_and_says_whose_it_is(
    emocli: Emocli, backbone: str, whole: Path
) -> None:
    outcome = emocli("predict", "-m", str(whole), stdin=TEXTS)
    assert outcome.status == 0, outcome.stderr
    plain = emocli("predict", "--llm", backbone, stdin=TEXTS)
    assert np.abs(shares(outcome.records) - shares(plain.records)).max() > 1e-2
    found = outcome.records[0]["prediction"]
    assert found["model"] == bundle.read(whole).name
    assert found["prompting"]["backbone"] == backbone
    assert sorted(p.name for p in whole.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "card.md",
        "config.json",
    ]


def test_an_adapter_answers_as_peft_itself_applies_it(backbone: str, whole: Path) -> None:
    import torch

    network, _ = causal_language_model.load(backbone)
    ours = language_adapter.applied(network, whole)
    other, _ = causal_language_model.load(backbone)
    theirs = peft.PeftModel.from_pretrained(other, whole)
    ids = torch.arange(5, 40)[None]
    with torch.inference_mode():
        torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, atol=1e-4, rtol=1e-4)


def test_a_bundle_without_an_adapter_answers_as_its_backbone(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    language.save(tmp_path / "plain", contents(backbone), "card", None)
    found = emocli("predict", "-m", str(tmp_path / "plain"), stdin=TEXTS).records
    plain = emocli("predict", "--llm", backbone, stdin=TEXTS).records
    np.testing.assert_allclose(shares(found), shares(plain), atol=1e-6)


def test_a_fitted_prior_is_subtracted(emocli: Emocli, backbone: str, tmp_path: Path) -> None:
    values = [0.5, -1.0, 0.0, 2.0, 0.25, -0.5, 1.0]
    fitted = contents(backbone, prior="fitted", prior_values=values)
    language.save(tmp_path / "fitted", fitted, "card", None)
    found = shares(emocli("predict", "-m", str(tmp_path / "fitted"), stdin=TEXTS).records)
    raw = shares(emocli("predict", "--llm", backbone, "--prior", "none", stdin=TEXTS).records)
    expected = raw * np.exp(-np.array(values))
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=1e-4)


@pytest.mark.parametrize("values", [[], [0.5], [0.0] * 8])
def test_a_fitted_prior_of_other_labels_is_refused(
    emocli: Emocli, backbone: str, tmp_path: Path, values: list[float]
) -> None:
    fitted = contents(backbone, prior="fitted", prior_values=values)
    language.save(tmp_path / "fitted", fitted, "card", None)
    outcome = emocli("predict", "-m", str(tmp_path / "fitted"), stdin=TEXTS)
    assert outcome.status == 3
    assert f"{len(values)} prior_values for 7 answers" in outcome.stderr
    assert outcome.stdout == b""


def test_with_an_adapter_nothing_is_subtracted_unless_it_is_said(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    unsaid = {k: v for k, v in contents(backbone).items() if k != "prior"}
    language.save(tmp_path / "trained", unsaid, "card", adapter(backbone))
    language.save(tmp_path / "plain", unsaid, "card", None)
    for name, prior in (("trained", "none"), ("plain", "sentences")):
        (record, _) = emocli("predict", "-m", str(tmp_path / name), stdin=TEXTS).records
        assert record["prediction"]["prompting"]["prior"] == prior


def test_a_bundle_does_what_other_models_do(emocli: Emocli, whole: Path, backbone: str) -> None:
    argv = ("predict", "-m", str(whole), "--abstain", "0.999")
    records = [{**r, "label": {"emotion": "joy"}} for r in TEXTS]
    doubtful = emocli(*argv, stdin=records).records
    assert all(r["prediction"]["emotion"] is None for r in doubtful)
    files = []
    for name, model in (("ours", ["-m", str(whole)]), ("theirs", ["--llm", backbone])):
        files.append(whole.parent / f"{name}.jsonl")
        assert emocli("predict", *model, "-o", str(files[-1]), stdin=records).status == 0
    compared = emocli("score", "--compare", *map(str, files))
    assert compared.status == 0, compared.stderr


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def _without(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [_half, _without])
@pytest.mark.parametrize("name", language_adapter.FILES)
def test_an_adapter_that_is_half_there_is_refused(
    emocli: Emocli, whole: Path, name: str, harm: Callable[[Path], None]
) -> None:
    harm(whole / name)
    outcome = emocli("predict", "-m", str(whole), stdin=TEXTS)
    assert outcome.status == 3
    assert name in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_adapter_of_another_network_is_refused_and_not_drawn_at_random(
    backbone: str, whole: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    path = whole / language_adapter.WEIGHTS
    tensors = load_file(path)
    tensors.pop(min(tensors))
    save_file(tensors, path)
    network, _ = causal_language_model.load(backbone)
    with pytest.raises(ConfigError, match="1 tensors differ"):
        language_adapter.applied(network, whole)


def test_another_revision_of_the_backbone_is_refused(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    other = contents(backbone, backbone={"name": backbone, "revision": "hub:other"})
    language.save(tmp_path / "other", other, "card", None)
    outcome = emocli("predict", "-m", str(tmp_path / "other"), stdin=TEXTS)
    assert outcome.status == 3
    assert "hub:other" in outcome.stderr


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("backbone", None, "backbone"),
        ("template", {}, "no text name"),
        ("context", -1, "context"),
        ("decode", "beam", "decode"),
        ("labels", [], "one or more labels"),
        ("prior", "mean", "prior"),
        ("prior_values", ["x"], "prior_values"),
    ],
)
def test_damaged_contents_are_named(
    emocli: Emocli, backbone: str, tmp_path: Path, key: str, value: Any, message: str
) -> None:
    language.save(tmp_path / "b", contents(backbone), "card", None)
    path = tmp_path / "b" / "config.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), key: value}))
    outcome = emocli("predict", "-m", str(tmp_path / "b"), stdin=TEXTS)
    assert outcome.status == 3, outcome.stderr
    assert message in outcome.stderr
    assert "Traceback" not in outcome.stderr


ODD: list[Any] = [None, 7, -1.5, "x", "", [], ["x"], {}, {"x": 1}, True, [[1]]]


def places(inside: Any) -> list[list[str]]:
    """Return the path of everything in contents, lists as a whole."""
    if not isinstance(inside, dict):
        return []
    return [[key, *below] for key in inside for below in ([], *places(inside[key]))]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_no_value_at_any_place_ends_in_a_traceback(
    emocli: Emocli, backbone: str, tmp_path: Path, value: Any
) -> None:
    more = {"prior_values": [0.0] * 7, "calibration": {"temperature": 1.5}, "adapter": None}
    language.save(tmp_path / "b", contents(backbone, prior="fitted", **more), "card", None)
    path = tmp_path / "b" / "config.json"
    whole = orjson.loads(path.read_bytes())
    for place in places(whole):
        harmed = copy.deepcopy(whole)
        inside = harmed
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = value
        path.write_bytes(orjson.dumps(harmed))
        outcome = emocli("predict", "-m", str(tmp_path / "b"), stdin=TEXTS[:1])
        assert outcome.status in (0, 3, 4), (place, outcome.stderr)
        assert "Traceback" not in outcome.stderr, place
        assert "unexpected" not in outcome.stderr, (place, outcome.stderr)


def test_files_of_others_are_not_overwritten(backbone: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="would be overwritten"):
        language.save(tmp_path, contents(backbone), "card", None)
    assert (tmp_path / "config.json").read_text() == "{}"


def test_a_folder_named_as_a_model_of_the_catalog_is_not_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("smollm2-135m-instruct", "mine"):
        (tmp_path / name).mkdir()
    assert language.lasting("smollm2-135m-instruct") == "smollm2-135m-instruct"
    assert language.lasting("mine") == str(tmp_path / "mine")


def test_a_gguf_file_is_a_model_with_a_revision(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    found = answering.located(str(tmp_path / "x.gguf"), offline=True)
    assert found.folder == tmp_path / "x.gguf"
    assert found.revision.startswith("local:")
