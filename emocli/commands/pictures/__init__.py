"""The pictures of `emocli plot`: a file each, whose name is that of its subcommand."""
