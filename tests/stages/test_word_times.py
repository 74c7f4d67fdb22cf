"""Times of words, whoever finds them: in order, of some length, within the recording."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from emocli import encoders
from emocli.encoders import ctc_model, speech_to_text, word_times
from emocli.encoders.decoding import Decoded
from emocli.encoders.transformers_whisper import TransformersWhisper, _ends
from emocli.signals import phones, pocketsphinx_aligner, textgrid
from emocli.signals.phones import Span
from emocli.stages.align import ctc, files, result
from emocli.stages.align.options import ALIGNERS
from emocli.stages.transcribe import _add

Record = dict[str, Any]
Random = np.random.Generator

RATE_HZ = 16_000
WORDS = ["I", "paid", "13", "pounds,", "pause", "didn't", "I?", "sil", "No."]
DRAWS = 40


def ordered(words: list[Record], first: float, last: float) -> None:
    """Hold that words are in order, last some time, and lie between two times."""
    assert words
    now = first
    for word in words:
        assert now <= word["start"] < word["end"] <= last, words
        now = word["end"]


def sound(random: Random, seconds: float) -> np.ndarray:
    """Return noise with pauses of no sound."""
    samples = random.normal(scale=0.1, size=round(seconds * RATE_HZ)).astype(np.float32)
    for start in random.integers(0, len(samples), 2):
        samples[start : start + RATE_HZ // 2] = 0.0
    return samples


def speech(random: Random, seconds: float) -> list[tuple[float, float]]:
    edges = np.sort(random.uniform(0, seconds, 4)).round(3).tolist()
    return [(edges[0], edges[1]), (edges[2], edges[3])] if edges[1] < edges[2] else [(0.0, seconds)]


# Transcribers: what a network says is drawn, in the form in which its library returns it.


def of_ctranslate2(random: Random, seconds: float) -> Decoded:
    engine = pytest.importorskip("emocli.encoders.faster_whisper_ctranslate2")
    count = int(random.integers(1, 8))
    edges = np.sort(random.integers(0, round(seconds * 50) + 3, count + 1)) / 50  # jumps, with ties
    tokens = [f" {WORDS[i]}" if random.random() < 0.7 else "." for i in range(count)]
    alignment = [
        {"word": word, "tokens": [1], "start": a, "end": b, "probability": 0.5}
        for word, a, b in zip([" I", *tokens[1:]], edges, edges[1:], strict=False)
    ]
    return Decoded("I", engine._words(alignment), -0.1, 0.0)


def of_transformers(random: Random, seconds: float) -> Decoded:
    pieces = ["<|s|>", *(f"Ġ{w}" for w in WORDS[: random.integers(1, 9)]), ".", "<|e|>"]
    engine = SimpleNamespace(
        no_speech=None, aligns=bool(random.random() < 0.7), tokenizer=tokenizer_of(pieces)
    )
    engine._word = lambda *arguments: TransformersWhisper._word(engine, *arguments)
    jumps = np.sort(random.integers(0, round(seconds * 50) + 9, len(pieces)))[None] / 50
    ids = torch.arange(len(pieces))[None]
    ends = _ends(jumps if engine.aligns else None, 0, ids, seconds)
    logs = torch.zeros(len(pieces), len(pieces))
    return TransformersWhisper._decoded(engine, ids[0].tolist(), logs, ends)


def tokenizer_of(pieces: list[str]) -> Any:
    return SimpleNamespace(
        all_special_ids=[0, len(pieces) - 1],
        convert_ids_to_tokens=lambda ids: [pieces[i] for i in ids],
        decode=lambda ids: "".join(pieces[i].replace("Ġ", " ") for i in ids),
    )


ENGINES: dict[str, Callable[[Random, float], Decoded]] = {
    "FasterWhisper": of_ctranslate2,
    "TransformersWhisper": of_transformers,
}


def engines() -> set[str]:
    """Return the classes that transcribe: those that say whether they pad, as Model asks."""
    found = set()
    for module in pkgutil.iter_modules(encoders.__path__):
        try:
            contents = vars(importlib.import_module(f"{encoders.__name__}.{module.name}"))
        except ImportError:
            continue
        kinds = [kind for kind in contents.values() if isinstance(kind, type)]
        found |= {k.__name__ for k in kinds if "pads" in vars(k) and hasattr(k, "decode")}
    return found


def test_every_engine_has_a_stand_in() -> None:
    assert engines() <= ENGINES.keys()


@pytest.mark.parametrize("engine", ENGINES)
def test_words_that_are_heard_follow_each_other(engine: str) -> None:
    for seed in range(DRAWS):
        random = np.random.default_rng(seed)
        seconds = float(random.choice([0.12, 0.5, 2.0, 6.5]))
        model = SimpleNamespace(
            only_language="en",
            pads=True,
            decode=lambda windows, *_, r=random, s=seconds: [ENGINES[engine](r, s)],
        )
        spans = speech(random, seconds)
        (said,) = speech_to_text.transcribe(model, [sound(random, seconds)], [spans])
        record: Record = {"id": "a", "path": "a.wav", "start": 10.0, "end": 10.0 + seconds}
        _add(record, said, {})
        ordered(record["words"], 10.0, round(10.0 + seconds, 3))


def test_a_pause_is_no_part_of_a_word_and_punctuation_neither() -> None:
    samples = np.concatenate([np.full(RATE_HZ, 0.1), np.zeros(RATE_HZ // 2), np.full(RATE_HZ, 0.1)])
    words = [
        {"text": "so", "start": 0.2, "end": 1.5, "probability": 0.5},
        {"text": "happy.", "start": 1.5, "end": 2.5, "probability": 0.5},
    ]
    trimmed = word_times.without_pauses(words, samples.astype(np.float32))
    assert [(w["start"], w["end"]) for w in trimmed] == [(0.2, 1.0), (1.5, 2.5)]
    pieces = ["<|s|>", "Ġjob", ".", "ĠI", "<|e|>"]
    engine = SimpleNamespace(no_speech=None, aligns=True, tokenizer=tokenizer_of(pieces))
    engine._word = lambda *arguments: TransformersWhisper._word(engine, *arguments)
    ends = np.array([0.5, 0.8, 1.1, 1.3, 1.3])
    decoded = TransformersWhisper._decoded(engine, [0, 1, 2, 3, 4], torch.zeros(5, 5), ends)
    assert [(w["text"], w["start"], w["end"]) for w in decoded.words] == [
        ("job.", 0.5, 0.8),
        ("I", 1.1, 1.3),
    ]


def test_words_without_times_share_the_speech() -> None:
    words = [{"text": str(i), "start": i * 2.0, "end": i * 2.0 + 2.0} for i in range(5)]
    shared = word_times.shared(words, [(1.0, 3.0), (6.0, 9.0), (20.0, 30.0)], 0.0, 10.0)
    assert [w["start"] for w in shared] == [1.0, 2.0, 3.0, 7.0, 8.0]
    assert shared[-1]["end"] == 9.0


def test_times_that_are_right_stay_as_they_are() -> None:
    words = [{"text": "a", "start": 0.1, "end": 0.105}, {"text": "b", "start": 0.105, "end": 0.9}]
    assert word_times.in_order(words, 0.0, 1.0) == words


# Aligners: the sounds that they find, as their libraries return them, drawn.


def of_pocketsphinx(random: Random, seconds: float, folder: Path) -> tuple[list[Span], list[str]]:
    frames = int(seconds * 100) - 2
    words: list[Any] = []
    now = 0
    while now + 3 <= frames:
        lengths = random.integers(3, 9, random.integers(1, 4)).tolist()
        sounds = []
        for length in lengths:
            if now + length <= frames:
                sounds.append(SimpleNamespace(name="AH", start=now, duration=length, score=-1))
            now += length
        if sounds:
            words.append(Named("<sil>" if random.random() < 0.3 and words else "word", sounds))
    pieces = list(pocketsphinx_aligner._pieces(words, seconds))
    spans = [Span("ʌ", p.start, p.end, i) for i, word in enumerate(pieces) for p in word]
    return spans, [WORDS[i % len(WORDS)] for i in range(len(pieces))]


class Named(list[Any]):
    """A word of Pocketsphinx's alignment: it has a name and yields its sounds."""

    def __init__(self, name: str, sounds: list[Any]) -> None:
        super().__init__(sounds)
        self.name = name


def of_ctc(random: Random, seconds: float, folder: Path) -> tuple[list[Span], list[str]]:
    letters = {letter: i + 1 for i, letter in enumerate("|abcdefghijklmnopqrstuvwxyz'13")}
    words = WORDS[: random.integers(1, 3)]
    frames = max(round(seconds * 50), 16)
    peaks = torch.from_numpy(random.normal(scale=3.0, size=(frames, len(letters) + 1)))
    network = SimpleNamespace(symbols=letters, blank=0, frame_s=0.02)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctc_model, "log_probs", lambda *_: peaks.log_softmax(-1))
        samples = np.zeros(round(seconds * RATE_HZ), np.float32)
        aligned = ctc.align(network, 99.0, samples, words, "en")  # type: ignore[arg-type]
    return aligned.spans, words


def of_textgrid(random: Random, seconds: float, folder: Path) -> tuple[list[Span], list[str]]:
    edges = np.unique(random.uniform(0, seconds, 12).round(2)).tolist()
    sounds, words = [], []
    for start, end in zip(edges[::2], edges[1::2], strict=False):
        middle = round((start + end) / 2, 4)
        names = ("AH1", "N") if random.random() < 0.7 or not words else ("sil", "sp")
        word = str(random.choice(WORDS))
        words.append(textgrid.Interval(start, end, word if names[0] == "AH1" else "pause"))
        sounds += [
            textgrid.Interval(start, middle, names[0]),
            textgrid.Interval(middle, end, names[1]),
        ]
    tiers = [textgrid.Tier("words", words), textgrid.Tier("phones", sounds)]
    (folder / "a.TextGrid").write_text(textgrid.dumps(tiers, 0.0, seconds), encoding="utf-8")
    spans, found, _ = files.existing(folder, {"id": "a"})
    return spans, found


NO_WORDS = {"nuclei": "finds vowels, no words", "auto": "is one of the others"}
STAND_INS = {"pocketsphinx": of_pocketsphinx, "ctc": of_ctc, "textgrid": of_textgrid}


def test_every_aligner_has_a_stand_in() -> None:
    assert {*STAND_INS, *NO_WORDS} == {*ALIGNERS}


@pytest.mark.parametrize("aligner", STAND_INS)
def test_words_that_are_aligned_follow_each_other(aligner: str, tmp_path: Path) -> None:
    if aligner == "ctc":
        pytest.importorskip("espeakng_loader")
    for seed in range(DRAWS):
        random = np.random.default_rng(seed)
        seconds = float(random.choice([0.5, 2.0, 6.5]))
        spans, words = STAND_INS[aligner](random, seconds, tmp_path)
        record = result.add({"id": "a"}, spans, words, {}, 10.0)
        assert [w["text"] for w in record["words"]] == words
        ordered(record["words"], 10.0, round(10.0 + seconds, 3))
        ordered(record["phones"], 10.0, round(10.0 + seconds, 3))


# Words that are called like silence.


SILENCES = [*sorted(phones.SILENCES - {""}), "Pause", "SIL", "[noise]", "(laughs)", "<laugh>"]


@pytest.mark.parametrize("name", SILENCES)
def test_a_word_is_silence_only_where_no_sound_lies_in_it(tmp_path: Path, name: str) -> None:
    def grid(*sounds: str) -> tuple[list[Span], list[str]]:
        edges = [i / len(sounds) for i in range(len(sounds) + 1)]
        intervals = [textgrid.Interval(edges[i], edges[i + 1], s) for i, s in enumerate(sounds)]
        middle = edges[len(sounds) // 2]
        words = [textgrid.Interval(0, middle, name), textgrid.Interval(middle, 1, "there")]
        tiers = [textgrid.Tier("words", words), textgrid.Tier("phones", intervals)]
        (tmp_path / "a.TextGrid").write_text(textgrid.dumps(tiers, 0.0, 1.0), encoding="utf-8")
        spans, found, _ = files.existing(tmp_path, {"id": "a"})
        return spans, found

    spans, words = grid("P", "AO1", "DH", "EH1")
    assert (words, [span.word for span in spans]) == ([name, "there"], [0, 0, 1, 1])
    for silent in (("sil", "sp", "DH", "EH1"), ("", "spn", "DH", "EH1")):
        spans, words = grid(*silent)
        assert (words, [span.word for span in spans]) == (["there"], [0, 0])
    assert grid("", "", "", "")[1] == ["there"]  # the tier of sounds says nothing


def test_words_called_like_silence_come_back_from_a_textgrid(tmp_path: Path) -> None:
    names = ["pause", "noise", "sil"]
    spans = [Span("ʌ", float(i), i + 0.5, i) for i in range(3)]
    record = result.add({"id": "a"}, spans, names, {"duration": 3.0}, 0.0)
    (tmp_path / "a.TextGrid").write_bytes(files.text_grid(record))
    assert files.existing(tmp_path, {"id": "a"})[1] == names
