"""examples/annotate.sh: the tasks of a Slurm array annotate all records, once, and can go on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli.io.shards import in_shard
from tests.llm import tiny_language
from tests.llm.fake_server import Reply, said, serving

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "examples" / "annotate.sh"
LABELS = "a,e,i,o,u,n,t"
# A server that is up after a moment, on the port it is told.
SERVER = """
import sys, time
from tests.llm.fake_server import said, serving
time.sleep(0.5)
with serving(lambda _: said("joy"), port=int(sys.argv[1])):
    time.sleep(60)
"""


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a task, but for its number."""
    records = [{"id": f"u{i}", "text": f"Well, {i}."} for i in range(8)]
    (tmp_path / "in.jsonl").write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in records))
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "SLURM_CPUS_PER_TASK": "1",
        "SHARDS": "2",
        "OUT": str(tmp_path / "out"),
        "WAIT": "0.1",
    }


def task(number: int, world: dict[str, str], *flags: str) -> subprocess.Popen[str]:
    own = {**world, "SLURM_ARRAY_TASK_ID": str(number)}
    command = [str(RECIPE), "in.jsonl", *flags]
    folder = Path(world["OUT"]).parent
    return subprocess.Popen(command, env=own, cwd=folder, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, stderr = process.communicate(timeout=120)
    return process.returncode, stderr


def merged(world: dict[str, str]) -> list[dict[str, Any]]:
    out = Path(world["OUT"])
    shards = sorted(map(str, out.glob("*.jsonl")))
    command = ["emocli", "merge", *shards, "--like", "in.jsonl"]
    done = subprocess.run(command, env=world, cwd=out.parent, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_a_shard_without_a_record_is_none_the_worse(world: dict[str, str]) -> None:
    many = {**world, "SHARDS": "64"}
    records = [{"id": f"u{i}"} for i in range(8)]
    empty = next(n for n in range(1, 65) if not any(in_shard(r, n, 64) for r in records))
    status, stderr = ended(task(empty, many, "--command", "cat"))
    assert status == 0, stderr
    assert (Path(world["OUT"]) / f"{empty}.jsonl").read_bytes() == b""


@pytest.mark.slow  # three processes load torch
def test_the_tasks_of_an_array_ask_what_one_run_asks(world: dict[str, str], tmp_path: Path) -> None:
    model = str(tiny_language.write(tmp_path / "tiny", limit=1024))
    flags = ("--llm", model, "--labels", LABELS, "-n", "3")
    for number in (1, 2):
        status, stderr = ended(task(number, world, *flags))
        assert status == 0, stderr
    command = ["emocli", "annotate", "in.jsonl", *flags]
    whole = subprocess.run(command, env=world, cwd=tmp_path, capture_output=True, check=True)
    expected = [orjson.loads(line) for line in whole.stdout.splitlines()]
    found = merged(world)
    for record in (*expected, *found):
        for annotation in record["annotations"]:
            annotation["cost"].pop("seconds")
    assert found == expected


def test_a_task_starts_a_server_for_itself_and_stops_it(world: dict[str, str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (Path(world["OUT"]).parent / "serve.py").write_text(SERVER)
    world["SERVE"] = f"{sys.executable} serve.py {port}"
    world["URL"] = f"http://127.0.0.1:{port}/v1"
    for number in (1, 2):
        status, stderr = ended(task(number, world, "--llm", "tiny", "-n", "2"))
        assert status == 0, stderr
    assert [len(r["annotations"]) for r in merged(world)] == [2] * 8
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_a_server_that_does_not_start_ends_the_task(world: dict[str, str]) -> None:
    world["SERVE"] = "false"
    status, stderr = ended(task(1, world, "--llm", "tiny"))
    assert status == 1
    assert "the server has ended: false" in stderr


def test_a_task_whose_time_is_over_goes_on_where_it_was(world: dict[str, str]) -> None:
    def slow(_: dict[str, Any]) -> Reply:
        reply = said("joy")
        reply.late_s = 0.2
        return reply

    with serving(slow) as fake:
        flags = ("--llm-url", fake.url, "-n", "4", "--concurrency", "1")
        first = task(1, world, *flags)
        until = time.monotonic() + 60
        while len(fake.asked) < 3 and time.monotonic() < until:
            time.sleep(0.02)
        first.send_signal(signal.SIGTERM)
        assert ended(first)[0] == 143
        asked = len(fake.asked)
        fake.reply = lambda _: said("joy")
        status, stderr = ended(task(1, world, *flags))
        assert status == 0, stderr
        assert ended(task(2, world, *flags))[0] == 0
        assert len(fake.asked) == 32
    assert asked >= 3
    assert [len(r["annotations"]) for r in merged(world)] == [4] * 8
