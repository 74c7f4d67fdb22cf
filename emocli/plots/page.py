"""A page to draw on, and its file: matplotlib without a display or global state.

The same record gives the same bytes, whatever the user's matplotlibrc: no dates, fixed names in
SVG files. The font is DejaVu Sans, which comes with matplotlib and has the IPA; characters that it
lacks come from another installed font, if one has them.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import re
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from emocli.errors import UNPRINTABLE, ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The metadata field of each format that would hold the time of writing.
FORMATS: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
DPI = 100  # pixels per inch: a 10-point letter is 14 pixels high
POINT_PX = DPI / 72
OTHER_FONTS = ("Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Arial Unicode MS", "Unifont")
FONT = "DejaVu Sans"
STYLE: dict[str, Any] = {
    "font.size": 10,
    "text.parse_math": False,  # a dollar in a sentence is a dollar
    "svg.hashsalt": "emocli",
    "axes.linewidth": 0.8,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}
DARK, LIGHT = "#1a1a1a", "#ffffff"
FAINT = "#8c8c8c"
DIGIT_EM = 0.636  # the width of a digit of DejaVu Sans
BOLD = 1.12  # width of its bold letters relative to the regular ones


def check() -> None:
    """Import matplotlib, or raise ConfigError with a hint."""
    # It logs the search for fonts and the building of the font cache.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"drawing needs matplotlib: {error}", hint="pip install 'emocli[plot]'"
        ) from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"matplotlib does not start: {str(error)[:100]}",
            hint="are MPLBACKEND and matplotlibrc right?",
        ) from None


def render(
    draw: Callable[[], Figure], kind: str, others: Sequence[Callable[[], Figure]] = ()
) -> tuple[bytes, str]:
    """Return a drawing as the bytes of a file, and the characters that no installed font has.

    `others` are further pages, which a PDF may have.
    """
    import matplotlib
    from matplotlib import font_manager

    buffer = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        matplotlib.rcdefaults()
        installed = {font.name for font in font_manager.fontManager.ttflist}
        fonts = [FONT, *(name for name in OTHER_FONTS if name in installed)]
        for name, value in {**STYLE, "font.family": fonts}.items():
            matplotlib.rcParams[name] = value  # type: ignore[index]
        _save([draw, *others], kind, buffer)
    codes = (re.match(r"Glyph (\d+) ", str(warning.message)) for warning in caught)
    lacking = sorted({chr(int(code[1])) for code in codes if code})
    return buffer.getvalue(), "".join(lacking)


def _save(pages: Sequence[Callable[[], Figure]], kind: str, buffer: io.BytesIO) -> None:
    """Write pages into a buffer, one after the other."""
    from matplotlib.backends.backend_pdf import PdfPages

    metadata: dict[str, Any] | None = FORMATS[kind]
    with contextlib.ExitStack() as stack:
        target: Any = buffer
        if len(pages) > 1:
            target, metadata = stack.enter_context(PdfPages(buffer, metadata=metadata)), None
        for draw in pages:
            sheet = draw()
            _make_visible(sheet)
            sheet.savefig(target, format=kind, dpi=DPI, metadata=metadata)


def _make_visible(sheet: Figure) -> None:
    """Replace what readers of the picture would obey, such as marks of direction, in every text."""
    from matplotlib.text import Text

    for artist in sheet.findobj(Text):
        assert isinstance(artist, Text)
        text = artist.get_text()
        if UNPRINTABLE.search(text.replace("\n", "")):
            artist.set_text("\n".join(UNPRINTABLE.sub(" ", line) for line in text.split("\n")))


def figure(width_px: float, height_px: float) -> Figure:
    """Return an empty page."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_px / DPI, height_px / DPI), dpi=DPI, facecolor="white")


def axes(page: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place in pixels from the upper left corner of a page."""
    wide, high = page.get_size_inches() * DPI
    box = (left / wide, 1 - (top + height) / high, width / wide, height / high)
    return page.add_axes(box)


def write(page: Figure, left: float, top: float, text: str, **style: Any) -> None:
    """Write a line whose middle is at a place in pixels from the upper left corner."""
    wide, high = page.get_size_inches() * DPI
    page.text(left / wide, 1 - top / high, text, va="center", color=DARK, **style)


def width_px(text: str, points: float) -> float:
    """Return the width of a line of text, to about a pixel."""
    return sum(map(_em, text)) * points * POINT_PX


@functools.cache
def _em(letter: str) -> float:
    """Return the width of a letter in ems; one that DejaVu Sans lacks counts as 1 em."""
    from matplotlib.font_manager import findfont, get_font

    if unicodedata.combining(letter):
        return 0.0
    font = get_font(findfont(FONT))
    if not font.get_char_index(ord(letter)):
        return 1.0
    font.set_size(100, 72)
    return font.load_char(ord(letter)).linearHoriAdvance / 65536 / 100


def fitting(text: str, max_px: float, points: float) -> str:
    """Return one line of limited width; its middle is left out if it is too long.

    >>> fitting("a/rather/long/path/to/a/clip.wav", 140, 10)
    'a/rather/l…/clip.wav'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    needed = width_px(line, points)
    if needed <= max_px:
        return line
    kept = max(int(len(line) * max_px / needed) - 1, 2)
    while True:  # the letters that are kept may be the wide ones
        short = f"{line[: (kept + 1) // 2]}…{line[-(kept // 2) :]}"
        if kept <= 2 or width_px(short, points) <= max_px:
            return short
        kept -= 1


def lines(text: str, max_px: float, points: float) -> list[str]:
    """Return a text in lines of limited width, broken between words.

    >>> lines("so that was what he said", 90, 10)
    ['so that was', 'what he said']
    """
    found: list[str] = []
    for word in text.split():
        longer = f"{found[-1]} {word}" if found else word
        if found and width_px(longer, points) <= max_px:
            found[-1] = longer
        else:
            found.append(fitting(word, max_px, points))
    return found


def ink(colour: Any) -> str:
    """Return a text colour that is readable on a background, by the contrast of WCAG 2.

    https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio: dark where a colour's luminance is above
    0.2, at which dark (0.01) and white (1) contrast alike: sqrt(1.05 x 0.06) - 0.05.
    """
    from matplotlib.colors import to_rgb

    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return DARK if luminance > 0.2 else LIGHT
