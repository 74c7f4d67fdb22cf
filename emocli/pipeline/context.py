"""What a stage needs of the outside. The command line makes one of its flags."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TextIO

from emocli.io.store import Store


@dataclass(frozen=True)
class Context:
    """Where arrays lie, where networks run, and how much is worked on at a time.

    `batch_size` is records per batch, and None what each stage finds best; `jobs` is worker
    processes. With `quiet` only warnings go to `stderr`.
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
        """Return the batch size, or what the stage finds best."""
        return automatic if self.batch_size is None else self.batch_size

    def say(self, name: str, text: str) -> None:
        """Tell a person, in the name of a command."""
        self.stderr.write(f"emocli {name}: {text}\n")
