"""Encode EEG with BIOT: a token for each half second of each of 16 bipolar derivations.

Yang, C., Westover, M. B., Sun, J. (2023). BIOT: Cross-data biosignal learning in the wild. NeurIPS.
https://arxiv.org/abs/2305.10351, https://github.com/ycq091044/BIOT, through braindecode.

As in pretraining: 200 Hz, windows of whole seconds up to 30, the 16 derivations of the double
banana (longitudinal bipolar), each divided by the 95th percentile of its absolute values in the
window. Checkpoints with 18 channels have two more, of sleep recordings, which are left out as the
authors leave them out for recordings that have the 16. The lowest rate of the recordings it was
trained on is 125 Hz. A frame is the mean over all tokens (the network's own pooling).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emocli.encoders import Encoder, Settings, braindecode_weights, eeg_networks
from emocli.encoders.eeg_networks import Names, Network
from emocli.errors import ConfigError

MODALITY = "eeg"
POOLINGS = eeg_networks.POOLINGS
RATE_HZ, LEAST_HZ = 200.0, 125.0
LONGEST = 30  # patches
PERCENTILE = 0.95
LEAST = 1e-8  # added to the percentile: a flat derivation stays flat
PAIRS = (
    "Fp1-F7 F7-T7 T7-P7 P7-O1 Fp2-F8 F8-T8 T8-P8 P8-O2 "
    "Fp1-F3 F3-C3 C3-P3 P3-O1 Fp2-F4 F4-C4 C4-P4 P4-O2"
)
DERIVATIONS = tuple(tuple(pair.split("-")) for pair in PAIRS.split())
ELECTRODES = tuple(dict.fromkeys(name for pair in DERIVATIONS for name in pair))
CHANNELS = (16, 18)  # of checkpoints that are known
TOKENS = "encoder.channel_tokens.weight"  # (channels, dim)


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of braindecode's BIOT."""
    return "hop_length" in config and "embed_dim" in config


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of Eeg; a frame has 256 numbers."""
    checkpoint = braindecode_weights.opened(folder, "BIOT")
    rate = checkpoint.rate_hz(RATE_HZ)
    network = _network(checkpoint, round(rate)).to(settings.device)

    def states(windows: Tensor, _names: Names, layer: int) -> Tensor:
        inner = network.encoder
        found = eeg_networks.state(
            [pair[0] for pair in inner.transformer.layers.layers],
            inner.transformer,
            layer,
            lambda: _run(inner, windows),
        )
        return torch.unflatten(found, 1, (len(DERIVATIONS), -1)).mean(dim=1)

    return eeg_networks.encoder(
        Network(
            name="BIOT",
            rate_hz=rate,
            least_hz=LEAST_HZ,
            patch=round(rate),
            longest=LONGEST,
            layers=checkpoint.size("num_layers", 4),
            montages=lambda _names: [ELECTRODES],
            states=states,
        ),
        settings,
    )


def _network(checkpoint: braindecode_weights.Checkpoint, rate: int) -> Any:
    channels = checkpoint.shape(TOKENS)[0]
    if channels not in CHANNELS:
        message = f"{checkpoint.folder}: a BIOT of {channels} channels, whose names nobody knows"
        raise ConfigError(message, hint="those of 16 or 18 channels are known")
    checkpoint.size("hop_length", 100)
    options = {"n_chans": channels, "n_outputs": 1, "sfreq": rate, "n_times": LONGEST * rate}
    network = braindecode_weights.built(checkpoint, {**options, "input_window_seconds": LONGEST})
    network.encoder.index = torch.arange(channels)
    return braindecode_weights.filled(checkpoint, network)


def _run(inner: Any, windows: Tensor) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A window was not provided")  # as it was trained
        inner(derived(windows))


def derived(windows: Tensor) -> Tensor:
    """Return derivations (windows, 16, time) of electrodes (windows, electrodes, time), in uV.

    Each is divided by the 95th percentile of its absolute values.
    """
    first, second = (
        [ELECTRODES.index(name) for name in names] for names in zip(*DERIVATIONS, strict=True)
    )
    signals = windows[:, first] - windows[:, second]
    return signals / (torch.quantile(signals.abs(), PERCENTILE, dim=2, keepdim=True) + LEAST)
