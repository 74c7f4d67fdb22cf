"""Turn speech into features with the encoder of Whisper, without padding to 30 s.

Radford et al. 2023, Robust Speech Recognition via Large-Scale Weak Supervision,
https://arxiv.org/abs/2212.04356. Whisper pads every input to 30 s; without this padding, short
clips are many times cheaper and the features change a little (our choice, as are the pooling and
the level normalisation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emocli.encoders import Encoded, Encoder, Settings, weight_files
from emocli.encoders import pooling as pooled
from emocli.encoders.levels import LEVEL_DBFS as LEVEL_DBFS
from emocli.encoders.levels import SAMPLE_RATE, require_usable
from emocli.encoders.levels import normalise_level as normalise_level
from emocli.errors import ConfigError

WINDOW = 400  # samples, 25 ms
HOP = 160  # samples, 10 ms
LONGEST = 30 * SAMPLE_RATE  # samples that the position embeddings cover
BATCH = 48 * SAMPLE_RATE  # samples per forward pass: measured, more is no faster
POOLINGS = pooled.POOLINGS
MODALITY = "audio"


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json is that of a Whisper model."""
    return config.get("model_type") == "whisper"


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of waveforms (time,), 16 kHz, in one batch."""
    model = load(folder, settings.device, settings.dtype)
    layers = settings.layer if isinstance(settings.layer, Sequence) else [settings.layer or 0]

    def run(waveforms: Sequence[np.ndarray]) -> list[Encoded]:
        features = encode(model, waveforms, layers=layers, pooling=settings.pooling)
        return [Encoded(values) for values in features]

    return run


@cache
def mel_filters(bands: int = 80) -> Tensor:
    """Return Slaney's mel filters (bands, 201): triangles of equal area, 0 to 8000 Hz."""
    step = np.log(6.4) / 27.0  # a mel is 200/3 Hz up to 1 kHz (15 mel), logarithmic above
    mel = np.linspace(0.0, 15.0 + np.log(8.0) / step, bands + 2)
    hertz = np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) * step))
    slopes = hertz[:, None] - np.linspace(0.0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    width = np.diff(hertz)[:, None]
    triangles = np.minimum(-slopes[:-2] / width[:-1], slopes[2:] / width[1:]).clip(0.0)
    equal = triangles * (2.0 / (hertz[2:] - hertz[:-2])[:, None])
    return torch.from_numpy(equal.astype(np.float32))


def log_mel(samples: np.ndarray, bands: int = 80) -> Tensor:
    """Return Whisper's log-mel spectrogram (bands, time // 160) of `samples` (time,), 16 kHz.

    Equals transformers' WhisperFeatureExtractor without its padding, to 1e-5.
    """
    wave, window = torch.tensor(samples, dtype=torch.float32), torch.hann_window(WINDOW)
    spectrum = torch.stft(wave, WINDOW, HOP, window=window, return_complex=True)[:, :-1]
    power = torch.view_as_real(spectrum).square().sum(-1)
    mel = (mel_filters(bands) @ power).clamp_(min=1e-10).log10_()
    return mel.clamp_(min=mel.max().item() - 8.0).add_(4.0).div_(4.0)


class Attention(nn.Module):
    """Attend over the valid frames of each row; K has no bias (paper's code)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.v_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.k_proj, self.out_proj = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Map `x` (batch, time, dim); `valid` (batch, 1, 1, time) or None for all."""
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=valid)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """One pre-norm transformer block, named as in transformers."""

    def __init__(self, dim: int, heads: int, inner: int) -> None:
        super().__init__()
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.self_attn = Attention(dim, heads)
        self.fc1, self.fc2 = nn.Linear(dim, inner), nn.Linear(inner, dim)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """Map `x` (batch, time, dim)."""
        x = x + self.self_attn(self.self_attn_layer_norm(x), valid)
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))


class Whisper(nn.Module):
    """The encoder: two convolutions, sinusoidal positions, blocks, a last layer norm."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        dim, self.bands = config["d_model"], config.get("num_mel_bins", 80)
        heads, inner = config["encoder_attention_heads"], config["encoder_ffn_dim"]
        self.conv1 = nn.Conv1d(self.bands, dim, 3, padding=1)
        self.conv2 = nn.Conv1d(dim, dim, 3, stride=2, padding=1)
        places = torch.empty(config.get("max_source_positions", 1500), dim)  # drawing costs 1.8 s
        self.embed_positions = nn.Embedding(len(places), dim, _weight=places)
        blocks = (Block(dim, heads, inner) for _ in range(config["encoder_layers"]))
        self.layers = nn.ModuleList(blocks)
        self.layer_norm = nn.LayerNorm(dim)

    def forward(self, mels: Sequence[Tensor], layers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Return hidden states (layers, batch, time, dim) and the valid frames (batch, time).

        `mels` are (bands, frames) of any lengths. Layer 0 is the input of the first block, layer
        n the output of block n, the last one after the layer norm, as in transformers. Padding
        is zeroed before each convolution and masked in attention, so a row does not depend on
        its neighbours; blocks after the last layer asked for do not run.
        """
        x, valid = self._stem(mels)
        mask = None if bool(valid.all()) else valid[:, None, None, :]
        states = [x]
        for block in self.layers[: max(layers)]:
            states.append(block(states[-1], mask))
        if max(layers) == len(self.layers):
            states[-1] = self.layer_norm(states[-1])
        return torch.stack([states[layer] for layer in layers]), valid

    def _stem(self, mels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Run the convolutions over zero-padded `mels` and add the positions."""
        weight = self.conv1.weight
        frames = torch.tensor([mel.shape[1] for mel in mels], device=weight.device)
        batch = nn.utils.rnn.pad_sequence([mel.T for mel in mels], batch_first=True)
        x = F.gelu(self.conv1(batch.transpose(1, 2).to(weight)))
        x = x * _before(frames, x.shape[2])[:, None, :]
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        return x + self.embed_positions.weight[: x.shape[1]], _before((frames + 1) // 2, x.shape[1])


def _before(lengths: Tensor, time: int) -> Tensor:
    """Return the mask (batch, time) that is true before each row's length."""
    return torch.arange(time, device=lengths.device) < lengths[:, None]


def load(folder: str | Path, device: str = "cpu", dtype: str = "float32") -> Whisper:
    """Load the encoder from a transformers `folder`; the decoder is never read.

    Raises ConfigError if the folder is not a Whisper model.
    """
    folder = Path(folder)
    config = weight_files.json_object(folder / "config.json")
    if config.get("model_type") != "whisper":
        raise ConfigError(f"{folder} is not a whisper model: {config.get('model_type')!r}")
    found = weight_files.tensors(folder)
    weight_files.require_layers(folder, config, len(found))
    model = _empty(folder, config)
    names = {name.rpartition("encoder.")[2]: name for name in found}
    expected = {names.get(n, n): tuple(t.shape) for n, t in model.state_dict().items()}
    values = weight_files.read(found, expected)
    state = {name: values[names[name]] for name in model.state_dict()}
    model.load_state_dict(state, assign=True)
    return model.to(device=device, dtype=getattr(torch, dtype)).eval()


def _empty(folder: Path, config: dict[str, Any]) -> Whisper:
    """Return an encoder without numbers; ConfigError for a config that describes none."""
    try:
        with torch.device("meta"):
            model = Whisper(config)
        if config["d_model"] % config["encoder_attention_heads"]:
            raise ValueError("encoder_attention_heads does not divide d_model")
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        message = f"{folder}/config.json is not that of a whisper model: {error!r:.200}"
        raise ConfigError(message, hint=weight_files.AGAIN) from None
    return model


def windows(samples: np.ndarray) -> list[np.ndarray]:
    """Cut `samples` into the fewest windows of equal length that are at most 30 s."""
    return np.array_split(samples, max(1, -(-len(samples) // LONGEST)))


@torch.inference_mode()
def encode(
    model: Whisper, waveforms: Sequence[np.ndarray], *, layers: Sequence[int], pooling: str
) -> list[np.ndarray]:
    """Encode one batch of waveforms (time,), float32, 16 kHz mono; return one float32 array each.

    Pooled over all frames of a recording: (layers x dim x 1 or 2,), layer by layer, mean before
    std (population). Pooling "statistics" gives (7 x layers x dim,), those of `pooling.statistics`,
    "frames" (time, layers x dim), 50 frames a second. Memory does not grow with the length,
    except with these two: they keep every frame. Negative layers count from the last.
    Raises RecordError for less than 0.1 s and for samples that are not finite, and ConfigError for
    an unknown layer or pooling.
    """
    chosen = [pooled.layer_of(layer, len(model.layers)) for layer in layers]
    pieces = [pooled.pieces(pooling) for _ in waveforms]
    for rows, batch in _batches(waveforms):
        states, valid = model([log_mel(part, model.bands) for part in batch], chosen)
        for place, row in enumerate(rows):
            pieces[row].add(states[:, place, : int(valid[place].sum())].float())
    return [piece.result(pooling) for piece in pieces]


def _batches(waveforms: Sequence[np.ndarray]) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """Yield the rows and the windows of all waveforms in order, about `BATCH` samples at a time."""
    rows: list[int] = []
    batch: list[np.ndarray] = []
    for row, samples in enumerate(waveforms):
        require_usable(samples)
        for part in windows(samples):
            if batch and (len(batch) + 1) * max(map(len, [*batch, part])) > BATCH:
                yield rows, batch
                rows, batch = [], []
            rows.append(row)
            batch.append(part)
    if batch:
        yield rows, batch
