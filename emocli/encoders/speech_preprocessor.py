"""What the files of a checkpoint say of the sound that its network takes.

`preprocessor_config.json`, or `feature_extractor` in the `processor_config.json` that newer
versions of transformers write, https://huggingface.co/docs/transformers/main_classes/feature_extractor.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emocli.encoders import weight_files
from emocli.encoders.levels import SAMPLE_RATE
from emocli.errors import ConfigError

ALONE, TOGETHER = "preprocessor_config.json", "processor_config.json"


def settings(folder: Path) -> dict[str, Any]:
    """Return the settings of the feature extractor, none if there is no such file.

    Raises ConfigError for a damaged file, and for a network of another sampling rate than 16 kHz.
    """
    found: Any = {}
    if weight_files.is_there(folder / ALONE):
        found = weight_files.json_object(folder / ALONE)
    elif weight_files.is_there(folder / TOGETHER):
        found = weight_files.json_object(folder / TOGETHER).get("feature_extractor", {})
    rate = found.get("sampling_rate", SAMPLE_RATE) if isinstance(found, dict) else None
    if rate != SAMPLE_RATE or isinstance(rate, bool):
        message = f"{folder} takes sound of {rate!r:.60} Hz"
        raise ConfigError(message, hint=f"encoders of speech are given {SAMPLE_RATE} Hz")
    return dict(found)


def normalises(folder: Path) -> bool:
    """Return whether samples are brought to mean 0 and variance 1; by default they are."""
    wanted = settings(folder).get("do_normalize", True)
    if not isinstance(wanted, bool):
        raise ConfigError(f"{folder}: do_normalize is {wanted!r:.60}, neither true nor false")
    return wanted
