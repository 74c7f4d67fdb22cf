"""`python -m emocli`: the command line."""

from emocli.cli import main

main()
