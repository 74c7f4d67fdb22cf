"""Convert MobileNetV2 as torchvision keeps it, pickled, to safetensors.

M. Sandler et al. 2018, MobileNetV2, https://arxiv.org/abs/1801.04381. The pickle is read with
torch's `weights_only`, which runs no code; names of tensors stay as they are.
"""

from __future__ import annotations

from pathlib import Path

from emocli.encoders import weight_files
from emocli.errors import ModelError

WEIGHTS = "weights.pth"
COUNTERS = ".num_batches_tracked"  # of batch normalisation, for training only
PARTS = ("features.", "classifier.")
KIND = "torchvision-mobilenet-v2"


def convert(source: Path, target: Path) -> None:
    """Write `weights.pth` in `source` as safetensors in `target`; ModelError for anything else."""
    import torch

    try:
        state = torch.load(source / WEIGHTS, map_location="cpu", weights_only=True)
        tensors = {n: t.float().numpy() for n, t in state.items() if not n.endswith(COUNTERS)}
        names = sorted(state)
    except Exception as problem:  # torch.load raises whatever a damaged pickle makes it raise
        raise ModelError(f"not weights of MobileNetV2: {problem!r:.200}") from problem
    if not names or not all(name.startswith(PARTS) for name in names):
        raise ModelError(f"not weights of MobileNetV2: {names[:2]}")
    weight_files.write(target, {"model_type": KIND}, tensors)
