"""A lock beside an output file: of two processes that write the same file, one is refused.

The lock of F is the file F.part.lock. It is created exclusively, which NFS does atomically too, and
names its holder. A holder that was killed leaves it behind: on the same machine the process is then
gone, elsewhere the file is no longer touched. Of several that find it abandoned one takes it, by a
rename. A holder that was stopped so long that its lock was taken learns of it before it replaces F.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from emocli.errors import EmocliError, UsageError, printable

BEAT_S = 5.0  # how often a holder touches its locks; our choice
STALE_S = 60.0  # a lock of another machine is abandoned after so long without a touch; our choice
WRITING_S = 0.5  # time between creating a lock and naming its holder; our choice
TRIES = 5  # how often the lock may vanish or change hands while it is asked for


class Lock:
    """The right to write one file, held until `release`. Raises UsageError if another has it."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.path = output.with_name(f"{output.name}.part.lock")
        self.holder = {**_process(), "token": os.urandom(8).hex()}
        for _ in range(TRIES):
            if self._create():
                _keep(self.path)
                return
            self._require_abandoned()
        raise self._refused({})

    def _create(self) -> bool:
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(self.holder).encode())
        return True

    def _require_abandoned(self) -> None:
        """Remove the lock of a holder that is gone; UsageError for one that is at work."""
        holder, touched = _read(self.path)
        if touched is None:
            return  # it was released in the meantime
        gone = not _alive(holder) if _is_here(holder) else _now(self.path) - touched > STALE_S
        if not gone:
            raise self._refused(holder)
        taken = self.path.with_name(f"{self.path.name}.{self.holder['token']}")
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(taken)
            moved, _ = _read(taken)
            if moved.get("token") != holder.get("token"):  # another took it first: put it back
                with contextlib.suppress(OSError):
                    os.link(taken, self.path)
            taken.unlink(missing_ok=True)

    def _refused(self, holder: dict[str, Any]) -> UsageError:
        words = (printable(str(holder.get(k, "unknown"))) for k in ("pid", "host"))
        process, host = words
        hint = f"another --output, or wait; if it is gone: rm {self.path}"
        return UsageError(
            f"{self.output} is being written by process {process} on {host}", hint=hint
        )

    def confirm(self) -> None:
        """Raise EmocliError if another process has taken the lock."""
        if not self.is_mine():
            raise EmocliError(
                f"{self.output} is not written: another process has taken it over",
                hint="this process was stopped for a long time; see which run is to go on",
            )

    def is_mine(self) -> bool:
        """Return whether no other process has taken the lock."""
        return bool(_read(self.path)[0].get("token") == self.holder["token"])

    def release(self) -> None:
        """Let others write the file."""
        _Held.paths.discard(self.path)
        if self.is_mine():
            self.path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict[str, Any], float | None]:
    """Return the holder that a lock names and when it was touched; {} if that cannot be read.

    The file is opened, since NFS may answer `stat` from memory.
    """
    until = time.monotonic() + WRITING_S
    while True:
        try:
            with path.open("rb") as file:
                touched = os.fstat(file.fileno()).st_mtime
                with contextlib.suppress(ValueError):
                    holder = json.loads(file.read())
                    return holder if isinstance(holder, dict) else {}, touched
        except FileNotFoundError:
            return {}, None
        if time.monotonic() > until:
            return {}, touched
        time.sleep(WRITING_S / 10)


def _now(beside: Path) -> float:
    """Return the time by the clock of the file system, which may be another machine's."""
    asked = beside.with_name(f"{beside.name}.{os.urandom(8).hex()}")
    try:
        asked.touch(exist_ok=False)
        return asked.stat().st_mtime
    finally:
        asked.unlink(missing_ok=True)


def _process() -> dict[str, Any]:
    """Return what tells this process from all others."""
    pid = os.getpid()
    return {"host": os.uname().nodename, "boot": _boot(), "pid": pid, "started": _started(pid)}


def _boot() -> str:
    """Return what processes share whose numbers mean the same: a boot, and a container of it."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _started(pid: int) -> str | None:
    """Return when a process started, in clock ticks; None where it is gone, or that is unknown."""
    with contextlib.suppress(OSError, IndexError):
        # The name of the command is in parentheses and may contain any character.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] in (b"Z", b"X") else fields[19].decode()
    return None


def _is_here(holder: dict[str, Any]) -> bool:
    return holder.get("host") == os.uname().nodename and holder.get("boot") == _boot()


def _alive(holder: dict[str, Any]) -> bool:
    """Return whether the process that a lock of this machine names is still at work."""
    pid = holder.get("pid")
    if type(pid) is not int or pid <= 0:
        return False
    if holder.get("started") is not None:
        return _started(pid) == holder["started"]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class _Held:
    """The locks of this process, and the process whose thread touches them: a fork has none."""

    paths: set[Path] = set()  # noqa: RUF012 - there is one process
    touching = 0


def _keep(path: Path) -> None:
    """Touch a lock now and then, for as long as this process holds it."""
    _Held.paths.add(path)
    if _Held.touching != os.getpid():
        import _thread  # no object to join is needed

        _Held.touching = os.getpid()
        _thread.start_new_thread(_beat, ())


def _beat() -> None:
    while True:
        time.sleep(BEAT_S)
        for path in tuple(_Held.paths):
            with contextlib.suppress(OSError):
                os.utime(path)
