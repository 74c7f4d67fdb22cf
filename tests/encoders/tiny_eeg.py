"""Tiny networks of EEG, as braindecode saves them, and EEG for them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emocli.encoders import braindecode_import
from emocli.encoders.cbramod import ELECTRODES
from emocli.signals import eeg_windows
from emocli.signals.eeg import Eeg
from tests.encoders.test_transformer_text import SIZE

RATE = 200.0
LAYERS = SIZE["num_hidden_layers"]
NAMES = ELECTRODES  # those that every network takes
STD = 0.3  # of weights, so that layers differ

Shape = tuple[int, int, int, int, tuple[int, int]]


def eeg(
    seconds: float,
    seed: int = 0,
    sd_uv: float = 10.0,
    names: tuple[str, ...] = NAMES,
    rate_hz: float = RATE,
) -> Eeg:
    """Noise that swells, read-only; all windows are good."""
    random, count = np.random.default_rng(seed), max(1, round(seconds * rate_hz))
    swell = np.linspace(0.5 * sd_uv, sd_uv, count)
    samples = (random.standard_normal((len(names), count)) * swell).astype(np.float32)
    samples.flags.writeable = False
    windows = eeg_windows.grid(rate_hz).count(count)
    return Eeg(samples, names, rate_hz, np.zeros((windows, len(names)), np.bool_))


def lost(of: Eeg) -> Eeg:
    return replace(of, samples=np.full_like(of.samples, np.nan))


def wrong(of: Eeg) -> Eeg:
    return replace(of, wrong=np.ones_like(of.wrong))


def save(folder: Path, kind: str, **options: Any) -> None:
    """Write a network, all its weights random and none of them tiny."""
    import torch

    network = getattr(braindecode_import.imported(), kind)(**options)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if tensor.ndim > 1 and not name.startswith("final_layer"):
                tensor.normal_(std=STD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the card that it writes
        network.save_pretrained(folder)


def eegpt(folder: Path, **more: Any) -> None:
    known = braindecode_import.imported().eegpt.EEGPT_CHANNELS
    channels = [{"ch_name": name} for name in known]
    sizes = {"embed_num": 2, "embed_dim": 16, "depth": LAYERS, "num_heads": 2}
    options = {"chan_proj_type": "none", "return_encoder_output": True, **sizes, **more}
    save(folder, "EEGPT", chs_info=channels, n_times=1000, sfreq=250, **options)


def eegpt_with_a_head(folder: Path) -> None:
    eegpt(folder, return_encoder_output=False, n_outputs=3)


def labram(folder: Path, **more: Any) -> None:
    sizes = {"conv_out_channels": 4, "num_layers": LAYERS, "num_heads": 5, "mlp_ratio": 1.0}
    save(folder, "Labram", n_times=1600, n_chans=128, n_outputs=0, **sizes, **more)


def labram_that_pools(folder: Path) -> None:
    labram(folder, use_mean_pooling=True)


def cbramod(folder: Path) -> None:
    convolutions: tuple[Shape, ...] = (
        (4, 49, 25, 24, (2, 4)),
        (4, 3, 1, 1, (2, 4)),
        (4, 3, 1, 1, (2, 4)),
    )
    sizes = {"dim_feedforward": 24, "n_layer": LAYERS, "nhead": 2, "emb_dim": 12}
    shapes = {"channels_kernel_stride_padding_norm": convolutions}
    save(folder, "CBraMod", return_encoder_output=True, **sizes, **shapes)


def biot(folder: Path, channels: int = 16) -> None:
    sizes = {"embed_dim": 24, "num_layers": LAYERS, "num_heads": 2}
    save(folder, "BIOT", n_chans=channels, n_outputs=2, n_times=1000, sfreq=200, **sizes)


def biot_of_18_channels(folder: Path) -> None:
    biot(folder, channels=18)
