"""Turn speech into features with UniSpeech.

Wang et al. 2021, UniSpeech, https://arxiv.org/abs/2101.07597.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emocli.encoders import pooling, speech_waveform

MODALITY = "audio"
POOLINGS = pooling.POOLINGS

encoder = speech_waveform.encoder


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a unispeech model."""
    return config.get("model_type") == "unispeech"
