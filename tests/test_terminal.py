"""Commands on a real terminal: what it cannot show, what is typed at it, what is left behind."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from emocli.io.messages import WIPE
from tests.test_process import NOT_UTF8

EMOCLI = [sys.executable, "-m", "emocli"]
PATIENCE_S = 30.0


class Terminal:
    """A terminal, and a command on it."""

    def __init__(self, *words: str, folder: Path, typed: bool = False, **how: Any) -> None:
        self.ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", **how}
        self.process = subprocess.Popen(
            [*EMOCLI, *words],
            stdin=theirs if typed else subprocess.PIPE,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=environment,
            # Whoever runs the tests in the background may ignore it, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(theirs)
        self.shown = b""

    def until(self, words: bytes) -> None:
        """Read until something is shown."""
        end = time.monotonic() + PATIENCE_S
        while words not in self.shown and time.monotonic() < end:
            self.shown += os.read(self.ours, 1 << 16)
        assert words in self.shown

    def end(self) -> list[str]:
        """Wait for the end; return the lines that a person sees then."""
        try:
            while data := os.read(self.ours, 1 << 16):
                self.shown += data
        except OSError:  # nobody has the other side any more
            pass
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        os.close(self.ours)
        lines = self.shown.decode().replace("\r\n", "\n").split("\n")
        return [line.rpartition(WIPE)[2].rpartition("\r")[2] for line in lines]


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, NOT_UTF8])
def test_a_terminal_that_is_not_utf8_gets_nothing_else(
    locale: dict[str, str], tmp_path: Path
) -> None:
    terminal = Terminal("prosody", "gönn ihm.wav", "-o", "out", folder=tmp_path, **locale)
    lines = terminal.end()
    assert lines[0] == "emocli prosody: g\\xf6nn ihm.wav: no such file (check the path)"
    assert terminal.shown.isascii()
    assert terminal.process.returncode == 1


def test_nothing_moves_where_people_type(tmp_path: Path) -> None:
    terminal = Terminal("prosody", "-", folder=tmp_path, typed=True)
    terminal.until(b"Ctrl-D ends")
    os.write(terminal.ours, b'{"id": "a"}\n')
    terminal.until(b"no field 'path'")
    time.sleep(0.3)
    os.write(terminal.ours, b"\x04")
    terminal.end()
    assert WIPE.encode() not in terminal.shown
    assert terminal.process.returncode == 1


def test_a_command_that_is_stopped_leaves_no_bar(tmp_path: Path) -> None:
    terminal = Terminal("prosody", "-", folder=tmp_path)
    terminal.until(b"waiting for input")
    terminal.process.send_signal(signal.SIGINT)
    lines = terminal.end()
    assert terminal.process.returncode == 130
    assert lines[0].startswith("emocli prosody: 0 records, 0 failed, ")
    assert lines[0].endswith("interrupted")
    assert lines[1:] == [""]
