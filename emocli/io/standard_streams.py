"""The three standard streams of a process; tests bring their own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import BinaryIO, TextIO


@dataclass
class StandardStreams:
    """Where records come from, where they go, and where people are told."""

    stdin: BinaryIO
    stdout: BinaryIO
    stderr: TextIO


def of_process() -> StandardStreams:
    """Return the standard streams of this process."""
    return StandardStreams(sys.stdin.buffer, sys.stdout.buffer, sys.stderr)
