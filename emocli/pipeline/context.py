"""The execution context of a stage. The command line makes one from its flags."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TextIO

from emocli.io import messages
from emocli.io.store import Store


@dataclass(frozen=True)
class Context:
    """The store of arrays, the device of networks, the sizes of batches and of worker pools.

    `batch_size` is records per batch, None for the default of each stage; `jobs` is the number of
    worker processes. With `quiet` only warnings go to `stderr`.
    """

    store: Store = field(default_factory=Store)
    device: str = "auto"  # auto, cpu or cuda:N
    dtype: str = "auto"  # auto, float32, bfloat16 or float16
    batch_size: int | None = None
    jobs: int = 1
    offline: bool = False
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = True

    def batch(self, automatic: int) -> int:
        """Return the batch size, or `automatic`, the default of the stage."""
        return automatic if self.batch_size is None else self.batch_size

    def say(self, name: str, text: str) -> None:
        """Write a message to stderr, after the name of a command."""
        messages.say(self.stderr, name, text)
