"""Rate or classify speech with the head of ...ForSpeechClassification, which transformers lacks.

Wagner et al. 2023, "Dawn of the transformer era in speech emotion recognition: closing the valence
gap", IEEE TPAMI 45(9), https://arxiv.org/abs/2203.07378, whose wav2vec 2.0 gives arousal, dominance
and valence in 0 to 1; the same head, with classes, stands on published HuBERTs. The mean of the
last hidden states over time, a linear layer, tanh, a linear layer. The authors' code averages over
padding as well; here the mean is over the sound alone, as it is there for a sound by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from emocli.encoders import Encoder, Settings, classifiers, pretrained, weight_files
from emocli.encoders.classifiers import About, sound
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

NETWORKS = {"Wav2Vec2ForSpeechClassification": "Wav2Vec2Model",
            "HubertForSpeechClassification": "HubertModel"}  # fmt: skip
HEAD = "classifier."
MEAN = "mean"


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return what judges sounds (time,), 16 kHz mono."""
    found = classifiers.about(folder)
    extractor = sound.extracting(found)
    network, head = _loaded(found, settings)

    def forward(**given: Tensor) -> Tensor:
        state = network(**given).last_hidden_state  # (batch, time, dim)
        mask = given.get("attention_mask")
        if mask is None:
            mean = state.mean(1)
        else:
            valid = network._get_feature_vector_attention_mask(state.shape[1], mask)[..., None]
            mean = (state * valid).sum(1) / valid.sum(1)
        inner = functional.linear(mean, head["dense.weight"], head["dense.bias"]).tanh()
        return functional.linear(inner, head["out_proj.weight"], head["out_proj.bias"])

    return sound.running(found, settings, extractor, network.config, forward)


def _loaded(found: About, settings: Settings) -> tuple[Any, dict[str, Tensor]]:
    """Return the network and the tensors of its head; ConfigError for what is not whole."""
    folder, name = found.folder, NETWORKS.get(found.architecture)
    config = weight_files.json_object(folder / "config.json")
    if name is None:
        hint = f"known are {', '.join(NETWORKS)}"
        raise ConfigError(f"{folder}: unknown architecture {found.architecture}", hint=hint)
    if (way := config.get("pooling_mode", MEAN)) != MEAN:
        raise ConfigError(f"{folder}: pooling_mode {way!r:.40}, not {MEAN}")
    load = getattr(imported(), name).from_pretrained
    kind = getattr(torch, settings.dtype)
    network = pretrained.network(load, folder, found.what).to(settings.device, kind).eval()
    dim = int(network.config.hidden_size)
    shapes = {
        "dense.weight": (dim, dim),
        "dense.bias": (dim,),
        "out_proj.weight": (len(found.names), dim),
        "out_proj.bias": (len(found.names),),
    }
    wanted = {HEAD + key: shape for key, shape in shapes.items()}
    tensors = weight_files.read(weight_files.tensors(folder, found.what), wanted)
    head = {key: tensors[HEAD + key].to(settings.device, kind) for key in shapes}
    return network, head
