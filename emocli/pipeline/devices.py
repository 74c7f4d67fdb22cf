"""The device that networks run on, and their dtype."""

from __future__ import annotations

from emocli.errors import UsageError

DTYPES = ("float32", "bfloat16", "float16")


def pick(device: str) -> str:
    """Return a torch device: "auto" is the first GPU if there is one, else the CPU."""
    import torch

    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise UsageError(f"--device {device}: not auto, cpu or cuda:N") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"--device {device}: this torch sees no GPU", hint="--device cpu")
    return device


def pick_dtype(dtype: str, device: str) -> str:
    """Return the name of a dtype: "auto" is float32 on a CPU, bfloat16 on a GPU that has it."""
    import torch

    if dtype == "auto":
        gpu = device.startswith("cuda") and torch.cuda.is_bf16_supported()
        return "bfloat16" if gpu else "float32"
    if dtype not in DTYPES:
        raise UsageError(f"--dtype {dtype}: not one of auto, {', '.join(DTYPES)}")
    return dtype
