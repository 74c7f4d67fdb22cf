"""Every kind of pretrained model, damaged in every way, is refused by the name of its file."""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from emocli import encoders
from emocli.encoders import Settings, ctc_model, face_detector, speech_to_text
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError
from emocli.stages.annotate import audio as annotator
from tests.encoders import tiny_faces, tiny_speech
from tests.encoders.test_ctc_model import LETTERS
from tests.encoders.test_speech_to_text import write_whisper
from tests.encoders.test_zoo import FRAMES, TINY, WEIGHTED, modality
from tests.llm import tiny_qwen

HUGE = 10**12
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"
PAGE = b"\n<!DOCTYPE html><html><title>404</title></html>"
WEIGHTS, CONFIG = "model.safetensors", "config.json"
TOKENS = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model")
FLIPS = 24  # bytes that are changed at random


def ctc(folder: Path) -> None:
    hugging = imported()
    config = hugging.Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=37,
        conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
        vocab_size=len(LETTERS), pad_token_id=0,
    )  # fmt: skip
    hugging.Wav2Vec2ForCTC(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({n: i for i, n in enumerate(LETTERS)}))


def encoder(family: str) -> Callable[[Path], Any]:
    kind = modality(family)
    return lambda folder: encoders.of_folder(folder, kind).encoder(folder, Settings(1, FRAMES))


# What writes a model, and what loads it.
MODELS: dict[str, tuple[Callable[[Path], object], Callable[[Path], Any]]] = {
    **{"-".join(name): (TINY[name[0]][name[1]], encoder(name[0])) for name in WEIGHTED},
    "ctc-model": (ctc, ctc_model.load),
    "speech-to-text": (write_whisper, lambda folder: speech_to_text.load(folder, device="cpu")),
    "face-detector": (tiny_faces.detector, face_detector.load),
    "face-expression": (tiny_faces.expression, encoder("face-expression")),
    "audio-annotator": (tiny_qwen.build, lambda folder: annotator.load(folder, "cpu", "float32")),
}
WITH_TOKENS = [
    *(f"transformer-text-{tiny}" for tiny in TINY["transformer-text"]),
    *("ctc-model", "speech-to-text", "audio-annotator"),
]
# Parts of names of tensors that nothing reads: what only training needs, heads.
UNREAD = ("pooler", "masked_spec")
UNREAD_OF_VISION = ("text_model", "logit_", "projection.", "classifier", "fc_norm")
VISION = tuple("-".join(name) for name in WEIGHTED if name[0].startswith("vision"))
UNREAD_OF_EEG = ("final_layer", "chans_id", "proj_out.", "mask_encoding")
SPECTROGRAMS = tuple("-".join(name) for name in WEIGHTED if "spectrogram" in name[0])
SPEECH = tuple(f"{family}-{tiny}" for family in tiny_speech.OF_WAVEFORMS for tiny in TINY[family])
UNREAD_OF_SOUND = ("projector", "classifier")
EEG = tuple("-".join(name) for name in WEIGHTED if modality(name[0]) == "eeg")
SIZES = (
    *("hidden_size", "d_model", "num_hidden_layers", "encoder_layers", "embed_dim", "embed_num"),
    *("depth", "num_layers", "n_layer", "dim_feedforward", "conv_out_channels", "patch_size"),
)
HEADS = ("num_attention_heads", "encoder_attention_heads", "num_heads", "nhead")
every_model = pytest.mark.parametrize("name", MODELS)


def test_every_file_that_loads_weights_is_tried_here() -> None:
    loading = {p.stem for p in Path(encoders.__file__).parent.glob("*.py") if loads(p)}
    loading -= {"weight_files", "pretrained"}  # by which the others load
    tried = {"text_networks", "bert", "whisper", "ctc_model", "transformers_whisper"}
    tried |= {"vision_image", "vision_clip", "mobilenet_v2", "face_blendshapes"}
    tried |= {"speech_waveform", "audio_spectrogram_transformer"}
    tried |= {"sentence_pooling"}  # in test_sentence_pooling.py
    # In tests/encoders/test_causal_language_model.py and tests/bundles/test_language.py:
    tried |= {"causal_language_model", "language_adapter"}
    assert loading == tried | {"braindecode_weights", "face_api_weights"}


def loads(path: Path) -> bool:
    text = path.read_text()
    return any(word in text for word in ("from_pretrained", "weight_files.tensors", "safe_open"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @functools.cache
    def make(name: str) -> Path:
        torch.manual_seed(1)
        folder = tmp_path_factory.mktemp(name)
        MODELS[name][0](folder)
        MODELS[name][1](folder)  # whole, it loads
        return folder

    return make


@pytest.fixture
def damaged(made: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(made(name), tmp_path / "model"))


def refusal(name: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        MODELS[name][1](folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def is_unread(name: str, tensor: str) -> bool:
    if name in VISION and "dense" not in tensor and "patch_embeddings.projection" not in tensor:
        return any(part in tensor for part in (*UNREAD, *UNREAD_OF_VISION))
    parts = (*UNREAD, *(UNREAD_OF_EEG if name in EEG else ()))
    parts += UNREAD_OF_SOUND if name in (*SPEECH, *SPECTROGRAMS) else ()
    return any(part in tensor for part in parts)


def needed(name: str, folder: Path) -> list[str]:
    """Return tensors that the model computes with: the first, the last, one between."""
    names = sorted(load_file(folder / WEIGHTS))
    if name.startswith("whisper"):
        names = [n for n in names if "encoder." in n]
    used = [n for n in names if not is_unread(name, n)]
    return [used[0], used[len(used) // 2], used[-1]]


@every_model
def test_a_tensor_that_is_missing_or_of_another_shape(
    name: str, damaged: Callable[[str], Path]
) -> None:
    folder = damaged(name)
    tensors = load_file(folder / WEIGHTS)
    for lost in needed(name, folder):
        save_file({n: t for n, t in tensors.items() if n != lost}, folder / WEIGHTS)
        said = refusal(name, folder)
        if name in (*VISION, *SPECTROGRAMS):  # transformers has other names for them than files
            assert lost.rpartition(".")[2] in said
            continue
        assert lost.rpartition("encoder.")[2].rpartition("layers.")[2] in said
    for wrong in needed(name, folder):
        other = torch.zeros(*(1 + n for n in tensors[wrong].shape))
        save_file({**tensors, wrong: other}, folder / WEIGHTS)
        refusal(name, folder)


@every_model
def test_a_part_that_nothing_reads_may_be_missing(
    name: str, damaged: Callable[[str], Path]
) -> None:
    folder = damaged(name)
    tensors = load_file(folder / WEIGHTS)
    kept = {n: t for n, t in tensors.items() if not is_unread(name, n)}
    save_file(kept, folder / WEIGHTS)
    assert MODELS[name][1](folder) is not None  # where a part is read it raises


@pytest.mark.parametrize("file", [WEIGHTS, CONFIG])
@every_model
def test_a_file_that_is_something_else(
    name: str, file: str, damaged: Callable[[str], Path]
) -> None:
    folder = damaged(name)
    whole = (folder / file).read_bytes()
    for content, says in (
        (LFS, "git lfs pull"),
        (PAGE, "web page"),
        (b"", "empty"),
        (whole[: len(whole) // 2], file),
        (whole[:7], file),
        (b"[" * 100_000, file),
        (whole + b"more", file),
    ):
        (folder / file).write_bytes(content)
        said = refusal(name, folder)
        assert file in said
        assert says in said
    (folder / file).unlink()
    assert file in refusal(name, folder)
    (folder / file).symlink_to("nowhere")
    assert "nowhere" in refusal(name, folder)


@pytest.mark.parametrize("name", WITH_TOKENS)
def test_without_a_tokenizer(name: str, damaged: Callable[[str], Path]) -> None:
    folder = damaged(name)
    present = [folder / file for file in TOKENS if (folder / file).exists()]
    for file in present:
        whole = file.read_bytes()
        for content in (LFS, PAGE, b"", whole[: len(whole) // 2]):
            file.write_bytes(content)
            refusal(name, folder)
        file.unlink()
    assert any(word in refusal(name, folder) for word in ("token", "vocab"))


@every_model
def test_pickled_weights_are_not_read_and_the_line_that_converts_them_works(
    name: str, damaged: Callable[[str], Path]
) -> None:
    folder = damaged(name)
    pickled = folder / "pytorch_model.bin"
    torch.save(load_file(folder / WEIGHTS), pickled)
    (folder / WEIGHTS).unlink()
    assert f"pickled weights only ({pickled.name})" in refusal(name, folder)
    if name in ("ctc-model", "transformer-text-bert"):  # starting python and torch takes 2 s
        line = refusal(name, folder).partition("this converts them: ")[2].removesuffix(")")
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        environment = {**os.environ, "PATH": path}  # where `python` is the one with torch
        subprocess.run(["bash", "-c", line], check=True, env=environment, timeout=120)
        MODELS[name][1](folder)


@every_model
def test_a_config_of_another_size(name: str, damaged: Callable[[str], Path]) -> None:
    folder = damaged(name)
    config = json.loads((folder / CONFIG).read_text())
    part = config.get("audio_config") or config.get("vision_config") or config
    found = [key for key in (*SIZES, *HEADS) if key in part]
    if name.startswith("labram"):
        found.remove("embed_dim")  # follows from the patches, whatever the config says
    assert found or list(config) == ["model_type"]
    for key in found:
        value = part[key]
        for wrong in (HUGE, value * 10**3 + 1, "x", None):
            part[key] = wrong
            (folder / CONFIG).write_text(json.dumps(config))
            refusal(name, folder)
        part[key] = value


@every_model
def test_bytes_of_the_header_that_changed_are_no_other_error(
    name: str, damaged: Callable[[str], Path]
) -> None:
    folder, draw = damaged(name), random.Random(name)
    whole = (folder / WEIGHTS).read_bytes()
    for _ in range(FLIPS):
        content = bytearray(whole)
        content[draw.randrange(600)] = draw.randrange(256)
        (folder / WEIGHTS).write_bytes(content)
        try:
            MODELS[name][1](folder)
        except ConfigError as error:
            said = str(error)
            assert str(folder) in said
