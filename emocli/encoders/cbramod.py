"""Encode EEG with CBraMod: a token for each second of each electrode.

Wang, J. et al. (2025). CBraMod: A criss-cross brain foundation model for EEG decoding. ICLR.
https://arxiv.org/abs/2412.07236, https://github.com/wjq-learning/CBraMod, through braindecode.

As in pretraining: 200 Hz, 0.3 to 75 Hz, uV / 100, patches of a second, up to 30 in a window, 19
electrodes of the 10-20 system in the order of TUH's recordings (its encoding of positions is a
convolution over this order). As the authors do downstream, the layer that reconstructs the signal
is left out. A frame is the mean over electrodes and seconds (our choice; the authors concatenate).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from emocli.encoders import Encoder, Settings, braindecode_weights, eeg_networks
from emocli.encoders.eeg_networks import Names, Network

MODALITY = "eeg"
POOLINGS = eeg_networks.POOLINGS
RATE_HZ, LEAST_HZ = 200.0, 150.0
LONGEST = 30  # patches
UV_IN_UNIT = 100.0
NAMES = "Fp1 Fp2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T7 T8 P7 P8 Fz Cz Pz"
ELECTRODES = tuple(NAMES.split())
UNREAD = ("proj_out.", "patch_embedding.mask_encoding")  # for pretraining


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of braindecode's CBraMod."""
    return "channels_kernel_stride_padding_norm" in config and "emb_dim" in config


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of Eeg; a frame has 200 numbers."""
    checkpoint = braindecode_weights.opened(folder, "CBraMod")
    network = braindecode_weights.built(checkpoint, {"return_encoder_output": True})
    network = braindecode_weights.filled(checkpoint, network, unread=UNREAD)
    network.patch_embedding.mask_encoding = None
    network.proj_out = None
    network = network.to(settings.device)

    def states(windows: Tensor, _names: Names, layer: int) -> Tensor:
        found = eeg_networks.state(
            network.encoder.layers,
            network.encoder,
            layer,
            lambda: network(windows / UV_IN_UNIT, return_features=True),
        )
        return found.mean(dim=1)

    return eeg_networks.encoder(
        Network(
            name="CBraMod",
            rate_hz=checkpoint.rate_hz(RATE_HZ),
            least_hz=LEAST_HZ,
            patch=checkpoint.size("patch_size", 200),
            longest=LONGEST,
            layers=checkpoint.size("n_layer", 12),
            montages=lambda _names: [ELECTRODES],
            states=states,
        ),
        settings,
    )
