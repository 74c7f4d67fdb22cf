from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import lfilter

from emocli.encoders.decoding import Detected
from emocli.modalities import audio as modality
from emocli.stages import spoken_language, transcribe
from tests.encoders.test_speech_to_text import random_whisper  # noqa: F401 - a fixture

RATE_HZ = 16_000
CLIPS = Path(__file__).parents[2] / "examples" / "clips"
FORMANTS_HZ = [(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480)]


def babble(seconds: float) -> np.ndarray:
    """Make five syllables a second: pulses through the formants of vowels."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    f0_hz = 140 * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * time))
    pulses = np.diff(np.floor(np.cumsum(f0_hz) / RATE_HZ), prepend=0)
    source = lfilter([1], [1, -0.95], pulses)
    syllables = []
    for number, part in enumerate(np.array_split(source, int(5 * seconds))):
        for hertz, width in zip(FORMANTS_HZ[number % 4], (80, 100, 120), strict=True):
            r = np.exp(-np.pi * width / RATE_HZ)
            angle = 2 * np.pi * hertz / RATE_HZ
            part = lfilter([1 - r], [1, -2 * r * np.cos(angle), r * r], part)
        syllables.append(part * np.sin(np.pi * np.arange(len(part)) / len(part)) ** 0.5)
    wave = np.concatenate(syllables)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


@pytest.fixture
def voice(tmp_path: Path) -> Callable[..., str]:
    """Write half a second of silence and two seconds of babble."""
    pytest.importorskip("faster_whisper")  # else nothing detects speech

    def write(name: str = "voice.wav", seconds: float = 2.0) -> str:
        path = tmp_path / name
        soundfile.write(path, np.pad(babble(seconds), (8000, 8000)), RATE_HZ)
        return str(path)

    return write


@pytest.fixture
def heard(emocli, random_whisper, monkeypatch):  # noqa: F811
    """Transcribe with the random model and a beam of one, where all is heard as English."""
    english = Detected("en", 0.9)
    monkeypatch.setattr(spoken_language, "heard", lambda _, __, spans: english if spans else None)

    def call(*arguments: str, **how):
        return emocli(
            "transcribe",
            *arguments,
            "--model",
            str(random_whisper),
            "--beam-size",
            "1",
            "--device",
            "cpu",
            **how,
        )

    return call


def test_a_recording_gets_text_words_language_and_where_they_come_from(heard, voice):
    outcome = heard(voice())
    assert outcome.status == 0
    (record,) = outcome.records
    assert isinstance(record["text"], str)
    assert (record["language"], record["language_probability"]) == ("en", 0.9)
    assert record["audio"]["speech_s"] > 1
    said = record["transcript"]
    assert list(said) == [
        "model",
        "revision",
        "engine",
        "mean_word_probability",
        "no_speech_probability",
        "duration",
    ]
    assert said["duration"] == 3.0
    assert said["revision"].startswith("local:")
    assert said["engine"].startswith("transformers")
    for word in record["words"]:
        assert list(word) == ["text", "start", "end", "probability"]
        assert 0 <= word["start"] <= word["end"] <= 3.0
        assert 0 <= word["probability"] <= 1


def test_no_speech_is_an_empty_text_and_no_error(heard, wav, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(3 * RATE_HZ), RATE_HZ)
    outcome = heard(str(wav()), str(tmp_path / "silent.wav"))
    assert outcome.status == 0
    for record in outcome.records:
        assert (record["text"], record["words"]) == ("", [])
        assert record["transcript"]["mean_word_probability"] is None
        assert record["transcript"]["no_speech_probability"] is None
        assert "error" not in record
        assert "missing" not in record


@pytest.mark.large(mb=200)
def test_half_an_hour_of_silence_is_never_decoded(heard, tmp_path, monkeypatch):
    monkeypatch.setattr(modality, "CACHE_BYTES", 0)  # else this process keeps 115 MB of it
    path = tmp_path / "long.flac"
    soundfile.write(path, np.zeros(1800 * RATE_HZ, np.int16), RATE_HZ)
    (record,) = heard(str(path)).records
    assert record["text"] == ""


def test_a_text_is_kept_unless_it_is_to_be_overwritten(heard, voice):
    records = [{"id": "a", "path": voice(), "text": "as it was"}]
    assert heard(stdin=[{**records[0], "words": None}]).records == records  # null means absent
    (record,) = heard("--overwrite", stdin=records).records
    assert record["text"] != "as it was"
    assert record["transcript"]["model"]
    only_text = [{"id": "b", "text": "no file"}]
    assert heard("--overwrite", stdin=only_text).records == only_text


def test_another_language_is_a_note_and_not_a_failure(heard, voice):
    path = voice()
    records = [
        {"id": "de", "path": path, "language": "de"},
        {"id": "gb", "path": path, "language": "en-GB"},
    ]
    outcome = heard(stdin=records)
    german, british = outcome.records
    assert outcome.status == 0
    assert "text" not in german
    assert german["missing"]["text"]["code"] == "language"
    assert "de" in german["missing"]["text"]["message"]
    assert "text" in british
    assert british["language"] == "en-GB"


def test_a_note_goes_when_the_text_comes(heard, voice):
    note = {"stage": "transcribe", "code": "language", "message": "", "hint": ""}
    both = {"text": note, "video": note}
    outcome = heard(
        stdin=[
            {"id": "a", "path": voice(), "missing": {"text": note}},
            {"id": "b", "path": voice(), "missing": both},
        ]
    )
    first, second = outcome.records
    assert "missing" not in first
    assert second["missing"] == {"video": note}


def test_times_are_from_the_start_of_the_recording_not_of_the_part(heard, voice):
    path = voice(seconds=4.0)
    (record,) = heard(stdin=[{"id": "part", "path": path, "start": 2.0, "end": 4.5}]).records
    assert record["words"]
    assert all(2.0 <= w["start"] <= w["end"] <= 4.5 for w in record["words"])


def test_a_bad_record_costs_its_neighbours_nothing(heard, voice):
    good = voice()
    outcome = heard(stdin=[{"id": "1", "path": good}, {"id": "2", "path": "/no/such.wav"}] * 2)
    assert outcome.status == 1
    assert ["text" in record for record in outcome.records] == [True, False, True, False]


def test_a_record_known_to_have_no_audio_passes(heard):
    record = {"id": "a", "path": "mute.mp4", "missing": {"audio": {"code": "no_audio"}}}
    outcome = heard(stdin=[record])
    assert (outcome.status, outcome.records) == (0, [record])


def test_a_record_without_a_file_fails_with_a_reason(heard):
    outcome = heard(stdin=[{"id": "a"}])
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == "no_path"


def test_batch_size_changes_nothing(heard, voice):
    paths = [voice(f"{n}.wav", seconds=n) for n in (1.0, 3.0, 2.0)]
    alone = heard(*paths, "--batch-size", "1").records
    together = heard(*paths, "--batch-size", "3").records
    assert [r["id"] for r in together] == paths
    assert [r["text"] for r in alone] == [r["text"] for r in together]


def test_a_model_that_is_not_here_exits_4_with_the_command_that_gets_it(
    emocli, voice, tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    outcome = emocli("transcribe", voice())
    assert outcome.status == 4
    assert "emocli models pull faster-whisper-tiny.en" in outcome.stderr


def test_a_dtype_that_does_not_exist_is_a_usage_error(heard, voice):
    assert heard(voice(), "--dtype", "int3").status == 2


def test_numbers_of_16_bits_that_a_device_lacks_are_told_and_not_needed(emocli, voice):
    ctranslate2 = pytest.importorskip("ctranslate2")
    lacking = {"bfloat16", "float16"} - ctranslate2.get_supported_compute_types("cpu")
    for dtype in lacking:
        outcome = emocli("transcribe", "--device", "cpu", "--dtype", dtype, voice())
        assert outcome.status == 0, outcome.stderr
        assert f"no {dtype} on this device" in outcome.stderr


@pytest.fixture(scope="module")
def model(default_models):
    """The default model as faster-whisper runs it."""
    pytest.importorskip("faster_whisper")
    from emocli import hub
    from emocli.encoders import speech_to_text

    folder = default_models / "models" / transcribe.DEFAULT
    if not folder.joinpath("model.bin").exists():
        folder = hub.resolve(transcribe.DEFAULT)
    return speech_to_text.load(folder, device="cpu")


def clips() -> list[np.ndarray]:
    """Return spoken clips of the examples as samples."""
    from emocli.signals import audio

    paths = sorted(p for p in CLIPS.glob("*") if p.suffix in (".wav", ".flac"))
    return [audio.read(str(path)).samples for path in paths[:3]]


@pytest.mark.large(mb=500)
def test_full_windows_give_what_faster_whisper_gives(model):
    from emocli.encoders.decoding import DecodingOptions

    ours = model
    theirs = ours.model  # the same weights; a second copy of them takes 300 MB
    waves = clips()[:2]
    batch = ours.decode(waves, 30 * RATE_HZ, DecodingOptions("en", 5))
    for wave, heard in zip(waves, batch, strict=True):
        options = {"without_timestamps": True, "word_timestamps": True, "temperature": 0.0}
        segment = next(theirs.transcribe(wave, **options)[0])
        assert heard.text.strip() == segment.text.strip()
        np.testing.assert_allclose(heard.log_probability, segment.avg_logprob, atol=1e-3)
        np.testing.assert_allclose(heard.no_speech_probability, segment.no_speech_prob, atol=1e-3)
        sure = [word.probability for word in segment.words]
        np.testing.assert_allclose([w["probability"] for w in heard.words], sure, atol=1e-3)
        times = [word.end for word in segment.words]  # theirs shortens the first and last word
        np.testing.assert_allclose([w["end"] for w in heard.words][:-1], times[:-1], atol=0.05)


@pytest.mark.large(mb=500)
def test_short_windows_give_the_same_words_whatever_the_batch(model):
    from emocli.encoders.speech_to_text import transcribe as hear
    from emocli.signals.voice_activity import speech_segments

    ours = model
    waves = [wave for wave in clips() if speech_segments(wave)]
    spans = [speech_segments(wave) for wave in waves]
    together = hear(ours, waves, spans)
    alone = [hear(ours, [w], [s])[0] for w, s in zip(waves, spans, strict=True)]
    assert [t.text for t in together] == [t.text for t in alone]
    assert all(t.text and t.words for t in together)
