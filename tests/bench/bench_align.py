"""align: boundaries against a synthesiser's and EMO-DB's, texts that are wrong, speed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emocli.datasets import emodb
from emocli.errors import RecordError
from emocli.signals import audio, lablaut, phones, transcripts, word_aligner
from tests.synthetic_speech import RATE_HZ, matched, say

ENGLISH_BAR = 60.0  # percent within 20 ms
NEAR_S, FAR_S = 0.020, 0.050
VOICES = (("en-us", 160, 50), ("en-us+f3", 130, 60), ("en-us+m3", 190, 40), ("en-us+f2", 160, 70))
SENTENCES = (
    "The small child almost lost his dog.",
    "We were away a year ago.",
    "Please call me when you get home tonight.",
    "She had your dark suit in greasy wash water all year.",
    "I never thought that this would happen to me.",
    "My mother bought five yellow boxes of cheese.",
    "Do not forget to close the window before you leave.",
    "He said that nobody could have known about it.",
    "They waited for the train under a grey sky.",
    "What a wonderful surprise, I am so happy to see you!",
    "Kids are talking by the door.",
    "The museum opens at nine and closes before seven.",
    "Nothing ever happens in this quiet little town.",
    "Could you bring the blue jacket from the kitchen?",
    "Our neighbours argued loudly about the garden fence.",
    "It was raining again, so the match was cancelled.",
    "Thank you very much for all your help yesterday.",
    "A large brown bear ran across the frozen river.",
    "Everyone should vote in the election on Thursday.",
    "Sometimes I just want to sit down and cry.",
)
RAVDESS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}


class Clip(NamedTuple):
    """A recording, what is said in it, and in which language."""

    path: Path
    text: str
    language: str


def run() -> list[dict[str, Any]]:
    """Return rows; percent of boundaries (starts of sounds) unless they say something else."""
    rows = [*_english()]
    data = os.environ.get("EMOCLI_DATA")
    if not data:
        return [*rows, {"name": "align: real speech skipped, no EMOCLI_DATA", "ok": True}]
    return [*rows, *_german(Path(data, "emodb")), *_wrong_texts(Path(data))]


def _row(name: str, value: float, unit: str, bar: float | None = None) -> dict[str, Any]:
    ok = bar is None or value >= bar
    return {"name": f"align, {name}", "value": value, "unit": unit, "bar": bar, "ok": ok}


def _english() -> Iterator[dict[str, Any]]:
    errors, missed, seconds, spoken = [], 0, 0.0, 0.0
    for number, text in enumerate(SENTENCES):
        speech = say(text, *VOICES[number % len(VOICES)])
        begin = time.process_time()
        found = word_aligner.align(speech.samples, transcripts.tokens(text), "en").spans
        seconds += time.process_time() - begin
        spoken += len(speech.samples) / RATE_HZ
        names = [ipa for ipa, _ in speech.sounds]
        pairs = matched(names, [str(span.ipa) for span in found])
        errors += [found[j].start - speech.sounds[i][1] for i, j in pairs]
        missed += len(names) - len(pairs)
    total = len(errors) + missed
    near = _share(errors, NEAR_S, total)
    yield _row(f"synthetic English, within 20 ms of {total}", near, "%", ENGLISH_BAR)
    yield _row("synthetic English, within 50 ms", _share(errors, FAR_S, total), "%")
    yield _row("synthetic English, median error", 1000 * float(np.median(np.abs(errors))), "ms")
    yield _row("CPU seconds per second of speech", seconds / spoken, "")


def _share(errors: list[float], limit_s: float, total: int) -> float:
    return 100 * sum(abs(error) <= limit_s for error in errors) / max(total, 1)


def _german(folder: Path) -> Iterator[dict[str, Any]]:
    """Compare starts and ends of vowels with the labels of phoneticians."""
    errors: list[float] = []
    clips = missed = failed = 0
    for clip in _emodb(folder):
        try:
            truth = lablaut.parse(clip.path.with_suffix(".lablaut").read_text("latin-1"))
        except (RecordError, OSError):
            continue
        clips += 1
        names = [label.ipa for label in truth]
        vowels = [i for i, name in enumerate(names) if phones.is_vowel(name)]
        try:
            found = _align(clip).spans
        except RecordError:
            failed += 1
            missed += 2 * len(vowels)
            continue
        pairs = dict(matched(names, [str(span.ipa) for span in found]))
        for i in vowels:
            if i in pairs:
                span = found[pairs[i]]
                errors += [span.start - truth[i].start, span.end - truth[i].end]
            else:
                missed += 2
    total = len(errors) + missed
    yield _row(f"EMO-DB vowels, within 20 ms of {total}", _share(errors, NEAR_S, total), "%")
    yield _row("EMO-DB vowels, within 50 ms", _share(errors, FAR_S, total), "%")
    yield _row("EMO-DB vowels, median error", 1000 * float(np.median(np.abs(errors))), "ms")
    yield _row(f"EMO-DB, clips not aligned of {clips}", failed, "")


def _emodb(folder: Path) -> list[Clip]:
    return [
        Clip(path, emodb.STATEMENTS[path.stem[2:5]], "de") for path in sorted(folder.glob("*.flac"))
    ]


def _align(clip: Clip, text: str | None = None) -> word_aligner.Alignment:
    samples = audio.read(clip.path).samples
    return word_aligner.align(samples, transcripts.tokens(text or clip.text), clip.language)


def _wrong_texts(data: Path) -> Iterator[dict[str, Any]]:
    """Count clips that are refused: with their own text, and with the text of another."""
    ravdess = [
        Clip(path, RAVDESS[path.stem.split("-")[4]], "en")
        for path in sorted((data / "ravdess").glob("*.flac"))[::12]
    ]
    for name, clips in (("RAVDESS", ravdess), ("EMO-DB", _emodb(data / "emodb")[::2])):
        texts = SENTENCES[:10] if name == "RAVDESS" else list(emodb.STATEMENTS.values())
        others = [t for clip, t in zip(clips, _cycle(clips, texts), strict=True)]
        right = 100 * np.mean([_is_refused(clip) for clip in clips])
        wrong = 100 * np.mean([_is_refused(c, t) for c, t in zip(clips, others, strict=True)])
        yield _row(f"{name}, {len(clips)} right texts refused", float(right), "%")
        yield _row(f"{name}, as many wrong texts refused", float(wrong), "%")


def _cycle(clips: list[Clip], texts: Any) -> list[str]:
    """Return for each clip a text that is not its own."""
    others = []
    for number, clip in enumerate(clips):
        rest = [text for text in texts if text != clip.text]
        others.append(rest[number % len(rest)])
    return others


def _is_refused(clip: Clip, text: str | None = None) -> bool:
    try:
        _align(clip, text)
    except RecordError as error:
        if error.code != "cannot_align":
            raise
        return True
    return False


if __name__ == "__main__":
    for line in run():
        print(line)
