"""What the networks of EEG share: windows of any recording in, frames or a vector out.

A recording keeps its windows, so that frames of several encoders and masks stand side by side; a
window that a network cannot take is refused. A frame is the mean over the patches of a window;
pooling "patches" keeps them all, in order. Windows that cannot be used (`signals.eeg_repair`) are
NaN throughout, and left out of means and statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emocli.encoders import Encoded, Encoder, Settings, eeg_features
from emocli.encoders.pooling import layer_of
from emocli.errors import ConfigError, RecordError
from emocli.signals import eeg_fit, eeg_repair
from emocli.signals.eeg import Eeg, Samples
from emocli.signals.eeg_fit import Fit

PATCHES = "patches"
POOLINGS = (*eeg_features.POOLINGS, PATCHES)
# Patches of single electrodes in a forward pass. On a CPU more is slower (363 ms a window of EEGPT,
# 497 with sixteen times as many); on a GPU it is our choice, unmeasured: 0.3 GB of EEGPT.
TOGETHER = 1024
TOGETHER_ON_A_GPU = 16_384

Names = tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """A network with its weights, and what it was trained on."""

    name: str
    rate_hz: float
    least_hz: float  # recordings of a lower rate lack frequencies that it knows
    patch: int  # samples
    longest: int  # patches in a window
    layers: int
    montages: Callable[[Names], Sequence[Names]]  # of a recording's electrodes, the best first
    # windows (windows, electrodes, time) in uV, their electrodes, a layer
    # -> hidden states (windows, patches, dim); the last layer is what the network hands on
    states: Callable[[Tensor, Names, int], Tensor]


@dataclass
class Job:
    """A recording that is being encoded: how it fits, and its frames."""

    eeg: Eeg
    fit: Fit
    patches: int
    frames: np.ndarray | None = None  # (windows, dim) or (windows, patches, dim)


def encoder(network: Network, settings: Settings) -> Encoder:
    """Return the encoder of Eeg; ConfigError for a layer or a pooling that is not there.

    It raises RecordError for a recording that does not fit the network, or has no good window.
    """
    if settings.pooling not in POOLINGS:
        hint = f"choose from {', '.join(POOLINGS)}"
        raise ConfigError(f"unknown pooling '{settings.pooling}'", hint=hint)
    layer = _layer(network, settings)
    kind = torch.device(settings.device).type
    together = TOGETHER if kind == "cpu" else TOGETHER_ON_A_GPU

    @torch.inference_mode()
    def run(recordings: Sequence[Any]) -> list[Encoded]:
        jobs = [_job(network, eeg) for eeg in recordings]
        for chosen, windows, names in _batches(jobs, together):
            batch = torch.from_numpy(windows).to(settings.device)
            with _precision(settings):
                states = network.states(batch, names, layer).float()
            values = states if settings.pooling == PATCHES else states.mean(dim=1)
            _put(jobs, chosen, values.cpu().numpy())
        return [_encoded(network, job, settings.pooling) for job in jobs]

    return run


def _layer(network: Network, settings: Settings) -> int:
    """Return the layer that is asked for; the last one unless said otherwise."""
    chosen = settings.layer
    if isinstance(chosen, Sequence):
        if len(chosen) != 1:
            raise ConfigError(f"{network.name} gives one layer at a time, not {list(chosen)}")
        chosen = chosen[0]
    return network.layers if chosen is None else layer_of(chosen, network.layers)


def _precision(settings: Settings) -> AbstractContextManager[Any]:
    """Return the context in which matrices are multiplied in the dtype; spectra stay float32."""
    if settings.dtype == "float32":
        return nullcontext()
    kind = torch.device(settings.device).type
    return torch.autocast(kind, dtype=getattr(torch, settings.dtype))


def _job(network: Network, eeg: Eeg) -> Job:
    """Return a recording at the network's rate; RecordError if it does not fit."""
    fit = eeg_fit.fitted(eeg.names, network.montages(eeg.names), network.name)
    if not np.isfinite(eeg.samples).all():
        raise RecordError("not_finite", "samples are NaN or infinite", hint="extract-eeg again")
    least = min(network.least_hz, network.rate_hz)
    resampled = eeg_fit.at_rate(eeg, network.rate_hz, least, network.name)
    count = eeg_fit.patches(resampled, network.patch, network.longest, network.name)
    return Job(resampled, fit, count)


def _batches(
    jobs: Sequence[Job], together: int
) -> Iterator[tuple[list[tuple[int, int]], Samples, Names]]:
    """Yield the usable windows of all recordings, those together that fit together.

    Each batch has the places (recording, window), the windows and their electrodes.
    """
    places: list[tuple[int, int]] = []
    held: list[Samples] = []
    for number, job in enumerate(jobs):
        most = max(1, together // (len(job.fit.names) * job.patches))
        for window, samples in _usable(job):
            before = jobs[places[0][0]] if places else job
            alike = (before.fit.names, before.patches) == (job.fit.names, job.patches)
            if places and (len(places) >= most or not alike):
                yield places, np.stack(held), before.fit.names
                places, held = [], []
            places.append((number, window))
            held.append(samples)
    if places:
        yield places, np.stack(held), jobs[places[0][0]].fit.names


def _usable(job: Job) -> Iterator[tuple[int, Samples]]:
    """Yield number and samples (electrodes of the network, time) of each window to be used."""
    place = 0
    for windows, usable in eeg_repair.repaired(job.eeg):
        taken = job.fit.applied(windows[usable])
        numbers = place + np.flatnonzero(usable)
        place += len(windows)
        yield from zip(numbers.tolist(), np.ascontiguousarray(taken), strict=True)


def _put(jobs: Sequence[Job], places: Sequence[tuple[int, int]], values: np.ndarray) -> None:
    """Put the values of windows into the frames of their recordings."""
    for (number, window), of_window in zip(places, values, strict=True):
        job = jobs[number]
        if job.frames is None:
            job.frames = np.full((len(job.eeg.wrong), *of_window.shape), np.nan, np.float32)
        job.frames[window] = of_window


def _encoded(network: Network, job: Job, pooling: str) -> Encoded:
    """Return the features of a recording and what is told of it."""
    frames = np.empty((0, 1), np.float32) if job.frames is None else job.frames
    flat = frames.mean(axis=1) if frames.ndim == 3 else frames
    kept = eeg_features.FRAMES if pooling == PATCHES else pooling
    encoded = eeg_features.finished(flat, job.eeg, kept, job.fit.told(network.name))
    if pooling == PATCHES:
        return Encoded(frames.reshape(-1, frames.shape[-1]), encoded.warning)
    return encoded


class _Enough(Exception):  # noqa: N818 - it is no error
    """The layer that was asked for has been reached."""


def state(
    blocks: Sequence[nn.Module], last: nn.Module, layer: int, run: Callable[[], object]
) -> Tensor:
    """Return what enters block `layer`, or what leaves the module `last` if there is no such block.

    `run` runs the network, which stops there.
    """
    kept: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Any, ...], output: Any = None) -> None:
        kept.append(inputs[0] if output is None else output)
        raise _Enough

    if layer < len(blocks):
        handle = blocks[layer].register_forward_pre_hook(keep)
    else:
        handle = last.register_forward_hook(keep)
    try:
        run()
    except _Enough:
        pass
    finally:
        handle.remove()
    return kept[0]
