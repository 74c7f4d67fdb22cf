"""Text of any encoding, and names in either spelling."""

from __future__ import annotations

import ast
import unicodedata
from pathlib import Path

import pytest

import emocli
from emocli import records
from emocli.records import names, texts

SAID = "it’s naïve…\nœuvre – 5 €\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_is_what_its_mark_says_or_utf_8(encoding: str) -> None:
    assert texts.decoded(SAID.encode(encoding)) == SAID
    assert texts.guessed(SAID.encode(encoding)) == (SAID, None)


def test_what_is_neither_is_refused_or_read_as_windows_1252_with_a_warning() -> None:
    data = SAID.encode("cp1252")
    with pytest.raises(ValueError, match="utf-8") as caught:
        texts.decoded(data)
    assert texts.reason(caught.value) == "not UTF-8: b'\\x92' in it�s na�ve�"
    assert texts.guessed(data) == (SAID, "not UTF-8: read as Windows-1252")


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\xe9",  # no character of Windows-1252
        SAID.encode("utf-16-le"),
        "plain".encode("utf-16-be"),
        b"\xff\xfea",  # half a character
    ],
)
def test_what_is_no_text_is_refused_even_where_one_may_guess(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"NUL|decode|truncated|map"):
        texts.guessed(data)


@pytest.mark.parametrize("code", range(0x80, 0xA0))
def test_control_characters_are_what_their_byte_means_in_windows_1252(code: int) -> None:
    try:
        meant = bytes([code]).decode("cp1252")
    except UnicodeDecodeError:  # five bytes mean nothing
        meant = chr(code)
    assert texts.repaired(f"a{chr(code)}é") == f"a{meant}é"
    assert records.modality_text({"text": f"a{chr(code)}"}) == f"a{meant}"


NFC, NFD = (unicodedata.normalize(form, "Café/Größe.wav") for form in ("NFC", "NFD"))
MIXED = f"{NFC.split('/', maxsplit=1)[0]}/{NFD.split('/')[1]}"


@pytest.mark.parametrize("there", [NFC, NFD, MIXED])
@pytest.mark.parametrize("named", [NFC, NFD, MIXED])
def test_a_name_is_found_in_either_spelling(there: str, named: str, tmp_path: Path) -> None:
    file = tmp_path / there
    file.parent.mkdir()
    file.write_bytes(b"")
    assert names.on_disk(str(tmp_path / named)) == str(file)
    assert records.path_of({"path": str(tmp_path / named)}) == str(file)


def test_a_name_that_is_there_or_nowhere_is_kept(tmp_path: Path) -> None:
    for name in (NFC, NFD, "/", "", "a\0é", "é" * 5000):
        assert names.on_disk(name) == name
    both = [tmp_path / f"{unicodedata.normalize(form, 'é')}.wav" for form in ("NFC", "NFD")]
    for file in both:
        file.write_bytes(b"")
    assert [names.on_disk(str(file)) for file in both] == [str(file) for file in both]


# What reads the files of this package, of models, and of the cache, which are UTF-8.
OURS = {
    "bundles", "cli/completion_scripts.py", "cli/documentation.py", "cli/registry.py",
    "datasets/__init__.py", "encoders", "hub", "io/lock.py", "llm/audio_annotator.py",
}  # fmt: skip
PACKAGE = Path(emocli.__file__).parent


def test_every_text_of_a_user_goes_through_one_function() -> None:
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if name in OURS or name.split("/")[0] in OURS:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                named = {keyword.arg for keyword in node.keywords}
                assert called != "read_text", f"{name}:{node.lineno}"
                assert not (called == "open" and "encoding" in named), f"{name}:{node.lineno}"
