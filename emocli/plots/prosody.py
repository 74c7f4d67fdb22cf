"""The picture of one clip: waveform, spectrogram with pitch and intensity, phones and words."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, NullLocator

from emocli.plots import page, tiers
from emocli.plots.clip import Clip
from emocli.plots.tiers import Span
from emocli.records import Record, label_reading
from emocli.signals import contours, tracks
from emocli.signals.prosody_norms import LEVELS, UNCLEAR

# Positions on the page, in pixels; our choice, for a width of 1200.
LEFT, RIGHT, EDGE, GAP = 76, 130, 16, 6
TITLE, LINE, WAVE, SPECTRUM, TIME, LEGEND = 40, 22, 110, 320, 48, 34
RANGE_DB = 60.0  # the spectrogram is white this far below its maximum; our choice
QUIETEST = 0.01  # the least scale of the waveform, so that sound below -40 dB looks soft
F0_COLOUR, LOUD_COLOUR = "#7b3294", "#1b7837"  # purple and green, safe for colour-blind readers
HALO = [withStroke(linewidth=3.5, foreground="white")]

# From blue through grey to red, safe for colour-blind readers (ColorBrewer's RdBu, grey inside).
COLOURS = dict(zip(LEVELS, ("#2166ac", "#92c5de", "#c8c8c8", "#f4a582", "#b2182b"), strict=True))
NO_LEVEL = "#ece7c8"  # a vowel that was measured but not compared with norms


def draw(clip: Clip, width: int, title: str | None = None) -> Figure:
    """Return the page; its first line has a title, or the id of the record."""
    across = width - LEFT - RIGHT
    px_per_s = across / (clip.last - clip.first)
    vowels = _vowels(clip)
    rows = [tiers.fitted(name, s, px_per_s) for name, s in _rows(clip, vowels).items() if s]
    lines = [
        line for line in (_quoted(clip.record), str(clip.prosody.get("summary") or "")) if line
    ]
    heights = [WAVE, SPECTRUM, *(row.height for row in rows)]
    above = TITLE + LINE * len(lines)
    tops = [above + sum(heights[:i]) + GAP * min(i, 2) for i in range(len(heights) + 1)]
    sheet = page.figure(width, tops[-1] + TIME + (LEGEND if vowels else 0))
    panels = [page.axes(sheet, LEFT, t, across, h) for t, h in zip(tops[:-1], heights, strict=True)]
    _title(sheet, clip.record, lines, title)
    _wave(panels[0], clip, across)
    _shade(panels[0], vowels)
    _spectrum(panels[1], clip)
    _curves(panels[1], clip)
    for panel in panels[:2]:
        panel.yaxis.set_label_coords(-54 / across, 0.5)  # aligned, left of the widest numbers
    for panel, row in zip(panels[2:], rows, strict=True):
        tiers.draw(panel, row, px_per_s)
    for panel in panels:
        panel.set_xlim(clip.first, clip.last)
        panel.tick_params(labelbottom=panel is panels[-1], bottom=panel is panels[-1])
    panels[-1].set_xlabel("time (s)")
    if vowels:
        _legend(sheet, vowels, clip.by, tops[-1] + TIME + LEGEND / 2)
    return sheet


def _title(sheet: Figure, record: Record, lines: list[str], title: str | None) -> None:
    """Write the title or the id and the emotions, then the words and the summary."""
    width = sheet.get_size_inches()[0] * page.DPI
    room = width - 2 * EDGE
    emotions = _emotions(record)
    left = (room - page.width_px(emotions, 13) - EDGE) / page.BOLD
    name = page.fitting(title or str(record.get("id") or "record"), left, 13)
    page.write(sheet, EDGE, 20, name, fontsize=13, weight="bold")
    page.write(sheet, width - EDGE, 20, emotions, fontsize=13, ha="right")
    for i, line in enumerate(lines, 1):
        page.write(sheet, EDGE, 22 + i * LINE, page.fitting(line, room, 10), fontsize=10)


def _quoted(record: Record) -> str:
    """Return the transcript in quotation marks, or "" if there is none."""
    return f"“{record['text']}”" if record.get("text") else ""


def _emotions(record: Record) -> str:
    """Return the prediction with its confidence, and the label, if a record has them."""
    parts = []
    for name, field in (("predicted", "prediction"), ("label", "label")):
        side = label_reading.side(record.get(field), field)
        if emotion := label_reading.emotion(side, field):
            confidence = label_reading.rating(side, "confidence", field)
            shown = "" if confidence is None else f" {confidence:.2f}"
            parts.append(f"{name}: {emotion}{shown}")
    return page.fitting(" · ".join(parts), 500, 13)


def _vowels(clip: Clip) -> list[Span]:
    """Return the measured vowels, coloured by their level."""
    spans = []
    listed = clip.prosody.get("vowels")
    for vowel in tiers.read(listed, "prosody", "a vowel", clip.first, clip.last):
        levels = vowel.get("levels")
        level = levels.get(clip.by) if isinstance(levels, dict) else None
        unclear = level == UNCLEAR
        colour = tiers.PAPER if unclear else COLOURS.get(str(level), NO_LEVEL)
        phone = str(vowel.get("phone") or "")
        spans.append(Span(vowel["start"], vowel["end"], phone, colour, unclear))
    return spans


def _rows(clip: Clip, vowels: list[Span]) -> dict[str, list[Span]]:
    """Return the tiers: phones, or only vowels if there are no phones; words."""
    known = {(span.start, span.end): span for span in vowels}
    rows: dict[str, list[Span]] = {"phones": [], "words": []}
    for name, field in (("phones", "phone"), ("words", "text")):
        listed = clip.record.get(name)
        for item in tiers.read(listed, name, f"one of {name}", clip.first, clip.last):
            times = (item["start"], item["end"])
            span = known.get(times) if name == "phones" and item.get("is_vowel") else None
            rows[name].append(span or Span(*times, str(item.get(field) or "").strip()))
    return rows if rows["phones"] else {"vowels": vowels, "words": rows["words"]}


def _wave(axes: Axes, clip: Clip, columns: int) -> None:
    low, high = contours.envelope(clip.samples, columns)
    seconds = len(clip.samples) / clip.rate_hz
    times = clip.offset + (np.arange(len(low)) + 0.5) / len(low) * seconds
    axes.fill_between(times, low, high, color="#333333", linewidth=0.6)
    top = max(float(np.abs(clip.samples).max()), QUIETEST) * 1.05
    axes.set_ylim(-top, top)
    axes.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    axes.set_ylabel("amplitude")


def _shade(axes: Axes, vowels: list[Span]) -> None:
    for span in vowels:
        style: dict[str, Any] = tiers.HATCHED if span.hatched else {"alpha": 0.6}
        axes.axvspan(span.start, span.end, zorder=0, lw=0, **{"facecolor": span.colour, **style})


def _spectrum(axes: Axes, clip: Clip) -> None:
    spectrum = contours.spectrogram(clip.samples, clip.rate_hz)
    times = (spectrum.start + clip.offset, spectrum.end + clip.offset)
    place = (*times, 0.0, spectrum.highest_hz / 1000)
    level_db = np.maximum(spectrum.level_db, -RANGE_DB)
    style: dict[str, Any] = {"cmap": "Greys", "vmin": -RANGE_DB, "vmax": 0.0, "aspect": "auto"}
    axes.imshow(level_db, extent=place, origin="lower", interpolation="bilinear", **style)
    axes.set_ylim(0, contours.HIGHEST_HZ / 1000)
    axes.set_ylabel("frequency (kHz)")


def _curves(axes: Axes, clip: Clip) -> None:
    """Draw pitch and intensity over the spectrogram, each with its own scale at the right."""
    contour = contours.follow(clip.samples, *_pitch_range(clip), clip.rate_hz)
    f0, loud = axes.twinx(), axes.twinx()
    _curve(loud, contour.loud_times + clip.offset, contour.intensity_db, LOUD_COLOUR, "--")
    _curve(f0, contour.times + clip.offset, contour.f0_hz, F0_COLOUR, "-")
    f0.set_yscale("log", base=2)  # a semitone has the same height everywhere
    _scale(f0, "F0 (Hz)", F0_COLOUR, 0)
    _scale(loud, "intensity (dB)", LOUD_COLOUR, 58)
    hertz, level_db = (v[np.isfinite(v)] for v in (contour.f0_hz, contour.intensity_db))
    if len(hertz):
        low, high = _roomy(np.log2(hertz), least=0.5)
        f0.set_ylim(2**low, 2**high)
    else:
        f0.set_yticks([])
        axes.text(0.5, 0.5, "no pitch found", transform=axes.transAxes, ha="center", fontsize=12)
    if len(level_db):
        loud.set_ylim(_roomy(np.maximum(level_db, level_db.max() - RANGE_DB), least=10.0))
    else:
        loud.set_yticks([])


def _pitch_range(clip: Clip) -> tuple[float, float]:
    """Return the pitch floor and ceiling of the measurement, or those estimated for the clip."""
    floor_hz, ceiling_hz = (clip.prosody.get(f"pitch_{end}_hz") for end in ("floor", "ceiling"))
    if isinstance(floor_hz, int | float) and isinstance(ceiling_hz, int | float):
        return floor_hz, ceiling_hz
    return tracks.pitch_range(clip.samples, clip.rate_hz)[:2]


def _curve(axes: Axes, times: Any, values: Any, colour: str, style: str) -> None:
    width = 2.4 if style == "-" else 1.4
    axes.plot(times, values, style, color=colour, linewidth=width, path_effects=HALO)


def _scale(axes: Axes, name: str, colour: str, outward_px: float) -> None:
    """Set the scale of a curve to the right of the panel, in the curve's colour."""
    axes.spines["right"].set_position(("outward", outward_px / page.POINT_PX))
    for spine in axes.spines.values():
        spine.set_visible(spine is axes.spines["right"])
    axes.spines["right"].set_color(colour)
    axes.tick_params(axis="y", colors=colour)
    axes.set_ylabel(name, color=colour)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _roomy(values: Any, least: float) -> tuple[float, float]:
    """Return limits around values, at least `least` apart, so that a steady voice looks steady."""
    low, high = float(values.min()), float(values.max())
    room = 0.15 * max(high - low, least) + max(least - (high - low), 0.0) / 2
    return low - room, high + room


def _legend(sheet: Figure, vowels: list[Span], by: str, middle: float) -> None:
    """Draw the legend of colours, in the order of the levels."""
    colours = {**COLOURS} if any(span.colour in COLOURS.values() for span in vowels) else {}
    if any(span.colour == NO_LEVEL for span in vowels):
        colours["no level"] = NO_LEVEL
    patches = [Patch(facecolor=c, edgecolor=page.FAINT, label=n) for n, c in colours.items()]
    if any(span.hatched for span in vowels):
        patches.append(Patch(facecolor=tiers.PAPER, label=UNCLEAR, **tiers.HATCHED))
    title = f"{by.replace('_', ' ')} of the vowels:"
    page.write(sheet, LEFT, middle, title, fontsize=10)
    wide, high = sheet.get_size_inches() * page.DPI
    place = ((LEFT + page.width_px(title, 10) + 12) / wide, 1 - middle / high)
    style: dict[str, Any] = {"loc": "center left", "frameon": False, "borderaxespad": 0}
    sheet.legend(handles=patches, bbox_to_anchor=place, ncols=len(patches), **style)
