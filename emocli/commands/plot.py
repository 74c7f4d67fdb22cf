"""Draw a timeline, scores by group, prosody, a confusion matrix, and more, as PNG, SVG or PDF.

It is written to the --output file, in the format that the file name implies, or to stdout. The same
input gives the same bytes: neither dates nor user settings go in. The colours suit colour-blind
readers. For a column of a paper use SVG or PDF and a --width of 400 to 700: letters keep their size
while the picture gets smaller. Needs `pip install 'emocli[plot]'`.

Example:
    emocli predict interview.wav | emocli plot timeline -o timeline.png
    emocli score predictions.jsonl | emocli plot confusion -o confusion.svg
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import typer

from emocli.commands import pictures

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help=__doc__)

for _name in sorted(module.name for module in iter_modules(pictures.__path__)):
    app.command(_name)(import_module(f"{pictures.__name__}.{_name}").command)
