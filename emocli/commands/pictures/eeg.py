"""Draw EEG: topographies of band power, the signal, the prediction over time."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import flags
from emocli.cli.picture import Kind, Output, Target, Title, Width
from emocli.errors import ExitStatus, worst

Source = Annotated[
    str | None,
    typer.Argument(
        metavar="[INPUT]", help="Records, or a recording; '-' or no argument is stdin.",
        show_default=False,
    ),
]  # fmt: skip
Recording = Annotated[
    str | None, typer.Option(metavar="NAME", help="The recording to draw: its path.")
]
By = Annotated[
    str | None,
    typer.Option(metavar="prediction|label|FIELD", help="A row of maps for each value of it."),
]
Channels = Annotated[
    str | None, typer.Option(metavar="NAME,...", help="Electrodes whose signal is shown.")
]
Start = Annotated[float | None, typer.Option(metavar="SECONDS", help="Show from here.")]
End = Annotated[float | None, typer.Option(metavar="SECONDS", help="Show up to here.")]


def command(
    source: Source = None,
    *,
    output: Output = None,
    form: Kind = None,
    width: Width = 1000,
    title: Title = None,
    recording: Recording = None,
    by: By = None,
    channels: Channels = None,
    start: Start = None,
    end: End = None,
    store: flags.StoreDir = None,
) -> int:
    """Draw EEG: topographies of band power, the signal, the prediction over time.

    Reads a recording (EDF, BDF, BrainVision, ...), or the records of `predict`, `extract-eeg` or
    `encode --modality eeg`. A map of the head shows each band: the mean over all windows that can
    be used, in dB above 1 uV^2, of the features band-power or differential-entropy, or measured
    here if records have neither. Dots are electrodes, crosses those that were bad and are
    interpolated. Normalized features are z-scores.

    Below stands the signal of six electrodes spread over the head (--channels names others), as it
    was cleaned, in what its least and greatest values are in each pixel; windows that are wrong are
    shaded, events are ticks. Beneath it are the probabilities and answers of `prediction`, and the
    `label` if there is one. --start and --end select a part, of the maps as well.

    --by prediction, label or another field adds a row of maps for each of its values: how it
    differs from the mean of all. Several recordings have maps of their mean and nothing over time.

    Example:
        emocli predict recording.edf -m BUNDLE | emocli plot eeg --by prediction -o eeg.png
    """
    target = Target(output, form, width)
    from emocli.io.store import Store
    from emocli.plots import eeg as drawing
    from emocli.plots import eeg_records

    names = tuple(filter(None, (channels or "").split(",")))
    asked = eeg_records.Asked(recording, (start, end), by, names, drawing.across(width))
    reading = eeg_records.Reading(target.say, Store(store), asked)
    brain = reading.read(source, target.streams.stdin)
    status = target.write(lambda: drawing.draw(brain, width, title))
    return worst(status, ExitStatus.FAILED) if reading.problems else status
