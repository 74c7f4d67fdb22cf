"""Turn speech into features with UniSpeech-SAT.

Chen et al. 2021, UniSpeech-SAT, https://arxiv.org/abs/2110.05752.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emocli.encoders import pooling, speech_waveform

MODALITY = "audio"
POOLINGS = pooling.POOLINGS

encoder = speech_waveform.encoder


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a unispeech-sat model."""
    return config.get("model_type") == "unispeech-sat"
