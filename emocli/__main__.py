"""`python -m emocli` and the `emocli` script: ready for signals before anything is imported."""

import signal

# Signals wait until somebody handles them: an import takes a few milliseconds.
_MASK = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

from emocli.pipeline import stopping  # noqa: E402

stopping.install()
signal.pthread_sigmask(signal.SIG_SETMASK, _MASK)


def main() -> None:
    """Run the command line of this process and leave with its status."""
    from emocli.cli import main

    main.main()


if __name__ == "__main__":
    main()
