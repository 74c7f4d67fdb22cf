"""What an annotator writes to stderr, passed on as it comes."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import threading
from typing import IO, TextIO

from emocli.io import messages

CHUNK = 65536  # bytes of a read
LATE_S = 1.0  # time for the rest; a process that it left behind may hold the pipe open; our choice


class Complaints:
    """A thread that passes on the stderr of a process, with what terminals would obey visible."""

    def __init__(self, pipe: IO[bytes], stderr: TextIO) -> None:
        self.pipe, self.stderr = pipe, stderr
        self.thread = threading.Thread(target=self._pass_on, daemon=True)
        self.thread.start()

    def _pass_on(self) -> None:
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8")("surrogateescape"), translate=True
        )
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            while data := os.read(self.pipe.fileno(), CHUNK):
                messages.relay(self.stderr, decoder.decode(data))
            messages.relay(self.stderr, decoder.decode(b"", final=True))

    def end(self) -> None:
        """Wait for the rest, and close the pipe."""
        self.thread.join(LATE_S)
        if not self.thread.is_alive():
            self.pipe.close()
