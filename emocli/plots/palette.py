"""The colours of emotions in pictures: those of a terminal, in inks that print and tell apart.

P. Tol's bright scheme (https://personal.sron.nl/~pault/, technical note SRON/EPS/TN/09-002, 2021),
which readers with any of the usual kinds of colour-blindness tell apart, on paper as on a screen.
"""

from __future__ import annotations

from collections.abc import Iterable

from emocli.records.labels import ordered

# Each of the seven has the hue that it has on a terminal (`cli.prediction.COLOURS`).
COLOURS = {
    "neutral": "#bbbbbb",
    "joy": "#ccbb44",
    "sadness": "#4477aa",
    "anger": "#ee6677",
    "fear": "#aa3377",
    "disgust": "#228833",
    "surprise": "#66ccee",
}
FURTHER = ("#332288", "#ddaa88", "#44bb99", "#882255", "#777711")  # for labels beside the seven
OTHERS, OTHER = "others", "#555555"  # labels beyond FURTHER, taken together
NO_ANSWER = "#ffffff"  # hatched: no prediction, or the model abstained


def of(labels: Iterable[str]) -> dict[str, str]:
    """Return the colour of each label, in the order of every table; `others` from the 13th on.

    >>> of({"joy", "contempt"})
    {'joy': '#ccbb44', 'contempt': '#332288'}
    """
    known = ordered(labels)
    further = dict(zip((n for n in known if n not in COLOURS), FURTHER, strict=False))
    colours = {n: COLOURS.get(n) or further[n] for n in known if n in COLOURS or n in further}
    return colours | ({OTHERS: OTHER} if len(colours) < len(known) else {})
