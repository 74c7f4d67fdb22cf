"""Several workers, and the world of files that they share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

from tests.fuzz import worker
from tests.fuzz.base import Base
from tests.fuzz.examples import Result, Task

ROOT = Path(__file__).parents[2]
QUIET = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "EMOCLI_JOBS": "1",
    "EMOCLI_OFFLINE": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "NO_COLOR": "1",
}


class Pool:
    """Workers with a world of their own below the temporary folder; close it."""

    def __init__(self, jobs: int) -> None:
        self.world = Path(tempfile.mkdtemp(prefix="emocli-fuzz-"))
        kept = {k: v for k, v in os.environ.items() if not k.startswith("EMOCLI_")}
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        more = {"PYTHONPATH": paths, "MPLCONFIGDIR": str(self.world / "mpl")}
        self.environment = {**kept, **QUIET, **more}
        self.workers = [self._start(["tests.fuzz.worker", self.world, f"w{i}"], True)
                        for i in range(jobs)]  # fmt: skip
        made = self._start(["tests.fuzz.material", self.world], False)
        if made.wait():
            self.close()
            raise RuntimeError("the material was not made")
        self.before = self._look()

    def _start(self, module: list[Any], talk: bool) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE if talk else subprocess.DEVNULL
        command = [sys.executable, "-m", *map(str, module)]
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, env=self.environment, cwd=self.world
        )

    def _look(self) -> dict[str, Any]:
        files = (p for p in (self.world / "base").rglob("*") if p.is_file())
        return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in files}

    def changed(self) -> list[str]:
        """Return the files of the material that are not as they were."""
        now = self._look()
        return sorted(p for p in now.keys() | self.before if now.get(p) != self.before.get(p))

    @property
    def base(self) -> Base:
        """The whole records and files."""
        return Base(self.world / "base")

    def run(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """Run tasks, as many at once as there are workers; yield the results in order."""
        todo: Queue[tuple[int, Task] | None] = Queue(2 * len(self.workers))
        done: dict[int, list[Result]] = {}
        ready = threading.Condition()
        total = [-1]
        raised: list[Exception] = []

        def feed() -> None:
            count = 0
            try:
                for task in tasks:
                    todo.put((count, task))
                    count += 1
            except Exception as error:
                raised.append(error)
            for _ in self.workers:
                todo.put(None)
            with ready:
                total[0] = count
                ready.notify_all()

        def work(process: subprocess.Popen[bytes]) -> None:
            while (item := todo.get()) is not None:
                worker.send(process.stdin, item[1])  # type: ignore[arg-type]
                results = worker.receive(process.stdout)  # type: ignore[arg-type]
                with ready:
                    done[item[0]] = results or []
                    ready.notify_all()

        threads = [threading.Thread(target=work, args=(w,), daemon=True) for w in self.workers]
        threads.append(threading.Thread(target=feed, daemon=True))
        for thread in threads:
            thread.start()
        following = 0
        while True:
            with ready:
                while following not in done and following != total[0]:
                    ready.wait()
                if following not in done:
                    break
                results = done.pop(following)
            yield from results
            following += 1
        for thread in threads:
            thread.join()
        if raised:
            raise raised[0]

    def close(self) -> None:
        """End the workers and remove the world."""
        for process in self.workers:
            if process.stdin:
                process.stdin.close()
            if process.stdout:
                process.stdout.close()
            process.wait()
        shutil.rmtree(self.world, ignore_errors=True)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
