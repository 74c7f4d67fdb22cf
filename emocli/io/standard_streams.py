"""The three standard streams of a process; tests pass their own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import BinaryIO, TextIO


@dataclass
class StandardStreams:
    """The streams of a command: records in, records out, messages to people."""

    stdin: BinaryIO
    stdout: BinaryIO
    stderr: TextIO


def of_process() -> StandardStreams:
    """Return the standard streams of this process."""
    return StandardStreams(sys.stdin.buffer, sys.stdout.buffer, sys.stderr)
