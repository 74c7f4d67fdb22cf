"""Compute the log-probability of each symbol of a CTC network in each frame of a recording.

A. Baevski et al., "wav2vec 2.0", NeurIPS 2020, https://arxiv.org/abs/2006.11477, and its relatives
with a CTC head, run by transformers; with phones as symbols e.g. Xu et al. 2021,
https://arxiv.org/abs/2109.11680. Recordings longer than a window are processed in windows that
overlap; the middle of each is kept (our choice: attention grows with the square of the length).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from emocli.encoders import pretrained, weight_files
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError, RecordError

if TYPE_CHECKING:
    from torch import Tensor

Samples = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
WINDOW_FRAMES = 1500  # 30 s at the usual 20 ms
MARGIN_FRAMES = 100  # context on either side of a window, discarded after the network


@dataclass(frozen=True)
class CtcModel:
    """A network, its symbols by name, and how many samples a frame has."""

    network: Any
    normalises: bool
    symbols: dict[str, int]
    blank: int
    hop: int
    device: str

    @property
    def frame_s(self) -> float:
        """Return the seconds from one frame to the next."""
        return self.hop / SAMPLE_RATE_HZ


def load(folder: Path, device: str = "cpu") -> CtcModel:
    """Load a CTC network and its symbols from a folder; ConfigError if it holds none."""
    transformers = imported()
    network = pretrained.network(
        transformers.AutoModelForCTC.from_pretrained,
        folder,
        "a CTC model of transformers",
        trust_remote_code=False,
    )
    config = network.config
    symbols = _symbols(folder)
    if config.pad_token_id is None or max(symbols.values()) >= config.vocab_size:
        raise ConfigError(f"{folder}: vocabulary and config do not fit together")
    return CtcModel(
        network.to(device).eval(),
        _normalises(folder),
        symbols,
        config.pad_token_id,
        int(getattr(config, "inputs_to_logits_ratio", 320)),
        device,
    )


def _symbols(folder: Path) -> dict[str, int]:
    """Return the symbols of vocab.json, of its first language if it has several."""
    if not weight_files.is_there(folder / "vocab.json"):
        raise ConfigError(f"{folder}: no vocabulary: no vocab.json", hint=weight_files.AGAIN)
    symbols = weight_files.json_object(folder / "vocab.json")
    if symbols and all(isinstance(v, dict) for v in symbols.values()):
        symbols = next(iter(symbols.values()))
    if not all(isinstance(v, int) and v >= 0 for v in symbols.values()):
        raise ConfigError(f"{folder}/vocab.json: not symbols with their numbers")
    if not symbols:
        raise ConfigError(f"{folder}/vocab.json: no symbols")
    return symbols


def _normalises(folder: Path) -> bool:
    """Return whether the network expects samples of mean 0 and variance 1; most do."""
    file = folder / "preprocessor_config.json"
    settings = weight_files.json_object(file) if weight_files.is_there(file) else {}
    return bool(settings.get("do_normalize", True))


def log_probs(model: CtcModel, samples: Samples) -> Tensor:
    """Return natural logs of probabilities (time, symbols) for samples (time,) at 16 kHz.

    Raises RecordError too_short if there is not a single frame.
    """
    import torch

    values = samples.astype(np.float32)
    if model.normalises:
        values = (values - values.mean()) / np.sqrt(values.var() + 1e-7)  # as transformers does
    parts = []
    with torch.inference_mode():
        for first, last, start, end in _windows(len(values), model.hop):
            wave = torch.from_numpy(values[start:end])[None].to(model.device)
            try:
                logits = model.network(wave).logits[0].float()
            except RuntimeError as error:
                if "out of memory" in str(error).lower() or end - start >= SAMPLE_RATE_HZ:
                    raise
                message = f"{len(samples) / SAMPLE_RATE_HZ:g} s are too short for this model"
                raise RecordError("too_short", message) from None
            parts.append(logits[first:last].log_softmax(-1).cpu())
    return torch.cat(parts)


def _windows(count: int, hop: int) -> Iterator[tuple[int, int | None, int, int]]:
    """Yield, for each window, the range of frames to keep and its range of samples."""
    if count <= (WINDOW_FRAMES + 2 * MARGIN_FRAMES) * hop:
        yield 0, None, 0, count
        return
    for frame in range(0, count // hop, WINDOW_FRAMES):
        begin = max(frame - MARGIN_FRAMES, 0)
        is_last = (frame + WINDOW_FRAMES + MARGIN_FRAMES) * hop >= count
        end = count if is_last else (frame + WINDOW_FRAMES + MARGIN_FRAMES) * hop
        kept = frame - begin
        yield kept, None if is_last else kept + WINDOW_FRAMES, begin * hop, end
        if is_last:
            return
