"""Send SIGINT and SIGTERM at random moments and count how the commands end.

    python -m tests.pipeline.stress_stopping [RUNS] [SEED]

Half of the signals go to the process alone, half to its group, as a terminal's Ctrl-C does.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import orjson

CLIPS = sorted(map(str, (Path(__file__).parents[2] / "examples/clips").glob("*.[!ct]*")))
# The last moment of a signal: about when the command is done, two at a time.
COMMANDS = {
    ("predict",): 3.0,
    ("transcribe",): 3.0,
    ("extract-audio", "--jobs", "2"): 0.6,
}
FIRST_S = 0.01
HANG_S = 20.0
AT_ONCE = 2  # machines have two cores at least


class Ending(NamedTuple):
    """How a process ended."""

    command: str
    number: int
    delay_s: float
    status: int | None  # None: it had to be killed
    seconds: float  # since the signal
    before: bool  # it had ended before the signal
    orphans: bool
    complete: bool  # stdout has complete lines only
    stderr: str

    @property
    def kind(self) -> str:
        """Return in a word or two how the run ended."""
        if self.status is None:
            return "HUNG"
        if self.orphans:
            return "LEFT A WORKER"
        if not self.complete:
            return "TORN LINE"
        # Or did so in the same moment: the system takes a while to free what a process had.
        done = f" {len(CLIPS)} records" in self.stderr and self.seconds < 0.1
        if self.before or (done and self.status in (0, 1)):
            return "had ended"
        if self.status == 128 + self.number and "Traceback" not in self.stderr:
            return "130 or 143"
        # Python itself, before it runs a line of ours or after the last: no handler is there yet.
        if self.status == -self.number and not self.stderr:
            return "by the system"
        if "KeyboardInterrupt" in self.stderr and "/emocli/" not in self.stderr:
            return "Python's start"
        return "WRONG"


def ending(command: tuple[str, ...], number: int, delay_s: float, group: bool) -> Ending:
    """Start a command line, send it a signal after a while, and see what happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "emocli", *command, *CLIPS],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    time.sleep(delay_s)
    before = process.poll() is not None
    if not before:
        (os.killpg if group else os.kill)(process.pid, number)
    sent = time.monotonic()
    status: int | None = None
    try:  # nobody has read so far: long lines were stuck in the pipe
        stdout, stderr = process.communicate(timeout=HANG_S)
        status = process.returncode
    except subprocess.TimeoutExpired:
        status = process.poll()
    seconds = time.monotonic() - sent
    orphans = status is not None and seconds >= HANG_S  # they hold the pipes open
    if seconds >= HANG_S:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
    complete = not stdout or stdout.endswith(b"\n")
    for line in stdout.splitlines() if complete else ():
        orjson.loads(line)
    text = stderr.decode()
    return Ending(command[0], number, delay_s, status, seconds, before, orphans, complete, text)


def endings(runs: int, seed: int) -> list[Ending]:
    """Return how that many runs ended, all commands in turn."""
    dice = random.Random(seed)
    commands = [item for _ in range(runs) for item in COMMANDS.items()][:runs]
    plan = [
        (
            command,
            dice.choice((signal.SIGINT, signal.SIGTERM)),
            dice.uniform(FIRST_S, last_s),
            dice.random() < 0.5,
        )
        for command, last_s in commands
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda arguments: ending(*arguments), plan))


def main(runs: int = 200, seed: int = 0) -> int:
    """Print a table, and every bad ending; return 1 if there is one."""
    runs_ended = endings(runs, seed)
    print(f"{'command':14} {'signal':8} {'ending':15} {'runs':>4}  slowest")
    rows = Counter((e.command, signal.Signals(e.number).name, e.kind) for e in runs_ended)
    for (command, name, kind), count in sorted(rows.items()):
        of_row = [e for e in runs_ended if (e.command, e.kind) == (command, kind)]
        slowest = max(e.seconds for e in of_row if signal.Signals(e.number).name == name)
        print(f"{command:14} {name:8} {kind:15} {count:4}  {slowest:.2f} s")
    bad = [e for e in runs_ended if e.kind.isupper()]
    for e in bad:
        print(f"\n{e.kind}: {e.command} {e.number} after {e.delay_s:.3f} s: {e.status}\n{e.stderr}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
