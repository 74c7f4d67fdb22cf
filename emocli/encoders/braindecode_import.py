"""Import braindecode, also where torchaudio cannot be loaded.

Five of its files import torchaudio for networks and filters that nothing here uses. Where it cannot
be loaded (a CUDA build beside a CPU torch, or none at all) they get modules whose classes do
nothing; afterwards it is masked, as `transformers_import` does it.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emocli.errors import ConfigError

TORCHAUDIO = ("torchaudio", "torchaudio.functional", "torchaudio.transforms")
EXTRA = 'pip install "emocli[eeg]"'


def imported() -> Any:
    """Return braindecode.models; ConfigError where it is not installed, or not as a whole."""
    import torch  # noqa: F401 - before torchaudio is replaced, for it looks at all modules

    try:
        with _torchaudio(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names of mne's montages that will change
            import braindecode.models
    except ImportError as error:
        message = f"networks of EEG need braindecode, which cannot be imported: {error}"
        raise ConfigError(message, hint=EXTRA) from None
    return braindecode.models


@contextmanager
def _torchaudio() -> Iterator[None]:
    """Put something in the place of a torchaudio that cannot be loaded."""
    if "braindecode.models" in sys.modules or _loads():
        yield
        return
    parent = _made(TORCHAUDIO[0])
    for name in TORCHAUDIO[1:]:
        setattr(parent, name.rpartition(".")[2], _made(name))
    try:
        yield
    finally:
        for name in TORCHAUDIO[1:]:
            sys.modules.pop(name, None)
        sys.modules[TORCHAUDIO[0]] = None  # type: ignore[assignment]


def _loads() -> bool:
    """Say whether torchaudio can be loaded."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def _made(name: str) -> types.ModuleType:
    """Return a module whose public names are classes that do nothing."""
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    module.__path__ = []

    def attribute(wanted: str) -> type:
        if wanted.startswith("__"):
            raise AttributeError(wanted)
        return type(wanted, (), {})

    vars(module)["__getattr__"] = attribute
    sys.modules[name] = module
    return module
