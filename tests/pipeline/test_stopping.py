"""A signal at any moment ends a command soon, with its status, and without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.pipeline import stress_stopping

BEGIN = """
import os, signal, sys, time
from emocli.pipeline import stopping
stopping.install()
from emocli.cli import main
from emocli.errors import ModelError
from emocli.stages import prosody
def strike():
    os.kill(os.getpid(), signal.{name})
    for _ in range(1000):  # the handler comes between two of these
        pass
def stage(run=None, *args, **kwargs):
    return work
"""
END = """
prosody.stage = stage
main.main()
"""
RECORDS = b'{"id": "a"}\n{"id": "b"}\n{"id": "c"}\n'


def command(tmp_path: Path, name: str, work: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start `prosody` with `work` for a stage."""
    script = tmp_path / "script.py"
    script.write_text(BEGIN.replace("{name}", name) + work + END)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, script, "prosody", "--jobs", "1"], **{**pipes, **options}, cwd=tmp_path
    )


MOMENTS = {
    # A module's first lines run inside importlib, where an exception leaves locks held.
    "import": """
def work(records):
    yield next(records)
    import victim
""",
    "finaliser": """
class Late:
    def __del__(self):
        strike()
def work(records):
    yield next(records)
    Late()
    yield from records
""",
    "swallowed": """
def work(records):
    yield next(records)
    try:
        strike()
    except BaseException:
        pass
    yield from records
""",
    "another error": """
def work(records):
    yield next(records)
    try:
        strike()
    except BaseException:
        raise ModelError("model m is not here")
""",
    "C code": """
def work(records):
    yield next(records)
    import hashlib, threading
    threading.Timer(0.2, strike).start()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**8)  # a minute, and no look at signals
    yield from records
""",
    "twice": """
def work(records):
    yield next(records)
    try:
        strike()
    finally:
        strike()
""",
}


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_moment_is_a_bad_one(moment: str, name: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "victim.py").write_text("import sys\nsys.modules['__main__'].strike()\n")
    process = command(tmp_path, name, MOMENTS[moment])
    start = time.monotonic()
    stdout, stderr = process.communicate(RECORDS, timeout=30)
    assert process.returncode == status
    assert stdout == b'{"id":"a"}\n'
    word = {"SIGINT": "interrupted", "SIGTERM": "terminated"}[name]
    assert stderr.decode().startswith("emocli prosody: 1 record, 0 failed, ")
    assert stderr.decode().endswith(f" s, {word}\n")
    assert stderr.count(b"\n") == 1
    assert time.monotonic() - start < 10


LONG = """
stopping.PATIENCE_S, stopping.READER_S = 0.2, 3.0
def work(records):
    for record in records:
        yield {**record, "text": "x" * 200_000}
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_slow_reader_gets_whole_lines(unbuffered: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    process = command(tmp_path, "SIGTERM", LONG, env=environment)
    assert process.stdin
    assert process.stdout
    process.stdin.write(RECORDS)
    process.stdin.flush()
    first = os.read(process.stdout.fileno(), 100)  # the pipe holds 64 KiB of the line
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    stdout, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    lines = (first + stdout).splitlines(keepends=True)
    assert lines[-1].endswith(b"\n")
    assert [orjson.loads(line)["id"] for line in lines] == ["a"]


def test_a_reader_that_never_reads_is_not_waited_for(tmp_path: Path) -> None:
    process = command(tmp_path, "SIGINT", LONG)
    assert process.stdin
    assert process.stdout
    process.stdin.write(RECORDS)
    process.stdin.flush()
    os.read(process.stdout.fileno(), 100)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    process.communicate()


def test_ready_before_anything_is_imported(tmp_path: Path) -> None:
    strike = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
    (tmp_path / "click.py").write_text(strike)
    (tmp_path / "typer.py").write_text(strike)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "emocli", "--help"], capture_output=True, env=environment, timeout=15
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_a_signal_that_the_parent_ignores_stays_ignored(tmp_path: Path) -> None:
    ignoring = [
        sys.executable,
        "-c",
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
    ]
    script = tmp_path / "script.py"
    work = "def work(records):\n    strike()\n    yield from records\n"
    script.write_text(BEGIN.replace("{name}", "SIGINT") + work + END)
    done = subprocess.run(
        [*ignoring, script, "prosody", "--jobs", "1"],
        input=RECORDS,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"\n") == 3


def test_workers_do_not_outlive_a_parent_that_is_killed(wav: Any) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "emocli", "prosody", "--jobs", "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(orjson.dumps({"id": "a", "path": str(wav())}) + b"\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.kill()
    # Workers hold the other end of this pipe as long as they live.
    assert process.communicate(timeout=10)[0] == b""


def test_commands_end_well_at_random_moments() -> None:
    endings = stress_stopping.endings(6, seed=3)
    assert [e for e in endings if e.kind.isupper()] == []
