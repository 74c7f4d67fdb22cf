"""`python -m emocli` and the `emocli` script: handle signals before importing anything else."""

import signal

# Hold signals back until their handlers are installed: the import takes a few milliseconds.
_MASK = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

from emocli.pipeline import stopping  # noqa: E402

stopping.install()
signal.pthread_sigmask(signal.SIG_SETMASK, _MASK)


def main() -> None:
    """Run the command line of this process and exit with its status."""
    from emocli.cli import main

    main.main()


if __name__ == "__main__":
    main()
