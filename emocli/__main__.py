"""`python -m emocli` and the `emocli` script: ready for signals before anything is imported."""

from emocli import stopping


def main() -> None:
    """Run the command line of this process and leave with its status."""
    stopping.install()
    from emocli import cli

    cli.main()


if __name__ == "__main__":
    main()
