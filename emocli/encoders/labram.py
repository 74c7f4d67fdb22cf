"""Encode EEG with LaBraM: a token for each second of each electrode.

Jiang, W.-B., Zhao, L.-M., Lu, B.-L. (2024). Large brain model for learning generic representations
with tremendous EEG data in BCI. ICLR. https://github.com/935963004/LaBraM, through braindecode.

As published: 200 Hz, 0.1 to 75 Hz, uV / 100, patches of a second, up to 15 in a window. It knows
electrodes by name and takes any of them, in any number, so none is interpolated that a recording
lacks. A frame is the mean of all tokens but the first (the authors' pooling), pooling "patches"
that over the electrodes.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emocli.encoders import Encoder, Settings, braindecode_import, braindecode_weights, eeg_networks
from emocli.encoders.eeg_networks import Names, Network

MODALITY = "eeg"
POOLINGS = eeg_networks.POOLINGS
RATE_HZ, LEAST_HZ = 200.0, 150.0
UV_IN_UNIT = 100.0
TIMES = "temporal_embedding"  # (1, patches + 1, dim): a row for each, as braindecode counts them


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of braindecode's Labram."""
    return bool(config.get("neural_tokenizer"))


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of Eeg; a frame has 200 numbers."""
    checkpoint = braindecode_weights.opened(folder, "Labram")
    patch = checkpoint.size("patch_size", 200)

    @functools.cache
    def model(patches: int) -> Any:
        options = {"n_times": patches * patch, "n_chans": 1, "n_outputs": 0}
        network = braindecode_weights.built(checkpoint, options)
        network = braindecode_weights.filled(checkpoint, network, any_length=TIMES)
        return network.to(settings.device)

    def states(windows: Tensor, names: Names, layer: int) -> Tensor:
        patches = windows.shape[2] // patch
        network = model(patches)
        found = eeg_networks.state(
            network.blocks,
            network.fc_norm or network.norm,
            layer,
            lambda: network(windows / UV_IN_UNIT, return_features=True, ch_names=list(names)),
        )
        return torch.unflatten(found[:, 1:], 1, (len(names), patches)).mean(dim=1)

    model(1)  # whether the weights are all there
    network = Network(
        name="LaBraM",
        rate_hz=checkpoint.rate_hz(RATE_HZ),
        least_hz=LEAST_HZ,
        patch=patch,
        longest=checkpoint.shape(TIMES)[1] - 1,
        layers=checkpoint.size("num_layers", 12),
        montages=_known,
        states=states,
    )
    return eeg_networks.encoder(network, settings)


def _known(names: Names) -> Sequence[Names]:
    """Return the electrodes of a recording that LaBraM knows."""
    known = {name.upper() for name in braindecode_import.imported().labram.LABRAM_CHANNEL_ORDER}
    return [tuple(name for name in names if name.upper() in known)]
