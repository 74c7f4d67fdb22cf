"""Turn speech into features with HuBERT or DistilHuBERT.

Hsu et al. 2021, HuBERT, https://arxiv.org/abs/2106.07447; Chang et al. 2021, DistilHuBERT,
https://arxiv.org/abs/2110.01900.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emocli.encoders import pooling, speech_waveform

MODALITY = "audio"
POOLINGS = pooling.POOLINGS

encoder = speech_waveform.encoder


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a hubert model."""
    return config.get("model_type") == "hubert"
