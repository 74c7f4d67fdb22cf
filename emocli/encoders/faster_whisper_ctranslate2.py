"""Whisper on CTranslate2 (https://github.com/OpenNMT/CTranslate2) through faster-whisper.

faster-whisper (https://github.com/SYSTRAN/faster-whisper, MIT) loads the model, makes the mel
spectrogram and aligns words; many windows go through each call rather than one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache, partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import _LANGUAGE_CODES, Tokenizer
from faster_whisper.transcribe import WhisperModel, get_suppressed_tokens, merge_punctuations

from emocli.encoders.decoding import Decoded, DecodingOptions, Detected, Word, detected
from emocli.encoders.speech_windows import SAMPLE_RATE_HZ, TAIL_S, Samples

HOP = 160  # samples per mel frame
MAX_FRAMES = 3_000  # 30 s
TOKENS_PER_S = 15  # twice the fastest speech: a repetition ends sooner (our choice)
LONGEST_WORD_S = 1.4  # of a word at the end of a sentence (openai/whisper: 2 x 0.7 s)
PREPENDED = "\"'“¿([{-"  # punctuation that belongs to the word after it (openai/whisper)
APPENDED = "\"'.。,，!！?？:：”)]}、"  # and to the word before it
SENTENCE_ENDS = ".。!！?？"


class FasterWhisper:
    """A Whisper that CTranslate2 runs."""

    pads = False

    def __init__(self, folder: str | Path, device: str, compute_type: str, threads: int) -> None:
        ctranslate2.set_log_level(
            logging.ERROR
        )  # else it warns that float16 weights become float32
        kind, _, index = device.partition(":")
        self.model = WhisperModel(
            str(folder),
            device=kind,
            device_index=int(index or 0),
            compute_type=compute_type,
            cpu_threads=threads,
        )
        self.name = f"faster-whisper {version('faster-whisper')}"
        multilingual = self.model.model.is_multilingual
        self.only_language = None if multilingual else "en"
        self.languages = frozenset(_LANGUAGE_CODES if multilingual else ["en"])
        # A bound method here would be a cycle, which keeps 250 MB until Python looks for garbage.
        self.tokenizer = cache(partial(_tokenizer, self.model))

    def detect(self, window: Samples, favoured: str | None = None) -> Detected:
        """Return the language of a window (time,) and its probability.

        It gets a second of silence or two, as in `Window`, not 30 s: a fifth of the time. Without
        any, three of thirteen English sentences are heard as Welsh or Latin. The silence is sound:
        with zeros behind the mel spectrogram, which are none, five of 59 utterances that were cut
        at their ends are heard as Hawaiian.
        """
        seconds = -(-len(window) // SAMPLE_RATE_HZ) + TAIL_S
        length = min(round(seconds * SAMPLE_RATE_HZ), MAX_FRAMES * HOP)
        mel = self.model.feature_extractor(pad_or_trim(window, length))[..., :-1]
        encoded = self.model.encode(pad_or_trim(mel, length // HOP)[None])
        shares = self.model.model.detect_language(encoded)[0]
        return detected({token.strip("<|>"): p for token, p in shares}, favoured)

    def decode(
        self, windows: Sequence[Samples], length: int, options: DecodingOptions
    ) -> list[Decoded]:
        """Decode windows (time,) padded with silence to `length` samples."""
        tokenizer, suppressed = self.tokenizer(options.language)
        mels = [self.model.feature_extractor(window)[..., :-1] for window in windows]
        encoded = self.model.encode(np.stack([pad_or_trim(mel, length // HOP) for mel in mels]))
        results = self.model.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]] * len(windows),
            beam_size=options.beam_size,
            no_repeat_ngram_size=options.no_repeat_tokens,
            max_length=min(self.model.max_length, TOKENS_PER_S * length // SAMPLE_RATE_HZ),
            suppress_tokens=suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [[t for t in result.sequences_ids[0] if t < tokenizer.eot] for result in results]
        frames = [min(mel.shape[-1], length // HOP) for mel in mels]
        aligned = self.model.find_alignment(tokenizer, tokens, encoded, frames)
        return [
            _decoded(result, tokenizer.decode(ids), alignment)
            for result, ids, alignment in zip(results, tokens, aligned, strict=True)
        ]


def _tokenizer(model: WhisperModel, language: str) -> tuple[Tokenizer, list[int]]:
    tokenizer = Tokenizer(
        model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language
    )
    return tokenizer, list(get_suppressed_tokens(tokenizer, [-1]))


def _decoded(result: Any, text: str, alignment: list[dict[str, Any]]) -> Decoded:
    length = len(result.sequences_ids[0])
    mean = result.scores[0] * length / (length + 1)  # the score leaves the end token out
    return Decoded(text, _words(alignment), float(mean), float(result.no_speech_prob))


def _words(alignment: list[dict[str, Any]]) -> list[Word]:
    """Return words with their punctuation, their times and the mean probability of their tokens.

    As in openai/whisper no word next to the end of a sentence lasts longer than twice the median.
    """
    durations = [word["end"] - word["start"] for word in alignment]
    median = np.median([d for d in durations if d > 0] or [0.0])
    longest = min(LONGEST_WORD_S, 2 * float(median))
    for before, word in pairwise(alignment):
        if word["end"] - word["start"] > longest:
            if word["word"] in SENTENCE_ENDS:
                word["end"] = word["start"] + longest
            elif before["word"] in SENTENCE_ENDS:
                word["start"] = word["end"] - longest
    merge_punctuations(alignment, PREPENDED, APPENDED)
    return [
        {
            "text": word["word"].strip(),
            "start": float(word["start"]),
            "end": float(word["end"]),
            "probability": float(word["probability"]),
        }
        for word in alignment
        if word["word"].strip()
    ]
