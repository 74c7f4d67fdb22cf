"""The command line: flags, configuration, help, man pages, completions, terminal output."""
