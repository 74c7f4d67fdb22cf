"""`train --model language --soft`: features are learned as soft tokens, kept, predicted with."""

from __future__ import annotations

import io
import json
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile

from emocli.bundles import bundle, soft_streams
from emocli.cli import main
from emocli.errors import ConfigError
from emocli.llm import soft_layouts
from tests.conftest import Emocli
from tests.llm import tiny_language

LABELS = ["joy", "anger"]
CONFIG = """[training]
epochs = {epochs}
learning_rate = 0.003
batch_size = 16
dropout = 0.0
modality_dropout = {dropout}
rank = {rank}
dev_records = 40
evaluations = 2
"""


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny", limit=2048))


TEMPLATE = """name = "emotion"
labels = ["joy", "anger"]
system = "?"
[format]
plain = ""
thought = ""
[answer]
plain = "$answer"
"""


def settings(folder: Path, epochs: int = 14, rank: int = 16, dropout: float = 0.0) -> str:
    path = folder / "settings.toml"
    path.write_text(CONFIG.format(epochs=epochs, rank=rank, dropout=dropout))
    return str(path)


def layout(folder: Path, text: str, name: str = "layout.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


TWO = """prompt = "<left><right>"
words = false
[slots.left]
tokens = 2
streams = ["left"]
projector = "low-rank"
[slots.right]
tokens = 2
streams = ["right"]
projector = "low-rank"
"""
ONE = TWO[: TWO.index("[slots.right]")].replace("<right>", "")


def feature(values: Any) -> dict[str, Any]:
    return {"modality": "sign", "dim": len(values), "vector": [round(v, 4) for v in values]}


def records(count: int = 160, seed: int = 0) -> list[dict[str, Any]]:
    """Return records whose label is the exclusive or of the signs of two streams."""
    draws, made = random.Random(seed), []
    for i in range(count):
        signs = [draws.choice((-1, 1)) for _ in range(2)]
        parts = [[s * k + draws.gauss(0, 0.2) for k in (1, -1, 2)] for s in signs]
        label = LABELS[int(signs[0] != signs[1])]
        streams = dict(zip(("left", "right"), map(feature, parts), strict=True))
        about = {"id": f"r{i}", "speaker": f"s{i % 8}", "label": {"emotion": label}}
        made.append({**about, "features": streams})
    return made


def hits(found: list[dict[str, Any]]) -> float:
    return sum(r["prediction"]["emotion"] == r["label"]["emotion"] for r in found) / len(found)


def without(stream: str, some: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**r, "features": {n: f for n, f in r["features"].items() if n != stream}} for r in some
    ]


@pytest.fixture(scope="module")
def exclusive_or(backbone: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle that has learned the exclusive or."""
    folder = tmp_path_factory.mktemp("xor")
    (folder / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records()))
    flags = ["--model", "language", "--backbone", backbone, "--soft", layout(folder, TWO)]
    flags += ["--template", layout(folder, TEMPLATE, "template.toml")]
    flags += ["--config", settings(folder), "-o", str(folder / "m"), str(folder / "records.jsonl")]
    stderr = io.StringIO()
    assert not main.run(["train", *flags], io.BytesIO(), io.BytesIO(), stderr), stderr.getvalue()
    return folder / "m"


def test_the_exclusive_or_of_two_streams_is_learned_and_needs_both(
    emocli: Emocli, exclusive_or: Path
) -> None:
    some = records(80, seed=1)
    found = emocli("predict", "-m", str(exclusive_or), stdin=some).records
    assert hits(found) >= 0.95
    assert found[0]["prediction"]["modalities"] == {"left": 0.5, "right": 0.5}
    assert found[0]["features"] == some[0]["features"]
    for stream, other in (("left", "right"), ("right", "left")):
        masked = emocli("predict", "-m", str(exclusive_or), stdin=without(stream, some)).records
        assert 0.3 < hits(masked) < 0.7
        assert masked[0]["prediction"]["modalities"] == {other: 1.0}
        assert {note["code"] for note in masked[0]["missing"].values()} == {"absent"}


def test_answers_do_not_depend_on_the_batch(emocli: Emocli, exclusive_or: Path) -> None:
    some = records(9, seed=2)
    some[4] = without("left", some[4:5])[0]
    by_size = [
        emocli("predict", "-m", str(exclusive_or), "--batch-size", str(n), stdin=some).records
        for n in (1, 9)
    ]
    for one, many in zip(*by_size, strict=True):
        shares = (r["prediction"]["probabilities"] for r in (one, many))
        assert [pytest.approx(p, abs=1e-4) for p in next(shares).values()] == list(
            next(shares).values()
        )


def test_a_record_without_any_stream_and_one_of_nan_are_errors_and_the_rest_goes_on(
    emocli: Emocli, exclusive_or: Path
) -> None:
    some = records(4, seed=3)
    some[1].pop("features")
    some[2]["features"] = {n: feature([float("nan")] * 3) for n in ("left", "right")}
    found = emocli("predict", "-m", str(exclusive_or), stdin=some)
    assert found.status == 1
    codes = [(r.get("error") or {}).get("code") for r in found.records]
    assert codes == [None, "no_modality", "no_modality", None]
    assert "NaN" in found.records[2]["error"]["message"]


def test_a_stream_of_another_size_is_told_and_not_used(emocli: Emocli, exclusive_or: Path) -> None:
    some = records(2)
    some[1]["features"]["left"]["vector"] = [1.0, 2.0]
    found = emocli("predict", "-m", str(exclusive_or), stdin=some)
    assert found.status == 1
    assert "has the shape (2,), not (3,)" in found.stderr
    assert found.records[0]["prediction"]["emotion"] in LABELS


def test_controls_take_the_place_of_soft_tokens_and_fall_to_chance(
    emocli: Emocli, exclusive_or: Path
) -> None:
    some = records(80, seed=4)
    for control in ("none", "random"):
        flags = ("predict", "-m", str(exclusive_or), "--control", control)
        found = emocli(*flags, stdin=some).records
        assert 0.3 < hits(found) < 0.7
        assert found[0]["prediction"]["prompting"]["control"] == control
        again = emocli(*flags, stdin=some[7:9]).records  # neighbours do not matter
        shares = [r["prediction"]["probabilities"]["joy"] for r in found[7:9]]
        assert [r["prediction"]["probabilities"]["joy"] for r in again] == pytest.approx(
            shares, abs=1e-4
        )
    one = emocli("predict", "-m", str(exclusive_or), "--control", "all", stdin=some)
    assert one.status == 2
    assert emocli("predict", "--text", "Hm.", "--control", "none").status == 2


def questions(count: int, seed: int) -> list[dict[str, Any]]:
    """Return records that ask which of two signs is there, in one of two words."""
    made = []
    for record in records(count, seed):
        sign = record["features"]["left"]["vector"][0] > 0
        words = ["plus", "minus"] if record["id"][-1] in "02468" else ["up", "down"]
        answer = words[0] if sign else words[1]
        told = [("system", "?"), ("user", "/".join(words)), ("assistant", f"It is {answer}")]
        turns = [{"role": role, "content": content} for role, content in told]
        asked = {"task": "sign", "messages": turns, "answer": answer, "labels": words}
        made.append({**record, "instruction": {**asked, "streams": ["left"]}})
    return made


def test_questions_of_records_are_learned_and_answered_by_the_streams_that_go_with_them(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    flags = ("--model", "language", "--backbone", backbone, "--soft", layout(tmp_path, TWO))
    flags += ("--config", settings(tmp_path, epochs=30), "-o", str(tmp_path / "m"))
    made = emocli("train", *flags, stdin=questions(96, 0))
    assert made.status == 0, made.stderr
    found = emocli("predict", "-m", str(tmp_path / "m"), "--instructed", stdin=questions(40, 1))
    answers = [r["prediction"]["answer"] for r in found.records]
    right = [a == r["instruction"]["answer"] for a, r in zip(answers, found.records, strict=True)]
    assert sum(right) / len(right) > 0.9
    assert {*answers} == {"plus", "minus", "up", "down"}
    # What no question shows is not read: another right stream gives the same answers.
    other = questions(40, 1)
    for record in other:
        record["features"]["right"] = feature([9.0, 9.0, 9.0])
    again = emocli("predict", "-m", str(tmp_path / "m"), "--instructed", stdin=other).records
    assert [r["prediction"] for r in again] == [r["prediction"] for r in found.records]
    bare = emocli("predict", "-m", str(tmp_path / "m"), "--instructed", stdin=records(1))
    assert bare.records[0]["error"]["code"] == "no_instruction"
    assert emocli("predict", "--text", "Hm.", "--instructed").status == 2


def test_the_prompt_is_shown_with_its_placeholders(emocli: Emocli, exclusive_or: Path) -> None:
    found = emocli("predict", "-m", str(exclusive_or), "--show-prompt", stdin=records(1))
    assert "<left: 2 tokens><right: 2 tokens>" in found.records[0]["prediction"]["prompt"]


def test_soft_tokens_alone_are_trained_before_a_language_model_that_stays_as_it_is(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    flags = ("--model", "language", "--backbone", backbone, "--soft", layout(tmp_path, ONE))
    first, second = tmp_path / "first", tmp_path / "second"
    frozen = settings(tmp_path, epochs=1, rank=0)
    made = emocli("train", *flags, "--config", frozen, "-o", str(first), stdin=records(48))
    assert made.status == 0, made.stderr
    names = {p.name for p in first.iterdir()}
    assert names == {"config.json", "card.md", "soft_tokens.safetensors"}
    assert emocli("predict", "-m", str(first), stdin=records(2)).status == 0
    more = settings(tmp_path, epochs=1, rank=4)
    flags = ("--model", "language", "--start", str(first), "--config", more)
    made = emocli("train", *flags, "-o", str(second), stdin=records(48))
    assert made.status == 0, made.stderr
    assert (second / "adapter_model.safetensors").is_file()
    before, after = (soft_streams.load(bundle.read(f), "cpu").state_dict() for f in (first, second))
    assert all(before[n].equal(after[n]) == n.startswith("inputs.") for n in before)


def test_a_fusion_begins_with_a_bundle_and_stays_so_if_it_is_frozen(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    first = tmp_path / "stage1"
    streams = ("--streams", "left,right", "--epochs", "2", "--hidden", "16")
    made = emocli("train", "--model", "e2-stage1", *streams, "-o", str(first), stdin=records(64))
    assert made.status == 0, made.stderr
    weights = bundle.read(first).tensors
    flags = ("--model", "language", "--backbone", backbone)
    flags += ("--config", settings(tmp_path, epochs=1))
    moved = []
    for frozen in (False, True):
        system = soft_layouts.FOLDER / "e2_llm.toml"
        start = f'start = "{first}"\nfrozen = {str(frozen).lower()}\n'
        text = layout(tmp_path, system.read_text() + start)
        folder = tmp_path / f"m{frozen}"
        made = emocli("train", *flags, "--soft", text, "-o", str(folder), stdin=records(64))
        assert made.status == 0, made.stderr
        assert str(first) not in (folder / "config.json").read_text()  # its name is
        trained = soft_streams.load(bundle.read(folder), "cpu").fusions["eeg"].state_dict()
        assert set(trained) <= set(weights)
        moved.append(not all(trained[n].equal(weights[n]) for n in trained))
        found = emocli("predict", "-m", str(folder), stdin=records(4)).records
        assert set(found[0]["prediction"]["modalities"]) == {"left", "right"}
    assert moved == [True, False]


LIKE = (
    ONE.replace("<left>", "<audio><second>").replace("left", "audio")
    + """
[slots.second]
tokens = 2
streams = ["second"]
like = "audio"
"""
)


def test_another_segment_is_what_a_question_brings_and_is_not_made_of_the_record(
    emocli: Emocli, backbone: str, tmp_path: Path, tone: Any
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.0), 16_000)
    some = [{**r, "path": str(path)} for r in records(32)]
    encoded = emocli("encode", "--encoder", "prosody", "--modality", "audio", stdin=some[:1])
    made = encoded.records[0]["features"]["audio"]
    for record in some:
        record["features"] = {"audio": made, "second": made}
    flags = ("--model", "language", "--backbone", backbone, "--soft", layout(tmp_path, LIKE))
    flags += ("--config", settings(tmp_path, epochs=1), "-o", str(tmp_path / "m"))
    assert emocli("train", *flags, stdin=some).status == 0
    bare = [{"id": "a", "path": str(path)}]
    found = emocli("predict", "-m", str(tmp_path / "m"), stdin=bare).records
    assert found[0]["prediction"]["modalities"] == {"audio": 1.0}
    both = emocli("predict", "-m", str(tmp_path / "m"), stdin=some[:1]).records
    assert both[0]["prediction"]["modalities"] == {"audio": 0.5, "second": 0.5}


def test_experts_are_gated_and_their_own_losses_are_learned(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    text = (soft_layouts.FOLDER / "egmf.toml").read_text()
    text = text.replace('["text", "audio", "video"]', '["left", "right"]')
    flags = ("--model", "language", "--backbone", backbone, "--soft", layout(tmp_path, text))
    flags += ("--config", settings(tmp_path, epochs=3), "--log", str(tmp_path / "log"))
    made = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=records(64))
    assert made.status == 0, made.stderr
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    for line in lines:
        parts = [line[f"train_{n}"] for n in ("answers", "auxiliary", "balance")]
        assert line["train_loss"] == pytest.approx(sum(parts))
    # 0.1 of the cross-entropy of two classes at first, then less.
    assert lines[0]["train_auxiliary"] == pytest.approx(0.1 * math.log(2), rel=0.5)
    assert lines[-1]["train_auxiliary"] < 0.8 * lines[0]["train_auxiliary"]
    some = records(2)
    found = emocli("predict", "-m", str(tmp_path / "m"), stdin=some + without("left", some))
    for record in found.records:
        gates = record["prediction"]["gates"]
        assert sum(gates["experts"].values()) == pytest.approx(1, abs=1e-3)
        assert list(gates["experts"]) == ["local", "semantic", "global"]
    assert found.records[-1]["prediction"]["gates"]["modalities"]["left"] == 0


def test_a_number_is_learned_from_soft_tokens(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    some = records(48)
    for record in some:
        record["label"] = {"valence": 3.0 + record["features"]["left"]["vector"][0]}
    flags = ("--model", "language", "--backbone", backbone, "--soft", layout(tmp_path, ONE))
    flags += ("--template", "valence", "--config", settings(tmp_path, epochs=2))
    made = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=some)
    assert made.status == 0, made.stderr
    found = emocli("predict", "-m", str(tmp_path / "m"), stdin=some[:2]).records
    assert all(1 <= r["prediction"]["valence"] <= 5 for r in found)
    flags = ("-m", str(tmp_path / "m"), "--decode", "word")
    for record in emocli("predict", *flags, stdin=some[:2]).records:  # what is written, or nothing
        said = record["prediction"]
        assert said.get("valence") is not None or said["warnings"]["answer"]
        assert said["prompting"]["decode"] == "word"
    assert emocli("predict", *flags[:3], "aloud", stdin=some[:2]).status == 2


def test_folds_predict_every_record_with_its_features(
    emocli: Emocli, backbone: str, tmp_path: Path
) -> None:
    flags = ("--model", "language", "--backbone", backbone, "--soft", layout(tmp_path, ONE))
    flags += ("--config", settings(tmp_path, epochs=1), "--cv", "speaker", "--folds", "2")
    found = emocli("train", *flags, stdin=records(32))
    assert found.status == 0, found.stderr
    assert [r["id"] for r in found.records] == [f"r{i}" for i in range(32)]
    assert all(r["prediction"]["probabilities"] for r in found.records)


WRONG = {
    "<left> is in the prompt, and there is no table slots.left": "prompt = '<left>'\n[slots]",
    "slots.more has no placeholder <more>": TWO + "[slots.more]\ntokens = 1\nstreams = ['left']",
    "<left> is in the prompt twice": TWO.replace("<right>", "<right><left>"),
    "features.nowhere: no record has it": TWO.replace('["left"]', '["nowhere"]'),
    "several streams need a fusion": ONE.replace('["left"]', '["left", "right"]'),
    "'mystery' is not a model": ONE + "fusion = 'mystery'",
    "2 tokens of one vector": ONE.replace("low-rank", "mlp"),
    "tokens = 0": ONE.replace("tokens = 2", "tokens = 0"),
    "has no setting colour": ONE + "colour = 'red'",
    "is not a TOML file": "prompt = ",
}


@pytest.mark.parametrize("said", WRONG)
def test_a_layout_that_is_wrong_is_refused_in_a_line(
    emocli: Emocli, backbone: str, tmp_path: Path, said: str
) -> None:
    flags = ("--model", "language", "--backbone", backbone)
    flags += ("--soft", layout(tmp_path, WRONG[said]), "--config", settings(tmp_path))
    made = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=records(16))
    assert made.status == 2
    assert said in made.stderr
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("flag", ["audio", "audio=", "audio=0", "Audio=4", "nothing=x", "egmf=0"])
def test_a_flag_that_names_no_layout_is_refused(emocli: Emocli, backbone: str, flag: str) -> None:
    flags = ("--model", "language", "--backbone", backbone, "--soft", flag, "-o", "m")
    made = emocli("train", *flags, stdin=records(16))
    assert made.status == 2
    assert "--soft" in made.stderr


def test_a_backbone_of_another_width_and_weights_of_another_layout_are_refused(
    emocli: Emocli, exclusive_or: Path, tmp_path: Path
) -> None:
    for key, value, said in (("width", 64, "64 numbers wide"), ("norm", "x", "soft.norm")):
        folder = tmp_path / key
        shutil.copytree(exclusive_or, folder)
        contents = json.loads((folder / "config.json").read_text())
        contents["soft"][key] = value
        (folder / "config.json").write_text(json.dumps(contents))
        found = emocli("predict", "-m", str(folder), stdin=records(1))
        assert found.status == 3
        assert said in found.stderr
    with pytest.raises(ConfigError, match="32 numbers wide, the embeddings of big 64"):
        soft_streams.require_width(bundle.read(exclusive_or).contents, 64, "big")


def test_rewards_do_not_read_soft_tokens_and_say_so(
    emocli: Emocli, exclusive_or: Path, tmp_path: Path
) -> None:
    flags = ("--model", "language", "--start", str(exclusive_or), "--objective", "grpo")
    made = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=records(16))
    assert made.status == 2
    assert "thoughts" in made.stderr or "soft tokens" in made.stderr


@pytest.mark.slow
def test_two_processes_have_the_losses_of_one(backbone: str, tmp_path: Path) -> None:
    data, losses = tmp_path / "data.jsonl", []
    data.write_text("".join(json.dumps(r) + "\n" for r in records(48)))
    text = (soft_layouts.FOLDER / "egmf.toml").read_text()
    text = layout(tmp_path, text.replace('["text", "audio", "video"]', '["left", "right"]'))
    table = "settings = { dropout = 0.0 }\n"
    (tmp_path / "layout.toml").write_text((tmp_path / "layout.toml").read_text() + table)
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "--", "emocli"]
    for name, work in (("one", ["-m", "emocli"]), ("two", torchrun)):
        log = tmp_path / f"{name}.jsonl"
        flags = ["--model", "language", "--backbone", backbone, "--soft", text, "--log", str(log)]
        flags += ["--config", settings(tmp_path, epochs=3), "-o", str(tmp_path / name)]
        subprocess.run(
            [sys.executable, *work, "train", str(data), *flags],
            check=True,
            capture_output=True,
            timeout=240,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        losses.append([json.loads(line)["train_answers"] for line in log.read_text().splitlines()])
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
