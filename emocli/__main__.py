"""`python -m emocli` and the `emocli` script: streams and signals before anything else."""

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

# Hold signals back until their handlers are installed: the import takes a few milliseconds.
_MASK = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})


@contextmanager
def _shortage_told() -> Iterator[None]:
    """End the process with a line if importing fails for want of memory or of handles."""
    try:
        yield
    except (MemoryError, ImportError, RuntimeError, SystemError, OSError) as error:
        text = str(error)
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):
            os.write(2, b"emocli: too many open files (ulimit -n)\n")
            os._exit(1)
        if isinstance(error, MemoryError) or "failed to map" in text or "new thread" in text:
            os.write(2, b"emocli: out of memory (ulimit -v)\n")
            os._exit(7)
        raise


with _shortage_told():
    from emocli.io import standard_streams

    standard_streams.complete()
    from emocli.pipeline import stopping

    stopping.install()
signal.pthread_sigmask(signal.SIG_SETMASK, _MASK)


def main() -> None:
    """Run the command line of this process and exit with its status."""
    with _shortage_told():
        from emocli.cli import main, utf8_mode
    utf8_mode.ensure()
    main.main()


if __name__ == "__main__":
    main()
