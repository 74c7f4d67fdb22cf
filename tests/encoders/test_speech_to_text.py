from __future__ import annotations

import gc
import json
import weakref
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emocli.encoders import speech_to_text, speech_windows
from emocli.encoders.decoding import Decoded, DecodingOptions, Detected
from emocli.encoders.speech_to_text import transcribe
from emocli.encoders.speech_windows import everywhere, is_silent, stretches
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

RATE = speech_windows.SAMPLE_RATE_HZ
WHOLE = [(0.0, 2.0)]


class Scripted:
    """An engine that returns a word for each second of audio, and records its calls."""

    name, only_language, languages, pads = "scripted", "en", frozenset(["en"]), False

    def __init__(self, scores: dict[tuple[int, int], float] | None = None) -> None:
        self.calls: list[tuple[int, int, DecodingOptions]] = []
        self.scores = scores or {}

    def detect(self, window: np.ndarray, favoured: str | None = None) -> Detected:
        assert len(window) <= 5 * RATE
        return Detected("de" if window[0] < 0 else "fr", 0.8)

    def decode(self, windows, length, options):
        self.calls.append((len(windows), length, options))
        score = self.scores.get((length // RATE, options.no_repeat_tokens), -0.1)
        return [self.decoded(window, score) for window in windows]

    def decoded(self, window: np.ndarray, score: float) -> Decoded:
        times = np.arange(len(window) // RATE)
        words = [
            {"text": f"w{window[t * RATE]:.0f}", "start": t, "end": t + 1, "probability": 0.5}
            for t in times.tolist()
        ]
        return Decoded(" ".join(w["text"] for w in words), words, score, 0.01)


def counted(seconds: int, first: int = 0) -> np.ndarray:
    """Return samples whose value is the second they lie in."""
    return np.repeat(np.arange(first, first + seconds), RATE).astype(np.float32)


def test_a_model_goes_with_its_last_user_not_when_python_looks_for_garbage(monkeypatch):
    engine = pytest.importorskip("emocli.encoders.faster_whisper_ctranslate2")
    english = SimpleNamespace(model=SimpleNamespace(is_multilingual=False))
    monkeypatch.setattr(engine, "WhisperModel", lambda *_, **__: english)
    gc.disable()
    try:
        gone = weakref.ref(engine.FasterWhisper("folder", "cpu", "default", 1))
        assert gone() is None
    finally:
        gc.enable()


def test_a_recording_without_speech_is_never_decoded():
    model = Scripted()
    (transcript,) = transcribe(model, [counted(5)], [[]])
    assert (transcript.text, transcript.words, transcript.language) == ("", [], "en")
    assert transcript.no_speech_probability is None
    assert model.calls == []


def test_a_long_recording_is_heard_in_stretches_of_its_own_time():
    spans = [(1.0, 20.0), (22.0, 28.0), (40.0, 55.0), (70.0, 75.0)]
    (transcript,) = transcribe(Scripted(), [counted(90)], [spans])
    seconds = [int(word["text"][1:]) for word in transcript.words]
    assert seconds == [*range(1, 28), *range(40, 55), *range(70, 75)]
    inside = [w for w in transcript.words if w["end"] > w["start"]]
    assert all(abs(w["start"] - int(w["text"][1:])) < 1e-6 for w in inside if w["start"] >= 40)


def test_no_word_reaches_into_a_pause():
    (transcript,) = transcribe(Scripted(), [counted(3)], [[(0.4, 1.0), (1.2, 2.5)]])
    times = [(word["start"], word["end"]) for word in transcript.words]
    assert times == [(0.4, 1.0), (1.2, 2.0), (2.0, 2.5)]


def test_windows_of_one_length_go_through_the_model_together_in_bounded_groups():
    model = Scripted()
    transcripts = transcribe(
        model, [counted(n) for n in (2, 15, 3)], [[(0.0, n)] for n in (2, 15, 3)]
    )
    assert [(n, length // RATE) for n, length, _ in model.calls] == [(2, 10), (1, 20)]
    assert [len(t.words) for t in transcripts] == [2, 15, 3]
    model = Scripted()
    transcribe(model, [counted(29)] * 20, [[(0.0, 29.0)]] * 20)
    assert [n for n, _, _ in model.calls] == [8, 8, 4]


def test_the_batch_does_not_change_a_result():
    waves = [counted(n, first=n) for n in (2, 12, 3, 29, 4)]
    spans = [[(0.0, len(wave) / RATE)] for wave in waves]
    together = transcribe(Scripted(), waves, spans)
    single = [transcribe(Scripted(), [w], [s])[0] for w, s in zip(waves, spans, strict=True)]
    assert together == single


def test_a_poor_result_is_heard_again_in_full_then_without_repetition():
    model = Scripted({(10, 0): -1.5, (30, 0): -1.2, (30, 3): -1.3})
    transcribe(model, [counted(2)], [WHOLE])
    asked = [(length // RATE, options.no_repeat_tokens) for _, length, options in model.calls]
    assert asked == [(10, 0), (30, 0), (30, 3)]
    model = Scripted({(10, 0): -1.5})
    transcribe(model, [counted(2)], [WHOLE])
    assert len(model.calls) == 2


def test_whisper_itself_may_say_that_nobody_speaks():
    assert Decoded("Thank you.", [], -1.5, 0.9).is_silence
    assert not Decoded("Thank you.", [], -0.5, 0.9).is_silence
    assert not Decoded("Thank you.", [], -1.5, 0.1).is_silence
    assert Decoded(" ", [], -0.1, 0.0).is_silence


def test_a_repetition_is_not_a_good_result():
    assert not Decoded("no no " * 40, [], -0.1, 0.0).is_good
    assert Decoded("the child almost hurt the small dog", [], -0.1, 0.0).is_good


def test_a_multilingual_model_listens_for_the_language_of_each_recording():
    model = Scripted()
    model.only_language = None
    waves = [-1 - counted(2), counted(2), counted(2)]
    transcripts = transcribe(model, waves, [WHOLE] * 3, languages=[None, None, "it"])
    assert [t.language for t in transcripts] == ["de", "fr", "it"]
    assert sorted(options.language for _, _, options in model.calls) == ["de", "fr", "it"]


def test_stretches_are_at_most_thirty_seconds_and_cover_all_speech():
    rng = np.random.default_rng(0)
    edges = np.cumsum(rng.uniform(0.2, 12, 200)).tolist()
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    cuts = list(stretches(spans, edges[-1] + 5))
    assert all(end - start <= 30 for start, end in cuts)
    assert all(any(a <= start and end <= b for a, b in cuts) for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(cuts))
    assert list(stretches([(1.0, 2.0)], 29.0)) == [(0.0, 29.0)]


def test_everywhere_is_cut_every_thirty_seconds():
    assert everywhere(65 * RATE) == [(0.0, 30.0), (30.0, 60.0), (60.0, 65.0)]
    assert everywhere(0) == []


def test_silence_is_what_sixteen_bits_hardly_hold():
    assert is_silent(np.zeros(0, np.float32))
    assert is_silent(np.full(10, -5e-5, np.float32))
    assert not is_silent(np.array([0, -0.01], np.float32))


def write_whisper(folder: Path) -> None:
    """Write a Whisper of two layers and 6 s with random weights and a byte-level vocabulary."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    transformers = imported()
    pieces = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = ["<|endoftext|>", "<|startoftranscript|>", "<|nocaptions|>", "<|notimestamps|>"]
    vocabulary = {piece: i for i, piece in enumerate([*pieces, *names])}
    raw = Tokenizer(models.BPE(vocabulary, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token=names[0], pad_token=names[0], unk_token=names[0]
    ).save_pretrained(folder)
    end, start = vocabulary[names[0]], vocabulary[names[1]]
    torch.manual_seed(0)
    shape = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "num_mel_bins": 80}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    inner = {"encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    tokens = {"eos_token_id": end, "pad_token_id": end, "bos_token_id": end}
    config = transformers.WhisperConfig(
        vocab_size=len(vocabulary),
        decoder_start_token_id=start,
        max_target_positions=24,
        max_source_positions=300,  # 6 s
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **shape,
        **heads,
        **inner,
        **tokens,
    )
    model = transformers.WhisperForConditionalGeneration(config)
    settings = {"decoder_start_token_id": start, "max_length": 24, "is_multilingual": False}
    settings |= {"no_timestamps_token_id": vocabulary[names[3]], **tokens}
    model.generation_config = transformers.GenerationConfig(**settings)
    model.save_pretrained(folder)
    transformers.WhisperFeatureExtractor(chunk_length=6).save_pretrained(folder)


@pytest.fixture(scope="module")
def random_whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    write_whisper(folder)
    return folder


def test_a_transformers_whisper_gives_words_alone_as_in_a_batch(random_whisper, tone):
    model = speech_to_text.load(random_whisper, device="cpu")
    waves = [tone(1.0), tone(2.0, f0_hz=220.0)]
    spans = [[(0.0, 1.0)], [(0.0, 2.0)]]
    together = transcribe(model, waves, spans, beam_size=2)
    single = [
        transcribe(model, [w], [s], beam_size=2)[0] for w, s in zip(waves, spans, strict=True)
    ]
    assert model.name.startswith("transformers")
    for a, b, (span,) in zip(together, single, spans, strict=True):
        assert a.text == b.text
        assert a.language == "en"
        for word, other in zip(a.words, b.words, strict=True):
            assert word["text"] == other["text"]
            assert abs(word["probability"] - other["probability"]) < 1e-4
            assert span[0] <= word["start"] <= word["end"] <= span[1]


def test_a_folder_that_is_no_whisper_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ConfigError, match="'bert'"):
        speech_to_text.load(tmp_path)


def test_a_broken_ctranslate2_model_is_refused(tmp_path):
    pytest.importorskip("faster_whisper")
    (tmp_path / "model.bin").write_bytes(b"not a model")
    with pytest.raises(ConfigError, match=r"config\.json: No such file"):
        speech_to_text.load(tmp_path, device="cpu")
    for name in speech_to_text.CTRANSLATE2:
        (tmp_path / name).write_text("{}")
    with pytest.raises(ConfigError, match="cannot load"):
        speech_to_text.load(tmp_path, device="cpu")
