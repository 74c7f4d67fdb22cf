"""The folders of the user: the home, and the cache of what can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the user's home; a user without one, as in a container, has it at /nonexistent.

    What needs a folder there then says that it cannot be written, and which flag names another.
    """
    try:
        return Path.home()
    except RuntimeError:  # HOME is not set, and /etc/passwd does not know the user
        return Path("/nonexistent")


def cache_home() -> Path:
    """Return the folder of data that can be made again ($XDG_CACHE_HOME/emocli)."""
    if chosen := os.environ.get("EMOCLI_CACHE_DIR"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache") / "emocli"
