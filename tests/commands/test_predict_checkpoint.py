"""predict, calibrate, encode and annotate with published classifiers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch

from emocli.records.labels import EMOTIONS
from tests.conftest import Emocli
from tests.encoders import tiny_checkpoints as tiny
from tests.encoders.tiny_checkpoints import changed, retensored

Record = dict[str, Any]

TEXTS = [{"id": "a", "text": "I am so happy"}, {"id": "b", "text": "no way"}]
SEVERAL = "multi_label_classification"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture
def made(home: Path) -> Callable[..., str]:
    """Where a checkpoint is; each is made once and left as it is."""

    def make(name: str, *how: Any) -> str:
        folder = home / "-".join([name, *(str(part) for part in how)]).replace(" ", "")
        if not folder.exists():
            folder.mkdir()
            tiny.ALL[name](folder, *how)
        return str(folder)

    return make


def predictions(emocli: Emocli, *argv: str, records: Any = TEXTS) -> list[Record]:
    outcome = emocli("predict", "--quiet", *argv, stdin=records)
    assert outcome.status == 0, outcome.stderr
    return [record["prediction"] for record in outcome.records]


def test_labels_are_ours_where_they_mean_one_of_the_seven(
    emocli: Emocli, made: Callable[..., str]
) -> None:
    first, _ = predictions(emocli, "-m", made("bert"))
    assert list(first["probabilities"]) == ["joy", "sadness", "anger", "boredom"]
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert first["original"] == {"joy": ["happy"], "sadness": ["sad"]}
    assert first["model"].startswith(f"{Path(made('bert')).name}@local:")
    assert first["calibrated"] is False
    assert first["modalities"] == {"text": 1.0}


def test_common_labels_share_what_the_others_leave_and_say_what_that_was(
    emocli: Emocli, made: Callable[..., str]
) -> None:
    whole, _ = predictions(emocli, "-m", made("bert"))
    outcome = emocli("predict", "-m", made("bert"), "--labels", "common", stdin=TEXTS)
    assert "none of the seven labels: boredom" in outcome.stderr
    part = outcome.records[0]["prediction"]
    assert list(part["probabilities"]) == ["joy", "sadness", "anger"]
    rest = 1 - whole["probabilities"]["boredom"]
    for name, share in part["probabilities"].items():
        assert share == pytest.approx(whole["probabilities"][name] / rest, rel=1e-4)
    assert part["left_out"] == {"boredom": pytest.approx(1 - rest, rel=1e-3)}
    original, _ = predictions(emocli, "-m", made("bert"), "--labels", "original")
    assert set(original["probabilities"]) == {"anger", "happy", "boredom", "sad"}
    assert "original" not in original


def test_outputs_that_mean_the_same_add_up(emocli: Emocli, made: Callable[..., str]) -> None:
    names = ("Happy", "happiness", "SAD", "disgust")
    apart, _ = predictions(emocli, "-m", made("bert", names), "--labels", "original")
    added, _ = predictions(emocli, "-m", made("bert", names))
    happy = apart["probabilities"]["Happy"] + apart["probabilities"]["happiness"]
    assert list(added["probabilities"]) == ["joy", "sadness", "disgust"]
    assert added["probabilities"]["joy"] == pytest.approx(happy, rel=1e-4)
    assert added["original"] == {"joy": ["Happy", "happiness"], "sadness": ["SAD"]}
    apart, _ = predictions(emocli, "-m", made("bert", names, SEVERAL), "--labels", "original")
    added, _ = predictions(emocli, "-m", made("bert", names, SEVERAL))
    neither = (1 - apart["probabilities"]["Happy"]) * (1 - apart["probabilities"]["happiness"])
    assert added["probabilities"]["joy"] == pytest.approx(1 - neither, rel=1e-4)


def test_several_labels_may_be_true(emocli: Emocli, made: Callable[..., str]) -> None:
    given = [{**r, "label": {"multi": ["joy"], "emotion": "joy"}} for r in TEXTS]
    found = emocli("predict", "-q", "-m", made("bert", tiny.EMOTIONS, SEVERAL), stdin=given)
    for record in found.records:
        said = record["prediction"]
        assert said["multi"] == [n for n, p in said["probabilities"].items() if p >= 0.5]
        assert said["emotion"] == max(said["probabilities"], key=said["probabilities"].get)
        assert "entropy" not in said
    scored = emocli("score", "--task", "multilabel", "--json", stdin=found.stdout)
    assert scored.status == 0, scored.stderr


def test_numbers_are_told_under_their_names(
    emocli: Emocli, made: Callable[..., str], wav: Callable[..., Path]
) -> None:
    (said,) = predictions(emocli, "-m", made("dimensional"), str(wav(seconds=1.0)), records=b"")
    assert {"valence", "arousal", "dominance"} <= set(said)
    assert (said["emotion"], said["modalities"]) == (None, {"audio": 1.0})
    one = made("bert", ("score",), "regression")
    (said, _) = predictions(emocli, "-m", one, "--label-names", "Valence")
    assert isinstance(said["valence"], float)


def test_sound_is_transcribed_for_a_classifier_of_text(
    emocli: Emocli, made: Callable[..., str], wav: Callable[..., Path], default_models: Path
) -> None:
    outcome = emocli("predict", "-q", "-m", made("bert"), str(wav(seconds=1.0)))
    (record,) = outcome.records
    assert record["error"]["code"] == "no_speech"
    assert outcome.status == 1


def test_a_record_of_another_kind_is_an_error_of_its_own(
    emocli: Emocli, made: Callable[..., str]
) -> None:
    mixed = [TEXTS[0], {"id": "s", "path": "nowhere.wav"}, {"id": "e", "text": ""}]
    outcome = emocli("predict", "-q", "-m", made("bert"), stdin=mixed)
    assert outcome.status == 1
    assert [r.get("error", {}).get("code") for r in outcome.records] == [
        None,
        "not_found",
        "empty_text",
    ]
    outcome = emocli("predict", "-q", "-m", made("hubert"), stdin=TEXTS)
    assert [r["error"]["code"] for r in outcome.records] == ["no_modality", "no_modality"]


def test_a_table_and_an_abstention(emocli: Emocli, made: Callable[..., str]) -> None:
    table = emocli("predict", "-q", "-m", made("bert"), "--format", "csv", stdin=TEXTS)
    assert b"p_joy" in table.stdout.splitlines()[0]
    assert b"p_boredom" in table.stdout.splitlines()[0]
    first, _ = predictions(emocli, "-m", made("bert"), "--abstain", "1")
    assert first["emotion"] is None


# Calibration.


def labelled(count: int = 30) -> list[Record]:
    draws = np.random.default_rng(0)
    words = ("I am so happy", "no way", "leave me alone", "you see me")
    return [
        {"id": f"r{i}", "text": f"{words[i % 4]} {'so ' * (i % 7)}", "label": {"emotion": str(e)}}
        for i, e in enumerate(draws.choice(["joy", "sadness", "anger", "boredom"], count))
    ]


@pytest.fixture
def bundle(emocli: Emocli, made: Callable[..., str], tmp_path: Path) -> Path:
    """A calibrated classifier, whose checkpoint may be changed."""
    shutil.copytree(made("bert"), tmp_path / "mine")
    argv = ("calibrate", "-q", "-m", str(tmp_path / "mine"), "-o", str(tmp_path / "bundle"))
    outcome = emocli(*argv, stdin=labelled())
    assert outcome.status == 0, outcome.stderr
    assert outcome.records[0]["log_loss"]["after"] < outcome.records[0]["log_loss"]["before"]
    return tmp_path / "bundle"


def test_calibration_is_kept_beside_a_reference(emocli: Emocli, bundle: Path) -> None:
    assert {path.name for path in bundle.iterdir()} == {"config.json", "card.md"}
    contents = orjson.loads((bundle / "config.json").read_bytes())
    files = contents["checkpoint"]["files"]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(files)
    assert contents["checkpoint"]["revision"].startswith("local:")
    raw = predictions(emocli, "-m", str(bundle.parent / "mine"), records=labelled())
    done = predictions(emocli, "-m", str(bundle), records=labelled())
    warmth = contents["calibration"]["temperature"]
    for before, after in zip(raw, done, strict=True):
        logs = np.log(list(before["probabilities"].values())) / warmth
        shares = np.exp(logs) / np.exp(logs).sum()
        np.testing.assert_allclose(list(after["probabilities"].values()), shares, atol=1e-4)
    assert done[0]["calibrated"] is True
    assert done[0]["model"].startswith("mine@")
    outcome = emocli("calibrate", "-q", "-m", str(bundle), stdin=labelled())  # again, in place
    assert outcome.status == 0, outcome.stderr


def test_other_files_are_refused_and_others_beside_them_are_not(
    emocli: Emocli, bundle: Path
) -> None:
    (bundle.parent / "mine" / "README.md").write_text("words")
    assert emocli("predict", "-q", "-m", str(bundle), stdin=TEXTS).status == 0
    retensored(
        bundle.parent / "mine",
        lambda old: old | {"classifier.bias": old["classifier.bias"] + 1},
    )
    outcome = emocli("predict", "-q", "-m", str(bundle), stdin=TEXTS)
    assert (outcome.status, outcome.stdout) == (3, b"")
    assert "model.safetensors differs" in outcome.stderr


def test_what_is_calibrated_is_compared_and_annotates(
    emocli: Emocli, bundle: Path, tmp_path: Path
) -> None:
    records = labelled()
    raw = emocli("predict", "-q", "-m", str(bundle.parent / "mine"), stdin=records)
    done = emocli("predict", "-q", "-m", str(bundle), stdin=records)
    (tmp_path / "raw.jsonl").write_bytes(raw.stdout)
    compared = emocli(
        "score", "--json", "--compare", str(tmp_path / "raw.jsonl"), stdin=done.stdout
    )
    assert compared.status == 0, compared.stderr
    for model in (str(bundle.parent / "mine"), str(bundle)):
        voted = emocli("annotate", "-q", "--model", model, "-n", "2", stdin=TEXTS)
        assert voted.status == 0, voted.stderr
        assert len(voted.records[0]["annotations"]) == 2


def test_a_damaged_bundle_is_told(emocli: Emocli, bundle: Path) -> None:
    path = bundle / "config.json"
    whole = json.loads(path.read_text())
    for change in (
        {"problem": "nonsense"},
        {"checkpoint": None},
        {"checkpoint": {"name": "x"}},
        {"names": ["joy"]},
        {"streams": {}},
        {"heads": [{"target": "emotion", "kind": "classes", "labels": ["joy"]}]},
        {"labels_as": 3},
    ):
        path.write_text(json.dumps(whole | change))
        outcome = emocli("predict", "-q", "-m", str(bundle), stdin=TEXTS)
        assert (outcome.status, outcome.stdout) == (3, b""), change
        assert "config.json" in outcome.stderr


# Streams for late fusion.


def test_two_classifiers_and_a_training_are_one_predictor(
    emocli: Emocli, made: Callable[..., str], tmp_path: Path
) -> None:
    rows = [r | {"speaker": f"s{i % 6}"} for i, r in enumerate(labelled(36))]
    (tmp_path / "r.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    one = emocli(
        "encode", "-q", "--encoder", made("bert"), "--pooling", "logits", "--as", "one",
        str(tmp_path / "r.jsonl"),
    )  # fmt: skip
    both = emocli(
        "encode", "-q", "--encoder", made("roberta"), "--pooling", "logits", "--as", "two",
        stdin=one.stdout,
    )  # fmt: skip
    feature = both.records[0]["features"]["one"]
    assert (feature["pooling"], feature["dim"], feature["modality"]) == ("logits", 4, "text")
    assert np.exp(feature["vector"]).sum() == pytest.approx(1, abs=1e-5)
    (tmp_path / "both.jsonl").write_bytes(both.stdout)
    fused = str(tmp_path / "fused")
    argv = ("train", "-q", str(tmp_path / "both.jsonl"), "--model", "late-fusion", "-o", fused)
    outcome = emocli(*argv)
    assert outcome.status == 0, outcome.stderr
    (said, _) = predictions(emocli, "-m", fused)
    assert set(said["modalities"]) == {"one", "two"}


# Refusals: each in one line, before any record.


def without(*parts: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        retensored(folder, lambda old: {n: t for n, t in old.items() if not n.startswith(parts)})

    return change


def with_more(name: str) -> Callable[[Path], None]:
    return lambda folder: retensored(folder, lambda old: old | {name: torch.zeros(3)})


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def gone(*names: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


def says(**values: Any) -> Callable[[Path], None]:
    return lambda folder: changed(folder, **values)


TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
REFUSED: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a head that is not there": ("bert", without("classifier."), "2 tensors are not in its"),
    "a head of speech that is not there": ("hubert", without("projector."), "projector.bias"),
    "half a dimensional head": ("dimensional", without("classifier.out_proj"), "out_proj"),
    "no pooler": ("bert", without("bert.pooler"), "bert.pooler.dense"),
    "layers left over": ("bert", says(num_hidden_layers=2), "another network (bert.encoder"),
    "a head left over": ("bert", with_more("classifier.out_proj.bias"), "belong to another"),
    "another head": (
        "wav2vec2",
        lambda folder: retensored(
            folder,
            lambda old: {n.replace("projector.", "classifier.dense."): t for n, t in old.items()},
        ),
        "projector",
    ),
    "other sizes": ("bert", says(id2label={"0": "joy", "1": "fear"}, label2id=None), "is not a"),
    "no tokenizer": ("bert", gone(*TOKENIZER), "tokenizer"),
    "no feature extractor": ("wav2vec2", gone("preprocessor_config.json"), "feature extractor"),
    "no preprocessor of pictures": ("vit", gone("preprocessor_config.json"), "preprocessor_con"),
    "a language model": ("gpt2", says(architectures=["GPT2LMHeadModel"]), "--llm"),
    "no head at all": ("bert", says(architectures=["BertModel"]), "no head that classifies"),
    "nothing said of a head": ("bert", says(architectures=None), "names no architecture"),
    "a head of its own": (
        "bert",
        says(architectures=["MoodBertForSequenceClassification"]),
        "transformers has no MoodBert",
    ),
    "pickled weights": ("bert", pickled, "python -c"),
    "no weights": ("bert", gone("model.safetensors"), "no model.safetensors"),
    "code of its own": ("bert", says(auto_map={"AutoModel": "x.Y"}), "auto_map"),
    "labels without names": ("bert", says(id2label=None, label2id=None, num_labels=4), "label-nam"),
    "a problem of its own": ("bert", says(problem_type="ranking"), "problem_type"),
    "numbers of nothing": ("bert", says(problem_type="regression"), "none of valence"),
    "labels that lack one": ("bert", says(id2label={"0": "joy", "2": "fear"}), "id2label"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_refused_in_one_line(
    name: str, emocli: Emocli, made: Callable[..., str], tmp_path: Path
) -> None:
    kind, break_it, said = REFUSED[name]
    folder = tmp_path / "broken"
    shutil.copytree(made(kind), folder)
    break_it(folder)
    given = TEXTS if kind in tiny.OF_TEXT else [{"id": "a", "path": "nowhere.wav"}]
    outcome = emocli("predict", "-q", "-m", str(folder), stdin=given)
    assert (outcome.status, outcome.stdout) == (3, b""), outcome.stderr
    (line,) = outcome.stderr.strip().splitlines()
    assert said in line


def test_pickled_weights_are_converted_by_the_line_that_is_shown(
    emocli: Emocli, made: Callable[..., str], tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    folder = tmp_path / "pickled"
    shutil.copytree(made("bert"), folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    line = emocli("predict", "-q", "-m", str(folder), stdin=TEXTS).stderr
    command = line.partition("this converts them: ")[2].strip()[:-1]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(command, shell=True, check=True, env={**os.environ, "PATH": path})
    assert predictions(emocli, "-m", str(folder)) == [
        p | {"model": q["model"]}
        for p, q in zip(
            predictions(emocli, "-m", made("bert")),
            predictions(emocli, "-m", str(folder)),
            strict=True,
        )
    ]


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (("predict", "-m", "nobody/nothing"), 4, "emocli models pull nobody/nothing"),
        (("predict", "-m", "TEXT", "--labels", "mine"), 2, "common or original"),
        (("predict", "-m", "TEXT", "--label-names", "joy"), 3, "has 4 labels"),
        (("predict", "-m", "FOREIGN", "--labels", "common"), 3, "--labels original"),
        (("predict", "-m", "default", "--label-names", "joy"), 2, "published classifier"),
        (("predict", "-m", "TEXT", "--modality", "audio"), 2, "no audio stream"),
        (("calibrate", "-m", "TEXT"), 2, "--output"),
        (("calibrate", "-m", "MULTI", "-o", "OUT"), 2, "several labels"),
        (("encode", "--modality", "audio", "--encoder", "TEXT", "SOUND"), 3, "an encoder of audio"),
        (
            ("encode", "--modality", "audio", "--encoder", "TEXT", "--pooling", "logits"),
            3,
            "not a classifier of audio, but of text",
        ),
        (("encode", "--encoder", "TEXT", "--pooling", "logits", "--layer", "1"), 2, "--layer"),
        (("encode", "--encoder", "TEXT", "--pooling", "logits", "--rate", "1"), 2, "--rate"),
        (("encode", "--pooling", "logits"), 2, "--encoder"),
        (("fuse", "-m", "TEXT"), 3, "config.json"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    argv: tuple[str, ...],
    status: int,
    said: str,
    emocli: Emocli,
    made: Callable[..., str],
    wav: Callable[..., Path],
    tmp_path: Path,
) -> None:
    names = {
        "SOUND": str(wav()),
        "TEXT": made("bert"),
        "FOREIGN": made("bert", ("freude", "wut")),
        "MULTI": made("bert", tiny.EMOTIONS, SEVERAL),
        "OUT": str(tmp_path / "out"),
    }
    outcome = emocli(*(names.get(part, part) for part in argv), stdin=TEXTS)
    assert (outcome.status, outcome.stdout) == (status, b""), outcome.stderr
    assert said in outcome.stderr


def test_all_seven_labels_keep_their_order(emocli: Emocli, made: Callable[..., str]) -> None:
    names = ("surprised", "fearful", "calm", "ang", "hap", "disgusted", "sadness")
    first, _ = predictions(emocli, "-m", made("bert", names))
    assert tuple(first["probabilities"]) == EMOTIONS


def test_a_name_that_is_there_twice_is_told(emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    tiny.bert(tmp_path / "here")
    names = ("--label-names", "a,b,b,c")
    outcome = emocli("predict", "-m", str(tmp_path / "here"), *names, stdin=TEXTS)
    assert (outcome.status, outcome.stdout) == (3, b"")
    assert "b is there twice" in outcome.stderr


def test_a_calibrated_checkpoint_says_on_what_and_misses_what_moved(
    emocli: Emocli, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    tiny.bert(tmp_path / "here")
    ours = str(tmp_path / "ours")
    emocli("calibrate", "-q", "-m", str(tmp_path / "here"), "-o", ours, stdin=labelled())
    (record, *_) = emocli("predict", "-q", "-m", ours, stdin=TEXTS).records
    assert record["prediction"]["calibrated"] is True
    assert record["prediction"]["calibrated_on"].endswith("records given to calibrate")
    outcome = emocli("predict", "-m", ours, "--labels", "original", stdin=TEXTS)
    assert (outcome.status, "calibrated with" in outcome.stderr) == (2, True)
    (tmp_path / "here").rename(tmp_path / "there")
    outcome = emocli("predict", "-m", ours, stdin=TEXTS)
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "refers to the checkpoint in" in outcome.stderr
