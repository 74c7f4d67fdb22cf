"""The stream that the answers of a published classifier are: `encode --pooling logits`."""

from __future__ import annotations

from typing import Any

from emocli import modalities
from emocli.encoders import classifiers, weight_files
from emocli.encoders.classifiers import LOGITS
from emocli.errors import ConfigError, UsageError
from emocli.pipeline.context import Context
from emocli.stages.encode import Spec

HAVE_NONE = ("layer", "context", "bands")  # flags about what answers do not have


def spec(context: Context, modality: str | None, flags: dict[str, Any], name: str | None) -> Spec:
    """Return the spec of the stream, of the modality that the checkpoint takes.

    `flags` are those of `encode`. Raises UsageError for one that does not apply, ConfigError for
    what does not classify or takes another modality, ModelError for what is not installed.
    """
    from emocli import hub

    encoder = flags["encoder"]
    if encoder is None:
        raise UsageError("--pooling logits: --encoder names the classifier that answers")
    for flag in HAVE_NONE:
        if flags.get(flag):
            raise UsageError(f"--{flag}: the answers of a classifier have no {flag}")
    folder = hub.locate(encoder, offline=context.offline).folder
    about = classifiers.about(folder)
    if modality not in (None, about.modality):
        message = f"{folder} is not a classifier of {modality}, but of {about.modality}"
        raise ConfigError(message, hint=f"--modality {about.modality}: {about.architecture}")
    weight_files.tensors(folder, about.what)
    for other in modalities.names():
        for flag, reason in modalities.load(other).FLAGS.items():
            if flags.get(flag) and other != about.modality:
                raise UsageError(reason)
    own = {"modality": about.modality, "encoder": encoder, "layer": None, "pooling": LOGITS}
    return {"stream": name or about.modality, **own, **_settings(about.modality, flags)}


def _settings(modality: str, flags: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = modalities.load(modality).settings(flags)
    return found
