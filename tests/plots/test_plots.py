"""Pictures: what is drawn where, that they are the same every time, and what goes wrong."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from emocli.plots import (
    clip as _plot_clip,
)
from emocli.plots import (
    page as _plot_page,
)
from emocli.plots import (
    prosody as _plot_prosody,
)
from emocli.plots import (
    scores as _plot_scores,
)
from emocli.plots import (
    training as _plot_training,
)
from emocli.plots.clip import Clip
from tests.conftest import RATE_HZ, Emocli

Record = dict[str, Any]
Tone = Callable[..., np.ndarray]
Wav = Callable[..., Path]

# ColorBrewer's RdBu; https://colorbrewer2.org calls it safe for the colour-blind.
BLUE, RED = "#2166ac", "#b2182b"
PHONES = [("s", 0.0, 0.1), ("iː", 0.1, 0.4), ("d", 0.4, 0.5), ("ɔ", 0.5, 0.9)]


def said(**fields: Any) -> Record:
    """A record of a second of sound with everything that can be drawn."""
    phones = [
        {"phone": p, "start": s, "end": e, "word": "w", "is_vowel": p in ("iː", "ɔ")}
        for p, s, e in PHONES
    ]
    levels = [
        {"pitch": "very low", "duration": "very high"},
        {"pitch": "unclear", "duration": "high"},
    ]
    spoken = [p for p in phones if p["is_vowel"]]
    vowels = [{**p, "levels": each} for p, each in zip(spoken, levels, strict=True)]
    measured = {
        "pitch_floor_hz": 75,
        "pitch_ceiling_hz": 400,
        "summary": "Quiet.",
        "vowels": vowels,
    }
    return {
        "id": "clip",
        "text": "see daw",
        "phones": phones,
        "words": [
            {"text": "see", "start": 0.0, "end": 0.4},
            {"text": "daw", "start": 0.4, "end": 0.9},
        ],
        "prosody": measured,
        "prediction": {"emotion": "sadness", "confidence": 0.825},
        "label": {"emotion": "fear"},
        **fields,
    }


def clip(tone: Tone, record: Record | None = None, **fields: Any) -> Clip:
    return Clip(record or said(), tone(), **{"offset": 0.0, "first": 0.0, "last": 1.0, **fields})


def texts(figure: Figure) -> list[str]:
    """All that is written, on the page and in its panels."""
    inside = [text for axes in figure.axes for text in axes.texts]
    return [text.get_text() for text in [*figure.texts, *inside]]


def boxes(figure: Figure, panel: str) -> list[tuple[float, float, str]]:
    """Start, end and colour of the boxes in a tier, or behind the waveform."""
    (axes,) = [a for a in figure.axes if a.get_ylabel() == panel]
    patches = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_facecolor()[3]]
    return [
        (round(p.get_x(), 3), round(p.get_x() + p.get_width(), 3), to_hex(p.get_facecolor()))
        for p in patches
    ]


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def test_a_wav_file_becomes_a_picture_and_nothing_is_said(
    emocli: Emocli, wav: Wav, tmp_path: Path
) -> None:
    target = tmp_path / "clip.png"
    outcome = emocli("plot", "prosody", str(wav()), "-o", str(target))
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, b"", "")
    assert size(target.read_bytes())[0] == 1200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.png", "tone.wav"]


def test_records_come_down_a_pipe_and_a_picture_goes_out(emocli: Emocli, wav: Wav) -> None:
    records = [said(id="a", path=str(wav())), said(id="b", path=str(wav()), text="another")]
    first = emocli("plot", "prosody", stdin=records)
    assert (first.status, first.stderr) == (0, "")
    assert size(first.stdout)[0] == 1200
    assert emocli("plot", "prosody", "--output", "-", stdin=records).stdout == first.stdout
    chosen = emocli("plot", "prosody", "--id", "b", "--width=800", stdin=records)
    assert size(chosen.stdout)[0] == 800
    svg = emocli("plot", "prosody", "--format=svg", stdin=records).stdout
    assert svg.startswith(b"<?xml")


def test_what_comes_after_the_record_is_not_read(emocli: Emocli, wav: Wav) -> None:
    lines = orjson.dumps(said(path=str(wav()))) + b"\n{torn\n"
    assert emocli("plot", "prosody", stdin=lines).status == 0
    late = emocli("plot", "prosody", "--id=other", stdin=lines)
    assert late.status == 2
    assert "<stdin>:2" in late.stderr


def test_vowels_have_the_colour_of_their_level(tone: Tone) -> None:
    figure = _plot_prosody.draw(clip(tone), 1200)
    assert boxes(figure, "amplitude") == [(0.1, 0.4, BLUE), (0.5, 0.9, "#ffffff")]
    phones = boxes(figure, "phones")
    assert (0.1, 0.4, BLUE) in phones
    assert (0.0, 0.1, "#ffffff") in phones
    assert [box[:2] for box in boxes(figure, "words")] == [(0.0, 0.4), (0.4, 0.9)]
    by_duration = _plot_prosody.draw(clip(tone, by="duration"), 1200)
    assert boxes(by_duration, "amplitude") == [(0.1, 0.4, RED), (0.5, 0.9, "#f4a582")]


def test_five_levels_go_from_blue_over_grey_to_red() -> None:
    shades = [to_rgb(colour) for colour in _plot_prosody.COLOURS.values()]
    assert list(_plot_prosody.COLOURS) == ["very low", "low", "moderate", "high", "very high"]
    redness = [red - blue for red, _, blue in shades]
    assert redness == sorted(redness)
    assert len(set(shades[2])) == 1


def test_the_page_says_what_is_known(tone: Tone) -> None:
    figure = _plot_prosody.draw(clip(tone), 1200)
    written = texts(figure)
    for text in ("clip", "“see daw”", "Quiet.", "predicted: sadness 0.82 · label: fear"):
        assert text in written
    for text in ("iː", "ɔ", "s", "d", "see", "daw", "pitch of the vowels:"):
        assert text in written
    (legend,) = figure.legends
    levels = ["very low", "low", "moderate", "high", "very high", "unclear"]
    assert [text.get_text() for text in legend.get_texts()] == levels
    bare = _plot_prosody.draw(clip(tone, {"id": "clip"}), 1200)
    assert texts(bare) == ["clip", ""]
    assert not bare.legends
    assert bare.get_size_inches()[1] < figure.get_size_inches()[1]


def test_without_phones_the_vowels_stand_alone(tone: Tone) -> None:
    vowel = {"phone": None, "start": 0.2, "end": 0.5, "levels": {"pitch": "very high"}}
    record = {"id": "clip", "prosody": {"vowels": [vowel]}}
    assert boxes(_plot_prosody.draw(clip(tone, record), 1200), "vowels") == [(0.2, 0.5, RED)]
    del vowel["levels"]
    unknown = _plot_prosody.draw(clip(tone, record), 1200)
    assert [text.get_text() for text in unknown.legends[0].get_texts()] == ["no level"]


def test_pitch_and_intensity_are_drawn_at_their_values(tone: Tone) -> None:
    figure = _plot_prosody.draw(clip(tone), 1200)
    scales = {axes.get_ylabel(): axes for axes in figure.axes}
    times, f0_hz = scales["F0 (Hz)"].lines[0].get_data()
    known = np.isfinite(f0_hz)
    assert np.ptp(times[known]) > 0.9
    np.testing.assert_allclose(f0_hz[known], 150, rtol=0.01)
    level = tone()
    rms_db = 20 * np.log10(np.sqrt(np.mean(np.square(level, dtype=float))) / 2e-5)
    loud = scales["intensity (dB)"].lines[0].get_ydata()
    assert np.median(loud) == pytest.approx(rms_db, abs=0.5)
    for name, values in (("F0 (Hz)", f0_hz[known]), ("intensity (dB)", loud)):
        low, high = scales[name].get_ylim()
        assert low < values.min() <= values.max() < high


def test_silence_is_drawn_and_said(emocli: Emocli, wav: Wav, tone: Tone) -> None:
    silent = Clip({"id": "x", "prosody": {}}, np.zeros(RATE_HZ, np.float32), 0.0, 0.0, 1.0)
    assert "no pitch found" in texts(_plot_prosody.draw(silent, 1200))
    assert "no pitch found" not in texts(_plot_prosody.draw(clip(tone), 1200))
    outcome = emocli("plot", "prosody", str(wav(level=0.0)))
    assert (outcome.status, outcome.stderr) == (0, "")
    assert size(outcome.stdout)[0] == 1200


def test_a_part_is_shown_at_the_times_of_the_recording(emocli: Emocli, wav: Wav) -> None:
    path = str(wav(seconds=3.0))
    store = _plot_clip.Store()
    found = _plot_clip.prepare(said(path=path), store, (1.0, 2.0), "pitch")
    assert (found.first, found.last) == (1.0, 2.0)
    # Half a second on either side is analysed as well, and the picture cut.
    assert (found.offset, len(found.samples)) == (0.5, 2 * RATE_HZ)
    figure = _plot_prosody.draw(found, 1200)
    assert all(axes.get_xlim() == (1.0, 2.0) for axes in figure.axes)
    image = figure.axes[1].images[0].get_extent()
    assert image[:2] == pytest.approx((0.5, 2.5), abs=0.02)
    # A record that is about a part has its words where they are in the recording.
    part = {"id": "x", "path": path, "start": 1.5, "end": 2.5}
    within = _plot_clip.prepare(part, store, (None, 2.0), "pitch")
    assert (within.first, within.last, within.offset) == (1.5, 2.0, 1.5)
    assert within.record["prosody"]["duration"] == pytest.approx(0.5)


def test_long_clips_need_a_part(emocli: Emocli, wav: Wav) -> None:
    path = str(wav(seconds=61.0))
    outcome = emocli("plot", "prosody", stdin=[said(path=path)])
    assert outcome.status == 2
    assert "clip: 61 s is too long for a page" in outcome.stderr
    assert "--start 0 --end 10" in outcome.stderr
    assert emocli("plot", "prosody", path, "--start=60", "--format=svg").status == 0
    beyond = emocli("plot", "prosody", "--start=70", stdin=[said(path=path)])
    assert beyond.status == 2
    assert "from 0.00 to 61.00 s" in beyond.stderr


@pytest.mark.parametrize("count", [3, 12, 30, 100, 200])
def test_labels_never_touch_each_other(count: int, tone: Tone) -> None:
    phones = [{"phone": "æː", "start": i / count, "end": (i + 1) / count} for i in range(count)]
    figure = _plot_prosody.draw(clip(tone, {"id": "x", "phones": phones}), 1200)
    (tier,) = [axes for axes in figure.axes if axes.get_ylabel() == "phones"]
    figure.draw_without_rendering()
    spans = [text.get_window_extent() for text in tier.texts]
    assert len(spans) == min(count, 100)  # 200 have 5 pixels each: every other one has room
    for line in {round(span.y0) for span in spans}:
        row = sorted((s for s in spans if round(s.y0) == line), key=lambda s: s.x0)
        assert all(one.x1 <= two.x0 + 1 for one, two in pairwise(row))
    assert min(text.get_fontsize() for text in tier.texts) >= 7


# Every letter of the IPA chart of 2020, with the diacritics and tone letters that aligners write.
IPA = (
    "pbtdʈɖcɟkɡqɢʔmɱnɳɲŋɴʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎʟʘǀǃǂǁɓɗʄɠʛʍwɥʜʢʡɕʑɺɧ"
    "iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒɚɝːˑʰʷʲˠˤʼˈˌ˥˦˧˨˩t͡ʃã̃n̩t̪e̞ɹ̩"
)


def test_every_letter_of_the_ipa_has_a_glyph(tone: Tone) -> None:
    record = said(text=IPA)
    _, lacking = _plot_page.render(lambda: _plot_prosody.draw(clip(tone, record), 4000), "png")
    assert lacking == ""


def test_letters_that_no_font_has_are_told_of(emocli: Emocli, wav: Wav) -> None:
    outcome = emocli("plot", "prosody", stdin=[said(path=str(wav()), text="\U00013000?")])
    assert outcome.status == 0
    assert "no installed font has \U00013000" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_text_is_never_taken_for_a_formula_or_a_layout(emocli: Emocli, wav: Wav) -> None:
    odd = said(id="a\nb" * 300, path=str(wav()), text="it cost $5 and $6^{ \\frac\t%s")
    outcome = emocli("plot", "prosody", "--format=svg", stdin=[odd])
    assert (outcome.status, outcome.stderr) == (0, "")
    assert _plot_page.fitting("a\n b\u2028c", 500, 10) == "a b c"


MARKS = {"png": (b"tIME", b"Creation"), "svg": (b"<dc:date>",), "pdf": (b"CreationDate",)}


@pytest.mark.parametrize("kind", MARKS)
def test_the_same_record_gives_the_same_bytes_and_no_date(
    kind: str, emocli: Emocli, wav: Wav
) -> None:
    flags = ("plot", "prosody", f"--format={kind}")
    record = said(path=str(wav()))
    first, second = (emocli(*flags, stdin=[record]).stdout for _ in range(2))
    assert first == second
    assert not any(mark in first for mark in MARKS[kind])
    assert emocli(*flags, stdin=[record | {"text": "other"}]).stdout != first


FRESH = """
import sys
from emocli.cli import main
status = main.run(["plot", "prosody", "--format=svg", sys.argv[1]])
assert "matplotlib.pyplot" not in sys.modules
assert "torch" not in sys.modules
sys.exit(status)
"""


def test_neither_settings_nor_display_matter(emocli: Emocli, wav: Wav, tmp_path: Path) -> None:
    records = tmp_path / "one.jsonl"
    records.write_bytes(orjson.dumps(said(path=str(wav()))) + b"\n")
    settings = tmp_path / "matplotlibrc"
    settings.write_text("font.size: 30\nsvg.fonttype: none\nfigure.dpi: 50\nbackend: TkAgg\n")
    environment = {**os.environ, "MATPLOTLIBRC": str(settings), "PYTHONHASHSEED": "7"}
    environment.pop("DISPLAY", None)
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(records)],
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == emocli("plot", "prosody", "--format=svg", str(records)).stdout


def test_problems_name_the_record_and_leave_no_file(
    emocli: Emocli, wav: Wav, tmp_path: Path
) -> None:
    path = str(wav())
    failed = {"stage": "x", "code": "y", "message": "it broke", "hint": "mend it"}
    cases: list[tuple[list[Record], int, str]] = [
        ([{"id": "a", "path": "/no/where.wav"}], 1, "a: no such file"),
        ([{"id": "a", "text": "words"}], 1, "a: no audio"),
        ([{"id": "a", "error": failed}], 1, "a: it broke (mend it)"),
        ([{"id": "a", "missing": {"audio": failed}}], 1, "a: it broke (mend it)"),
        ([said(path=str(wav("short.wav", seconds=0.05)))], 2, "less than 0.1 s"),
        ([said(path=path, phones=[{"phone": "a"}])], 1, "clip: one of phones has no start"),
        ([said(path=path, words="see")], 1, "clip: words is not a list: 'see'"),
        ([], 5, "no input records"),
    ]
    for records, status, message in cases:
        target = tmp_path / "out.png"
        outcome = emocli("plot", "prosody", "-o", str(target), stdin=records)
        assert (outcome.status, outcome.stdout) == (status, b""), outcome.stderr
        assert message in outcome.stderr
        assert not [p for p in tmp_path.iterdir() if "out" in p.name]


def test_wrong_flags_say_what_is_right(emocli: Emocli, wav: Wav) -> None:
    records = [said(path=str(wav()))]
    cases = {
        ("--by=loudness",): "--by: unknown level loudness (pitch, duration)",
        ("--id=klip",): "--id klip: no such record among 1 (clip?)",
        ("-o", "clip.gif"): "--output clip.gif: not one of png, svg, pdf",
        ("-o", "clip"): "--output clip: not one of png, svg, pdf",
        ("--format=bmp",): "--format bmp: not one of png, svg, pdf",
        ("--width=20",): "--width 20: not between 400 and 10000 pixels",
        ("--start=nan",): "less than 0.1 s to show",
        ("-o", "/nowhere/at/all.png"): "cannot write /nowhere/at/all.png",
    }
    for flags, message in cases.items():
        outcome = emocli("plot", "prosody", *flags, stdin=records)
        assert (outcome.status, outcome.stdout) == (2, b""), outcome.stderr
        assert message in outcome.stderr
    assert emocli("plot", "prosody", "nowhere.jsonl").status == 2


@pytest.mark.parametrize("picture", ["prosody", "confusion", "reliability"])
def test_without_matplotlib_it_says_what_to_install(
    picture: str, emocli: Emocli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    outcome = emocli("plot", picture, "-o", "x.png")
    assert outcome.status == 3
    assert "pip install 'emocli[plot]'" in outcome.stderr


def test_a_matplotlib_that_does_not_start_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emocli", "plot", "confusion", "-o", str(tmp_path / "x.png")]
    environment = {**os.environ, "MPLBACKEND": "nonsense"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert done.stderr.startswith("emocli plot: matplotlib does not start: ")
    assert done.stderr.endswith("(are MPLBACKEND and matplotlibrc right?)\n")


def test_the_first_drawing_of_all_is_silent_too(wav: Wav, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emocli", "plot", "prosody", str(wav())]
    environment = {**os.environ, "MPLCONFIGDIR": str(tmp_path / "no fonts are known here yet")}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("stream", "message"), [("stdin", "no input"), ("stdout", "cannot be written to a terminal")]
)
@pytest.mark.parametrize("picture", ["prosody", "confusion"])
def test_a_terminal_is_no_place_for_pictures(
    picture: str, stream: str, message: str, tmp_path: Path
) -> None:
    import pty

    ours, theirs = pty.openpty()
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, stream: theirs}
    command = [sys.executable, "-m", "emocli", "plot", picture]
    done = subprocess.run(command, **streams, stderr=subprocess.PIPE, timeout=60)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert message in done.stderr.decode()


def test_a_closed_pipe_is_silent(wav: Wav) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "emocli", "plot", "prosody", str(wav())]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def scored(emocli: Emocli, *flags: str, count: int = 60) -> bytes:
    """What score writes of predictions of three labels, the last of which is never true."""
    random = np.random.default_rng(0)
    labels = ("joy", "anger", "fear")
    records = []
    for i in range(count):
        shares = random.dirichlet((1, 1, 0.3)).tolist()
        prediction = {
            "emotion": labels[int(np.argmax(shares))],
            "probabilities": dict(zip(labels, shares, strict=True)),
        }
        label = {"emotion": labels[i % 2]}
        dataset = "ab"[i % 3 == 0]
        records.append({"id": str(i), "label": label, "prediction": prediction, "dataset": dataset})
    outcome = emocli("score", "--bootstrap=20", "-q", *flags, stdin=records)
    assert outcome.status == 0, outcome.stderr
    return outcome.stdout


def test_confusions_have_counts_and_shares_in_cells_of_that_colour(emocli: Emocli) -> None:
    row = orjson.loads(scored(emocli))
    figure = _plot_scores.confusion(row, 1000)
    cells, bar = figure.axes
    counts = np.array(row["confusion"]["matrix"])
    assert row["confusion"]["labels"] == ["joy", "anger", "fear"]
    written = {text.get_position(): text for text in cells.texts}
    shares = cells.images[0].get_array()
    for (i, j), count in np.ndenumerate(counts):
        share = 100 * count / max(counts[i].sum(), 1)
        text = written[j, i]
        expected = f"{count}\n{share:.0f} %" if count else "0"
        assert text.get_text() == expected
        if counts[i].sum():
            assert shares[i, j] == pytest.approx(share)
        paper = cells.images[0].cmap(shares[i, j] / 100)
        assert contrast(to_rgb(text.get_color()), to_rgb(paper)) >= 4.5  # WCAG 2, level AA
    assert np.ma.getmaskarray(np.ma.masked_invalid(shares))[2].all()  # fear is never true
    names = [label.get_text() for label in cells.get_yticklabels()]
    assert names == ["joy (30)", "anger (30)", "fear (0)"]
    assert [label.get_text() for label in cells.get_xticklabels()] == ["joy", "anger", "fear"]
    assert any(f"accuracy {row['accuracy']:.3f} [" in text for text in texts(figure))
    assert bar.get_ylabel() == "share of the true label (%)"


def contrast(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """The contrast ratio of https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""

    def luminance(colour: tuple[float, ...]) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("grey", np.linspace(0, 1, 11))
def test_letters_can_be_read_on_any_colour(grey: float) -> None:
    for paper in ((grey, grey, grey), (grey, 0, 1 - grey), (1 - grey, grey, 0)):
        assert contrast(to_rgb(_plot_page.ink(paper)), paper) >= 4


@pytest.mark.parametrize("count", [2, 7, 28])
def test_numbers_and_labels_of_a_matrix_stay_in_their_places(count: int) -> None:
    labels = [f"{'disappointment'[: 4 + i % 11]}" for i in range(count)]
    matrix = (np.eye(count, dtype=int) * 1234 + 56).tolist()
    figure = _plot_scores.confusion({"confusion": {"labels": labels, "matrix": matrix}}, 1000)
    figure.draw_without_rendering()
    cells = figure.axes[0]
    room = cells.get_window_extent().width / count
    for text in cells.texts:
        extent = text.get_window_extent()
        assert max(extent.width, extent.height) <= room
    for label in [*cells.get_xticklabels(), *cells.get_yticklabels()]:
        extent = label.get_window_extent()
        assert extent.x0 >= 0
        assert extent.y0 >= 0


def test_groups_are_chosen_by_their_value(emocli: Emocli, tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    rows.write_bytes(scored(emocli, "--by", "dataset"))
    first, second = (orjson.loads(line) for line in rows.read_bytes().splitlines())
    for row in (first, second):
        value = row["by"]["dataset"]
        chosen = _plot_scores.find(str(rows), None, value)
        assert chosen == row
        title = texts(_plot_scores.confusion(chosen, 1000))[0]
        assert title == f"dataset {value}, {row['scored']} records"
    outcome = emocli("plot", "confusion", str(rows), "--group=c")
    assert outcome.status == 2
    assert "--group: unknown group c (b, a)" in outcome.stderr


def test_bars_of_a_reliability_diagram_are_accuracies(emocli: Emocli) -> None:
    row = orjson.loads(scored(emocli))
    figure = _plot_scores.reliability(row, 700)
    diagram, counts = figure.axes
    full = [b for b in row["reliability"] if b["records"]]
    assert 0 < len(full) < 15
    bars, gaps = diagram.containers
    assert [bar.get_height() for bar in bars] == [b["accuracy"] for b in full]
    assert [bar.get_x() for bar in bars] == [b["low"] for b in full]
    tops = [bar.get_y() + bar.get_height() for bar in gaps]
    assert tops == pytest.approx([b["confidence"] for b in full])
    assert [text.get_text() for text in counts.texts] == [str(b["records"]) for b in full]
    assert any(text.startswith(f"ECE {row['ece']:.3f} [") for text in texts(figure))


@pytest.mark.parametrize("picture", ["confusion", "reliability"])
def test_scores_are_drawn_from_a_pipe_or_a_file(
    picture: str, emocli: Emocli, tmp_path: Path
) -> None:
    row, target = scored(emocli), tmp_path / "out.svg"
    (tmp_path / "row.json").write_bytes(row)
    flags = ("plot", picture, "--format=svg")
    piped = emocli(*flags, stdin=row)
    assert (piped.status, piped.stderr) == (0, "")
    assert emocli(*flags, str(tmp_path / "row.json"), "-o", str(target)).status == 0
    assert target.read_bytes() == piped.stdout == emocli(*flags, stdin=row).stdout


def test_what_is_no_score_is_refused(emocli: Emocli) -> None:
    square = {"labels": ["a", "b"], "matrix": [[1, 2]]}
    cases: list[tuple[str, bytes, int, str]] = [
        ("confusion", b'{"id": "a"}', 1, "no field 'confusion' (run emocli score first)"),
        ("reliability", b'{"id": "a"}', 1, "no field 'reliability' (run emocli score first)"),
        ("confusion", orjson.dumps({"confusion": square}), 1, "not labels and a square matrix"),
        ("confusion", b'{"confusion": [1]}', 1, "not labels and a square matrix"),
        ("reliability", b'{"reliability": []}', 1, "no prediction has probabilities"),
        ("reliability", b'{"reliability": [{}]}', 1, "reliability[0].records is not a number"),
        ("confusion", b"", 5, "no metrics record"),
        ("confusion", b"\n{torn", 2, "<stdin>:2"),
    ]
    for picture, stdin, status, message in cases:
        outcome = emocli("plot", picture, stdin=stdin)
        assert (outcome.status, outcome.stdout) == (status, b""), outcome.stderr
        assert message in outcome.stderr
    assert emocli("plot", "confusion", "/no/where.json").status == 2


def logged(*epochs: tuple[int, float, float | None], **about: Any) -> bytes:
    rows = [
        {**about, "epoch": n, "train_loss": t, "dev_loss": d, "dev_uar": 0.5} for n, t, d in epochs
    ]
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def test_a_training_run_is_drawn_epoch_by_epoch(emocli: Emocli, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(logged((1, 1.0, 0.9), (2, 0.5, 0.7), (3, 0.4, None)))
    with log.open("rb") as stream:
        (run,) = _plot_training.find(str(log), stream)
    figure = _plot_training.draw([run], 800)
    losses, uar = figure.axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in losses.get_lines()}
    assert lines["loss, training"] == [[1, 1.0], [2, 0.5], [3, 0.4]]
    assert lines["loss, held out"] == [[1, 0.9], [2, 0.7]]
    assert losses.get_lines()[-1].get_xdata()[0] == 2  # the epoch that was kept
    assert uar.get_lines()[0].get_ydata().tolist() == [0.5] * 3
    done = emocli("plot", "training", str(log))
    assert done.status == 0, done.stderr
    assert size(done.stdout)[0] == 1000


def test_each_seed_and_fold_has_a_line_of_its_own(emocli: Emocli) -> None:
    both = logged((1, 1.0, 0.9), (2, 0.8, 0.8), seed=0) + logged((1, 1.1, 0.9), seed=1)
    done = emocli("plot", "training", "--width", "700", stdin=both)
    assert done.status == 0, done.stderr
    assert size(done.stdout)[0] == 700
    assert emocli("plot", "training", stdin=b'{"uar": 1}\n').status == 5
