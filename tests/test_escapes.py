"""What a terminal obeys, or shows in another order, never reaches it raw: messages and tables."""

from __future__ import annotations

import ast
import io
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from rich.console import Console

import emocli as package
from emocli import hub
from emocli.cli import main, prediction
from emocli.errors import UNPRINTABLE, printable
from emocli.plots import page
from emocli.scoring import latex
from tests.conftest import Emocli
from tests.leaves import arguments, leaves

EVIL = "\x1b[31m\x9b2J\r\x07\x85\u202eevil\u2066\u200f\u061c\n\u2028"
ROOM = Path(package.__file__).parent
COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # what rich writes itself
STREAMS = ("messages.py", "documentation.py")  # the one place; a program of the build


def raw(text: str) -> list[str]:
    """Return what a terminal would obey in a text of lines, some of them coloured."""
    return UNPRINTABLE.findall(COLOUR.sub("", text).replace("\n", ""))


class Terminal(io.BytesIO):
    """A stdout that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Stderr(io.StringIO):
    """A stderr that says so too."""

    def isatty(self) -> bool:
        return True


def test_it_is_what_unicode_says() -> None:
    directions = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    marks = {"\u061c", "\u200e", "\u200f"}  # Bidi_Control that has no such class
    for letter in map(chr, range(sys.maxunicode + 1)):
        obeyed = (
            unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(letter) in directions
            or letter in marks
        )
        assert bool(UNPRINTABLE.match(letter)) == obeyed, hex(ord(letter))
        assert not obeyed or printable(letter).isascii()


def test_messages_are_written_in_one_place() -> None:
    for file in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            to_stderr = re.search(r"stderr\.(write|writelines)$", called)
            to_stderr = to_stderr or any(k.arg == "err" for k in node.keywords)
            prints = called.endswith(("print_exception", "print_exc", "excepthook"))
            assert not (to_stderr or prints) or file.name in STREAMS, f"{file}:{node.lineno}"


EVIL_RECORDS: list[dict[str, Any]] = [
    {"id": EVIL, "path": EVIL, "features": EVIL, "label": EVIL, "prediction": EVIL},
    {"id": EVIL + "2", "text": EVIL, "label": {"emotion": EVIL, "votes": {EVIL: EVIL}}},
    {"id": EVIL + "3", "missing": {EVIL: EVIL}, "speaker": EVIL, "prediction": {"emotion": EVIL}},
    {"id": EVIL + "4", "features": {EVIL: {"vector": EVIL, "sequence": EVIL}}, "words": [EVIL]},
    {EVIL: EVIL, "id": EVIL + "5", "split": EVIL, "dialogue": EVIL, "turn": EVIL},
]


@pytest.mark.usefixtures("default_models", "nobody_speaks")
@pytest.mark.parametrize("name", leaves())
def test_records_do_not_reach_the_terminal_raw(name: str, emocli: Emocli, tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    lines = [orjson.dumps(record, option=orjson.OPT_NON_STR_KEYS) for record in EVIL_RECORDS]
    said = ""
    for contents in (*lines, b"\n".join(lines), b"\n".join([lines[0], lines[0]]), EVIL.encode()):
        file.write_bytes(contents + b"\n")
        said += emocli(*arguments(name, str(file))).stderr
    said += emocli(*arguments(name, str(file)), "--debug").stderr
    assert not raw(said), said


@pytest.mark.parametrize("name", leaves())
def test_values_of_flags_do_not_reach_the_terminal_raw(
    name: str, emocli: Emocli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    said = emocli(name, EVIL).stderr + emocli(EVIL).stderr + emocli(name, f"--{EVIL}").stderr
    for one in leaves()[name].params:
        if isinstance(one, click.Option) and not one.is_flag:
            # A wrong flag at the end keeps the command from running.
            for end in (["--no-such-flag"], []) if one.type.name == "text" else ([],):
                words = [*arguments(name, "no.jsonl"), max(one.opts, key=len), EVIL, *end]
                said += emocli(*words, stdin=b"").stderr
    assert not raw(said), said


def test_a_config_file_does_not_reach_the_terminal_raw(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "emocli").mkdir()
    said = ""
    for text in ('"\\u001b[31m\\u202e" = 1', '["\\u009bx"]\na = 1', "\x1b", 'device = "\\u202e"'):
        (tmp_path / "emocli" / "config.toml").write_text(text)
        for words in (["merge"], ["--help"], ["config", "show"], ["score", "--help"]):
            said += emocli(*words).stderr
    assert said
    assert not raw(said), said


PREDICTED = {"emotion": EVIL, "probabilities": {EVIL: 0.75, "joy": 0.25}}
JUDGED = [
    {
        "id": f"{i}",
        "label": {"emotion": EVIL if i % 2 else "joy", "votes": {EVIL: 2, "joy": 1}},
        "prediction": PREDICTED,
        "speaker": EVIL,
        EVIL: EVIL,
        "annotations": [{"annotator": EVIL, "label": EVIL}, {"annotator": EVIL, "label": "joy"}],
    }
    for i in range(12)
]


@pytest.mark.parametrize("form", ["--table", "--latex"])
@pytest.mark.parametrize(
    "flags", [[], ["--by", f"speaker,{EVIL}"], ["--alignment"], ["--compare", "{}"],
              ["--task", "distribution"], ["--task", "multilabel"], ["--cluster", EVIL]]
)  # fmt: skip
def test_tables_of_scores_hold_no_escapes(form: str, flags: list[str], tmp_path: Path) -> None:
    file = tmp_path / "other\x1b[31m\u202e.jsonl"
    file.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in JUDGED))
    words = ["score", "--bootstrap", "9", form, *(flag.format(file) for flag in flags)]
    stdin = b"".join(orjson.dumps(record) + b"\n" for record in JUDGED)
    stdout, stderr = Terminal(), io.StringIO()
    main.run(words, io.BytesIO(stdin), stdout, stderr)
    shown = stdout.getvalue().decode()
    assert not raw(shown + stderr.getvalue()), shown + stderr.getvalue()
    if form == "--latex" and "joy" in shown:
        assert "\x1b" not in shown


@pytest.mark.parametrize("form", ["table", "csv"])
@pytest.mark.parametrize(
    "flags", [[], ["--by", f"speaker,{EVIL}+speaker"], ["--of", "label"], ["--over", EVIL]]
)
def test_summaries_hold_no_escapes(form: str, flags: list[str]) -> None:
    stdin = b"".join(orjson.dumps(record) + b"\n" for record in JUDGED)
    stdout, stderr = Terminal(), io.StringIO()
    main.run(["summarize", "--format", form, *flags], io.BytesIO(stdin), stdout, stderr)
    shown = stdout.getvalue().decode()
    assert "joy" in shown
    assert not raw(shown + stderr.getvalue()), shown + stderr.getvalue()


def test_cells_of_latex_hold_no_escapes() -> None:
    assert not raw(latex.escaped(EVIL))
    assert latex.escaped("\u202e") == r"\textbackslash{}u202e"
    assert not raw(latex.tabular(EVIL, [], []).replace("\n", ""))


def test_the_drawing_of_a_prediction_holds_no_escapes() -> None:
    stream = {"emotion": EVIL, "probabilities": {EVIL: 0.9}, "valence": 0.5}
    record = {
        "id": EVIL,
        "text": EVIL,
        "prediction": {
            **stream,
            "confidence": 0.9,
            "model": EVIL,
            "modalities": {EVIL: 1.0},
            "disagreement": {EVIL: 0.1},
        },
        "unimodal": {EVIL: stream},
        "missing": {EVIL: {"message": EVIL}},
    }
    for one in (record, {**record, "error": {"message": EVIL}}):
        sheet = io.StringIO()
        prediction.show_prediction(one, [EVIL], Console(file=sheet, force_terminal=True, width=200))
        assert "evil" in sheet.getvalue()
        assert not raw(sheet.getvalue())


@pytest.mark.parametrize("words", [["config", "show", "score"], ["models", "list"]])
def test_tables_on_a_terminal_hold_no_escapes(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("EMOCLI_BY", EVIL)
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(tmp_path))
    name = next(iter(hub.catalog()))
    place = tmp_path / "models" / name
    place.mkdir(parents=True)
    manifest = {"name": name, "source": EVIL, "files": {}}
    (place / "manifest.json").write_bytes(orjson.dumps(manifest))
    stdout = Terminal()
    main.run(words, io.BytesIO(), stdout, io.StringIO())
    assert "evil" in stdout.getvalue().decode()
    assert not raw(stdout.getvalue().decode())


def test_pictures_hold_no_escapes(emocli: Emocli) -> None:
    row = {
        "by": {EVIL: EVIL},
        "stream": EVIL,
        "confusion": {"labels": [EVIL, "joy"], "matrix": [[1, 2], [0, 3]]},
        "accuracy": 0.5,
    }
    grouped = {**row, "intervals": {"accuracy": [0.4, 0.6]}}
    said = {"path": EVIL, "speaker": EVIL, "text": EVIL, "start": 0, "end": 9}
    said["prediction"] = PREDICTED
    for picture, record in (("confusion", row), ("groups", grouped), ("timeline", said)):
        outcome = emocli("plot", picture, "-", "--format", "svg", "--title", EVIL, stdin=[record])
        assert outcome.status == 0, outcome.stderr
        text = outcome.stdout.decode()
        assert not raw(text + outcome.stderr), picture
    figure = page.figure(400, 100)
    for word in (EVIL, "a\nb", "plain"):
        page.write(figure, 0, 0, word)
    page.render(lambda: figure, "svg")
    texts = [artist.get_text() for artist in figure.texts]
    assert not raw("".join(texts))
    assert texts[1:] == ["a\nb", "plain"]


def test_the_bar_of_training_holds_no_escapes() -> None:
    from emocli.pipeline import live
    from emocli.training.progress import Epochs

    for stderr in (Stderr(), io.StringIO()):
        with live.shown(stderr, "train"):
            epochs = Epochs(2, None)
            epochs.about = {"fold": EVIL}
            epochs({"epoch": 1, "train_loss": 0.5})
            live.draw()
        assert "evil" in stderr.getvalue()
        assert not raw(stderr.getvalue().replace("\r\033[K", "").replace("\r", ""))


def test_an_annotator_does_not_reach_the_terminal_raw(emocli: Emocli, tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(
        "import sys\n"
        f"sys.stderr.buffer.write({EVIL!r}.encode() + b'\\xe9\\tloading\\r\\nhalf')\n"
        "sys.stderr.flush()\n"
        "for line in sys.stdin: print('joy', flush=True)\n"
        "sys.stderr.write('last')\n"
    )
    words = ["annotate", "-q", "--n", "1", "--command", f"{sys.executable} {script}"]
    outcome = emocli(*words, stdin=[{"id": "a", "text": "x"}])
    assert outcome.status == 0
    assert outcome.stderr.endswith("\\xe9\tloading\nhalflast")
    assert not raw(outcome.stderr.replace("\t", ""))
    assert orjson.loads(outcome.stdout)["annotations"][0]["label"] == "joy"


def test_records_are_untouched(emocli: Emocli) -> None:
    record = {"id": EVIL, "error": {"stage": EVIL, "code": "x", "message": EVIL, "hint": ""}}
    for name in ("merge", "prosody"):
        assert emocli(name, stdin=[record]).records == [record]
