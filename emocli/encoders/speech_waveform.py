"""Turn speech into features with a wav2vec 2.0 or a relative: load it, cut, batch and pool.

What the network is stands in `speech_network.py`; the families are one file each. Samples are
brought to mean 0 and variance 1, over the whole recording, where `preprocessor_config.json` says
`do_normalize`, or where there is no such file (the default of transformers).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emocli.encoders import Encoded, Encoder, Settings, pooling, speech_preprocessor, weight_files
from emocli.encoders.levels import SAMPLE_RATE, require_usable
from emocli.encoders.speech_convolutions import Positions
from emocli.encoders.speech_network import Attention, Part, SpeechNetwork
from emocli.encoders.speech_windows import Samples, equal_windows
from emocli.errors import ConfigError, RecordError

BATCH_FRAMES = 1500  # of a forward pass of the blocks; see bench_published.py
# Tensors that all of them have: what comes before their names is the place in a larger model.
ANCHORS = ("feature_projection.projection.weight", "feature_projection.projection.bias")
# Names of the length and the direction of a weight that has been kept in two, before and after
# torch 2.0.
WEIGHT_NORM = (
    ("weight_g", "weight_v"),
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
)
WHAT = "an encoder of speech"
VARIANCE_FLOOR = 1e-7  # transformers'
NOTHING: Mapping[str, Any] = {}

Window = tuple[int, Samples]  # of the recording in this row


def encoder(
    folder: Path,
    settings: Settings,
    *,
    positions: Part = Positions,
    attention: Part = Attention,
    always: Mapping[str, Any] = NOTHING,
) -> Encoder:
    """Return the encoder of waveforms (time,), 16 kHz, in one batch.

    A family may have parts of its own, and settings that its networks have whatever they say.
    """
    normalises = speech_preprocessor.normalises(folder)
    network = load(folder, positions, attention, always)
    network = network.to(settings.device, getattr(torch, settings.dtype)).eval()
    layers = pooling.layers_of(settings.layer, len(network.encoder.layers))

    @torch.inference_mode()
    def run(waveforms: Sequence[Samples]) -> list[Encoded]:
        pieces = [pooling.pieces(settings.pooling) for _ in waveforms]
        parts = _parts(network, waveforms, normalises=normalises)
        for batch in _batches(network, parts):
            _add(network, batch, layers, pieces)
        return [Encoded(piece.result(settings.pooling)) for piece in pieces]

    return run


def load(
    folder: Path, positions: Part, attention: Part, always: Mapping[str, Any]
) -> SpeechNetwork:
    """Return the network in a folder, with a head or without; ConfigError if there is none."""
    config = weight_files.json_object(folder / "config.json")
    found = weight_files.tensors(folder, WHAT)
    weight_files.require_layers(folder, config, len(found))
    network = _empty(folder, {**config, **always}, positions, attention)
    places = (n.removesuffix(anchor) for anchor in ANCHORS for n in found if n.endswith(anchor))
    prefix = next(places, "")
    expected = {prefix + n: tuple(t.shape) for n, t in network.state_dict().items()}
    _split_weight_norms(expected, found)
    values = weight_files.read(found, expected)
    state = {n: _joined(values, prefix + n).float() for n in network.state_dict()}
    network.load_state_dict(state, assign=True)
    return network


def _empty(folder: Path, config: Mapping[str, Any], positions: Part, attention: Part) -> Any:
    """Return a network without numbers; ConfigError for a config that describes none."""
    try:
        with torch.device("meta"):
            return SpeechNetwork(config, positions, attention)
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        message = f"{folder}/config.json is not that of {WHAT}: {error!r:.200}"
        raise ConfigError(message, hint=weight_files.AGAIN) from None


def _split_weight_norms(expected: dict[str, Any], found: Mapping[str, Any]) -> None:
    """Replace a weight that the file has as direction and length by these two."""
    for name in [n for n in expected if n not in found and n.endswith("conv.weight")]:
        for pair in WEIGHT_NORM:
            length, direction = (name.removesuffix("weight") + part for part in pair)
            if length in found or direction in found:
                shape = expected.pop(name)
                expected |= {length: (1, 1, shape[-1]), direction: shape}


def _joined(values: Mapping[str, Tensor], name: str) -> Tensor:
    """Return a tensor, or the product of the direction and the length that are there instead."""
    if name in values:
        return values[name]
    stem = name.removesuffix("weight")
    length, direction = next(
        (values[stem + first], values[stem + second])
        for first, second in WEIGHT_NORM
        if stem + first in values
    )
    return torch._weight_norm(direction.float(), length.float(), 2)


def _parts(
    network: SpeechNetwork, waveforms: Sequence[Samples], *, normalises: bool
) -> list[Window]:
    """Return row and samples of all windows, in order.

    Raises RecordError for less than 0.1 s or than a frame, and for samples that are not finite.
    """
    parts = []
    for row, samples in enumerate(waveforms):
        require_usable(samples)
        if normalises:
            samples = normalised(samples)
        parts += [(row, window) for window in equal_windows(samples)]
        if network.feature_extractor.frames(len(parts[-1][1])) < 1:
            message = f"{len(samples) / SAMPLE_RATE:.3f} s is less than a frame of this encoder"
            raise RecordError("too_short", message)
    return parts


def normalised(samples: Samples) -> Samples:
    """Return samples (time,) of mean 0 and variance 1, as transformers does."""
    found: Samples = (samples - samples.mean()) / np.sqrt(samples.var() + VARIANCE_FLOOR)
    return found


def _batches(network: SpeechNetwork, parts: Sequence[Window]) -> Iterator[list[Window]]:
    """Yield windows in their order, as many as fill a forward pass of the blocks."""
    batch: list[Window] = []
    taken = 0
    for part in parts:
        frames = network.feature_extractor.frames(len(part[1]))
        if batch and taken + frames > BATCH_FRAMES:
            yield batch
            batch, taken = [], 0
        batch.append(part)
        taken += frames
    if batch:
        yield batch


def _add(network: SpeechNetwork, batch: Sequence[Window], layers: list[int], pieces: Any) -> None:
    """Add the frames of windows to the pieces of their rows."""
    weight = network.feature_projection.projection.weight
    starts = [network.start(torch.tensor(samples).to(weight)) for _, samples in batch]
    lengths = [len(x) for x in starts]
    states = torch.split(network.blocks(torch.cat(starts), lengths, layers), lengths, 1)
    for (row, _), window in zip(batch, states, strict=True):
        pieces[row].add(window.float())
