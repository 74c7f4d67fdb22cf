"""What `predict` shows on a terminal: a block of a few records, a line of many, a strip of a whole.

The utterances of a recording are lines under its name, and the strip follows the last of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from emocli.cli import prediction, strip, terminal
from emocli.cli.prediction_lines import Lines
from emocli.errors import printable
from emocli.pipeline import parts
from emocli.records import Record

FEW = 4  # records that are drawn with bars


class Drawing:
    """Draws the records of one run, as they come.

    With `told` the terminal has the message of a failed record already.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        told: bool = False,
        console: Callable[[], Any] = terminal.console,
    ) -> None:
        self.labels, self.told = labels, told
        self.open = console
        self.recording: str | None = None
        self.utterances: list[strip.Utterance] = []

    @functools.cached_property
    def console(self) -> Any:
        """Where is drawn; rich is not imported before there is something to draw."""
        return self.open()

    @functools.cached_property
    def lines(self) -> Lines:
        """What draws lines."""
        return Lines(self.console)

    def begin(self, expected: Callable[[], int | None]) -> None:
        """Learn how many records are to come, None if that is not known."""
        self.expected = expected

    def __call__(self, record: Record) -> bool:
        """Draw one record; return True, since it need not be written."""
        if self.told and record.get("error"):
            return True
        recording = parts.recording_of(record)
        if recording != self.recording:
            self.end()
            self.recording = recording
            if recording is not None:
                self._heading(recording)
        if recording is not None:
            self.lines.utterance(record)
            self._keep(record)
        elif (self.expected() or FEW + 1) <= FEW:
            prediction.show_prediction(record, self.labels, self.console)
        else:
            self.lines.record(record)
        return True

    def end(self) -> None:
        """Draw the strip of the recording whose last utterance has come, if there is one."""
        utterances, self.utterances = self.utterances, []
        if len(utterances) > 1:
            self.console.print()
            for line in strip.drawn(utterances, self.labels, self.console):
                self.console.print(line, soft_wrap=True)
            self.console.print()

    def _heading(self, recording: str) -> None:
        from rich.text import Text

        self.console.print(Text(printable(recording), style="bold"), soft_wrap=True)

    def _keep(self, record: Record) -> None:
        """Keep what the strip shows of an utterance, if it was judged."""
        found = record.get("prediction")
        if found and not record.get("error") and "probabilities" in found:
            speaker = record.get("speaker")
            self.utterances.append(
                strip.Utterance(
                    float(record["start"]),
                    float(record["end"]),
                    found["emotion"],
                    speaker if isinstance(speaker, str) else "",
                )
            )
