"""`python -m emocli` and the `emocli` script: streams and signals before anything else."""

import signal

# Hold signals back until their handlers are installed: the import takes a few milliseconds.
_MASK = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

from emocli.io import standard_streams  # noqa: E402

standard_streams.complete()

from emocli.pipeline import stopping  # noqa: E402

stopping.install()
signal.pthread_sigmask(signal.SIG_SETMASK, _MASK)


def main() -> None:
    """Run the command line of this process and exit with its status."""
    from emocli.cli import utf8_mode

    utf8_mode.ensure()
    from emocli.cli import main

    main.main()


if __name__ == "__main__":
    main()
