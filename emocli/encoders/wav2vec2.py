"""Turn speech into features with wav2vec 2.0, XLS-R or MMS.

Baevski et al. 2020, wav2vec 2.0, https://arxiv.org/abs/2006.11477; Babu et al. 2021, XLS-R,
https://arxiv.org/abs/2111.09296; Pratap et al. 2023, MMS, https://arxiv.org/abs/2305.13516.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emocli.encoders import pooling, speech_waveform

MODALITY = "audio"
POOLINGS = pooling.POOLINGS

encoder = speech_waveform.encoder


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a wav2vec2 model."""
    return config.get("model_type") == "wav2vec2"
