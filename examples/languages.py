"""Which words reach the text branch of the default predictor: English ones, and those of others.

Use: EMOCLI_DATA=folder python examples/languages.py [CLIPS]
Takes CLIPS (100) clips of each of EMOCLI_DATA/{ravdess,emodb,nemo} and all of asr, and compares
ways to tell foreign speech from English: for each, how often words get through. Then the same for
written text: MELD, GoEmotions, nEMO's sentences and those of sentences.tsv. About ten minutes.
"""

from __future__ import annotations

import csv
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from no_speech import markdown

from emocli import hub
from emocli.encoders import speech_to_text
from emocli.encoders.decoding import Decoded, DecodingOptions, Detected
from emocli.encoders.text_language import identify
from emocli.signals import audio, voice_activity
from emocli.stages.transcribe import DEFAULT, MULTILINGUAL, QUICK

CORPORA = ("ravdess", "asr", "emodb", "nemo")
ENGLISH = CORPORA[:2]
WINDOW = 10 * 16_000  # samples that a clip is padded to; 20 s if it is longer
MIN_PROBABILITY = 0.5  # mean of the words: the rule of the default predictor


class Heard(NamedTuple):
    """What the two models make of a clip."""

    english: Decoded  # by the English model
    own: Decoded  # by the multilingual one, in the language that it hears
    language: Detected


def probable(result: Decoded) -> bool:
    """Return whether there are words, and as probable as the default predictor asks."""
    sure = [word["probability"] for word in result.words]
    return bool(sure) and float(np.mean(sure)) >= MIN_PROBABILITY


def is_english(text: str) -> bool:
    """Return whether a text counts as English."""
    return (identify(text) or ("en", 1.0))[0] == "en"


WAYS: dict[str, Callable[[Heard], bool]] = {
    "tiny.en, mean word probability 0.5": lambda h: probable(h.english),
    "and Whisper's safeguards": lambda h: (
        probable(h.english) and bool(h.english.text) and h.english.is_good
    ),
    "and log-probability above -0.5": lambda h: (
        probable(h.english) and h.english.log_probability > -0.5
    ),
    "and above -0.3": lambda h: probable(h.english) and h.english.log_probability > -0.3,
    "and py3langid on its words": lambda h: probable(h.english) and is_english(h.english.text),
    "base, and py3langid on its words": lambda h: probable(h.own) and is_english(h.own.text),
    "base, the language it hears": lambda h: probable(h.own) and h.language.language == "en",
    "**tiny.en, where base hears English**": lambda h: (
        probable(h.english) and h.language.language == "en"
    ),
}


def clips(folder: Path, count: int) -> list[Path]:
    """Return some clips of a corpus, by a fixed seed."""
    found = sorted(p for p in folder.rglob("*") if p.suffix in (".flac", ".wav"))
    return random.Random(1).sample(found, min(count, len(found)))


def heard(path: Path, english: speech_to_text.Model, base: speech_to_text.Model) -> Heard:
    """Listen to a clip with both models."""
    samples = audio.read(str(path)).samples
    spans = voice_activity.speech_segments(samples) or [(0.0, len(samples) / 16_000)]
    language = speech_to_text.detect(base, samples, spans, "en")
    length = WINDOW if len(samples) < WINDOW else 2 * WINDOW
    said = [
        model.decode([samples], length, DecodingOptions(code, 5))[0]
        for model, code in ((english, "en"), (base, language.language))
    ]
    return Heard(said[0], said[1], language)


def spoken(data: Path, count: int) -> Iterator[list[str]]:
    """Yield the rows of the table of speech."""
    english = speech_to_text.load(hub.resolve(DEFAULT), device="cpu")
    base = speech_to_text.load(hub.resolve(MULTILINGUAL), device="cpu", compute_type=QUICK)
    results = {c: [heard(p, english, base) for p in clips(data / c, count)] for c in CORPORA}
    yield [
        "words that get through",
        *(f"{c} ({len(results[c])})" for c in CORPORA),
        "English",
        "others",
    ]
    for name, way in WAYS.items():
        passed = {c: [way(h) for h in results[c]] for c in CORPORA}
        shares = [
            np.mean([p for c in CORPORA if (c in ENGLISH) == own for p in passed[c]])
            for own in (True, False)
        ]
        yield [name, *(str(sum(passed[c])) for c in CORPORA), *(f"{s:.1%}" for s in shares)]


def texts(data: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the lines of each collection of texts."""
    for split in ("dev", "train"):
        with open(data / f"meld/{split}_sent_emo.csv", encoding="utf-8") as lines:
            yield f"MELD {split}", [row["Utterance"] for row in csv.DictReader(lines)]
    lines = (data / "goemotions/ekman/dev.tsv").read_text(encoding="utf-8").splitlines()
    yield "GoEmotions dev", [line.split("\t")[0] for line in lines]
    lines = (data / "nemo/data.tsv").read_text(encoding="utf-8").splitlines()[1:]
    yield "pl, nEMO", sorted({line.split("\t")[2] for line in lines})
    own = (Path(__file__).parent / "sentences.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in own]
    for code in dict.fromkeys(code for code, _ in pairs):
        yield code, [text for other, text in pairs if other == code]


def written(data: Path) -> Iterator[list[str]]:
    """Yield the rows of the table of texts."""
    yield ["text", "lines", "counts as English", "named rightly"]
    for name, lines in texts(data):
        found = [identify(line) or ("en", 1.0) for line in lines]
        code = name[:2] if name[:2].islower() else "en"
        share, right = (np.mean([f[0] == c for f in found]) for c in ("en", code))
        yield [name, str(len(lines)), f"{share:.2%}", f"{right:.1%}"]


def main() -> None:
    """Print both tables."""
    data = Path(os.environ.get("EMOCLI_DATA") or sys.exit(__doc__))
    print(markdown(list(written(data))), end="\n\n", flush=True)
    print(markdown(list(spoken(data, int(sys.argv[1]) if sys.argv[1:] else 100))))


if __name__ == "__main__":
    main()
