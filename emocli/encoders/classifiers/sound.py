"""Classify sounds with wav2vec2, HuBERT, WavLM, UniSpeech, data2vec, Whisper and AST.

The checkpoint's own feature extractor is used, at 16 kHz, on sound at its own level. A recording
that is longer than a network takes (30 s; a spectrogram transformer says its length itself) is cut
into the fewest parts of equal length, whose answers are averaged: our choice.

Networks that normalise over time in their feature extractor (feat_extract_norm "group"), or that
were trained without a mask, change with padding. So only sounds of one length share a batch there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emocli.encoders import (
    Encoded,
    Encoder,
    Settings,
    classifiers,
    levels,
    pretrained,
    weight_files,
)
from emocli.encoders.classifiers import About, loading
from emocli.encoders.speech_windows import SAMPLE_RATE_HZ, WINDOW_S, Samples
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

FILES = ("preprocessor_config.json", "processor_config.json")
# Networks of waveforms that leave padding out by a mask, where their files ask for one.
MASKED = ("data2vec-audio", "hubert", "unispeech", "unispeech-sat", "wav2vec2", "wavlm")
FIXED = ("audio-spectrogram-transformer", "whisper")  # their extractors fill up to one length
FRAME_S = 0.01  # of a spectrogram transformer
BUDGET = 120 * SAMPLE_RATE_HZ  # samples in a forward pass (our choice)

MISMATCHED = "Support for mismatched key_padding_mask"  # what torch says of WavLM's masks

Forward = Callable[..., Tensor]  # the tensors of an extractor, by name -> logits (batch, columns)


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the classifier of sounds (time,), 16 kHz mono."""
    found = classifiers.about(folder)
    extractor = extracting(found)
    model = loading.network(found, "AutoModelForAudioClassification", settings)
    return running(found, settings, extractor, model.config, lambda **given: model(**given).logits)


def extracting(found: About) -> Any:
    """Return the feature extractor of a checkpoint; ConfigError if there is none of 16 kHz."""
    folder = found.folder
    if not any(weight_files.is_there(folder / name) for name in FILES):
        message = f"{folder} has no feature extractor: no {FILES[0]}"
        raise ConfigError(message, hint=weight_files.AGAIN)
    load = imported().AutoFeatureExtractor.from_pretrained
    extractor = pretrained.called(load, folder, found.what, **pretrained.LOCAL)
    if (rate := getattr(extractor, "sampling_rate", SAMPLE_RATE_HZ)) != SAMPLE_RATE_HZ:
        raise ConfigError(f"{folder} takes sound of {rate!r:.20} Hz, not {SAMPLE_RATE_HZ}")
    return extractor


def running(
    found: About, settings: Settings, extractor: Any, config: Any, forward: Forward
) -> Encoder:
    """Return the classifier that `forward` is, with its extractor and the config of its network."""
    fixed = config.model_type in FIXED
    alike = not fixed and not _masked(extractor, config)
    longest = _longest(extractor)
    padding = {} if fixed else {"padding": True}

    def answer(parts: Sequence[Samples]) -> Tensor:
        batch = extractor(
            [np.array(part) for part in parts],  # torch warns of arrays that cannot be written
            sampling_rate=SAMPLE_RATE_HZ,
            return_tensors="pt",
            **padding,
        )
        kind = getattr(torch, settings.dtype)
        given = {
            name: value.to(settings.device, kind if value.is_floating_point() else None)
            for name, value in batch.items()
        }
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", MISMATCHED)
            return loading.answers(forward(**given), found.problem)

    @torch.inference_mode()
    def run(waveforms: Sequence[Samples]) -> list[Encoded]:
        cut = [_parts(samples, longest) for samples in waveforms]
        parts = [part for some in cut for part in some]
        lengths = [longest if fixed else len(part) for part in parts]
        batches = loading.by_length(lengths, BUDGET, alike=alike)
        rows = loading.gathered(len(parts), batches, lambda at: answer([parts[i] for i in at]))
        of_each = torch.split(torch.stack(rows), [len(some) for some in cut])
        return [loading.together(some, found.problem) for some in of_each]

    return run


def _parts(samples: Samples, longest: int) -> list[Samples]:
    """Cut samples (time,) into the fewest parts of equal length; RecordError for unusable ones."""
    levels.require_usable(samples)
    return np.array_split(samples, -(-len(samples) // longest))


def _longest(extractor: Any) -> int:
    """Return the most samples that a network takes at a time."""
    if hasattr(extractor, "num_mel_bins") and isinstance(getattr(extractor, "max_length", 0), int):
        return int(min(WINDOW_S, extractor.max_length * FRAME_S) * SAMPLE_RATE_HZ)
    return int(WINDOW_S * SAMPLE_RATE_HZ)


def _masked(extractor: Any, config: Any) -> bool:
    """Say whether a network leaves out the padding behind a sound."""
    asks = bool(getattr(extractor, "return_attention_mask", False))
    over_time = getattr(config, "feat_extract_norm", "") == "group"
    return config.model_type in MASKED and asks and not over_time
