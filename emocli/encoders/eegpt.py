"""Encode EEG with EEGPT: four summary tokens for each quarter of a second of all electrodes.

Wang, G. et al. (2024). EEGPT: Pretrained transformer for universal and reliable representation of
EEG signals. NeurIPS 37. https://github.com/BINE022/EEGPT, through braindecode.

As in pretraining: 256 Hz, windows of 4 s, mV, minus the mean of the electrodes; 58 of them, the 62
of SEED without PO5, PO6, CB1 and CB2. Where many of these are missing, the 19 of the authors'
linear probes are taken. Patches of 64 samples do not overlap (the stride of the probes; that of
braindecode's default is 32) and do not see each other: a window is any number of them (our choice).
The lowest rate of the recordings it was trained on is 160 Hz. Layer 0 is the summary tokens before
they have seen anything.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emocli.encoders import Encoder, Settings, braindecode_import, braindecode_weights, eeg_networks
from emocli.encoders.braindecode_weights import Checkpoint
from emocli.encoders.eeg_networks import Names, Network

MODALITY = "eeg"
POOLINGS = eeg_networks.POOLINGS
RATE_HZ, LEAST_HZ = 256.0, 160.0
LONGEST = 240  # patches: a minute
UV_IN_MV = 1000.0
OF_PRETRAINING = (
    "Fp1 Fpz Fp2 AF3 AF4 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 "
    "T7 C5 C3 C1 Cz C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8 "
    "PO7 PO3 POz PO4 PO8 O1 Oz O2"
)
OF_PROBES = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2"
MONTAGES = tuple(tuple(names.split()) for names in (OF_PRETRAINING, OF_PROBES))
NUMBERS = "chans_id"  # of the electrodes: they follow from the names


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of braindecode's EEGPT."""
    return "embed_num" in config and "patch_stride" in config


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of Eeg; a frame has 4 x 512 numbers, the summary tokens one by one."""
    checkpoint = braindecode_weights.opened(folder, "EEGPT")
    patch = checkpoint.size("patch_size", 64)

    @functools.cache
    def model(names: Names) -> Any:
        return _network(checkpoint, patch, names).to(settings.device)

    def states(windows: Tensor, names: Names, layer: int) -> Tensor:
        return _states(model(names), patch, windows, layer)

    model(MONTAGES[0])  # whether the weights are all there
    network = Network(
        name="EEGPT",
        rate_hz=checkpoint.rate_hz(RATE_HZ),
        least_hz=LEAST_HZ,
        patch=patch,
        longest=LONGEST,
        layers=checkpoint.size("depth", 8),
        montages=lambda _names: MONTAGES,
        states=states,
    )
    return eeg_networks.encoder(network, settings)


def _network(checkpoint: Checkpoint, patch: int, names: Names) -> Any:
    """Return the network for a patch of some electrodes."""
    options = {
        "n_times": patch,
        "patch_stride": patch,
        "n_chans": len(names),
        "chs_info": [{"ch_name": name} for name in names],
        "chan_proj_type": "none",
        "return_encoder_output": True,
        **dict.fromkeys(("patch_module", "norm_layer", "final_layer")),
    }
    network = braindecode_weights.built(checkpoint, options)
    network.chans_id = _numbers(names)
    return braindecode_weights.filled(checkpoint, network, unread=(NUMBERS,))


def _states(network: Any, patch: int, windows: Tensor, layer: int) -> Tensor:
    """Return the summary tokens (windows, patches, tokens x dim) of windows in uV."""
    inner = network.target_encoder
    mv = windows / UV_IN_MV
    mv = mv - mv.mean(dim=1, keepdim=True)
    parts = torch.unflatten(mv, 2, (-1, patch)).transpose(1, 2).flatten(0, 1)
    found = eeg_networks.state(
        inner.blocks, inner.norm, layer, lambda: inner(parts, network.chans_id)
    )
    tokens = found[:, -inner.embed_num :].flatten(1)
    return torch.unflatten(tokens, 0, (len(windows), -1))


def _numbers(names: Names) -> Tensor:
    """Return the rows (1, electrodes) of the embedding that belong to electrodes."""
    rows = braindecode_import.imported().eegpt.CHANNEL_DICT
    return torch.tensor([[rows[name.upper()] for name in names]])
