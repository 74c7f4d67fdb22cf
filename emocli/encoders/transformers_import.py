"""Import transformers so that it works: quietly, and without a torchaudio that breaks it."""

from __future__ import annotations

import sys
from typing import Any


def imported() -> Any:
    """Return transformers, with a torchaudio masked that breaks it (a CUDA build, a CPU torch)."""
    if "torchaudio" not in sys.modules:
        try:
            import torchaudio  # noqa: F401
        except (ImportError, OSError):
            sys.modules["torchaudio"] = None  # type: ignore[assignment]
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers
