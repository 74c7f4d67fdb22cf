"""Every line of jq that we show to anybody is one that jq 1.6 takes."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = ("*.md", "man/*.1", "examples/*.md", "examples/*.sh", "examples/*Makefile", "Makefile")

BLANK = r"(?:[ \t]|\\?\n)+"
OPTION = rf"""(?:--arg{BLANK}\w+{BLANK}(?:"[^"]*"|\S+)|--indent{BLANK}\d+|-{{1,2}}[a-z][\w-]*)"""
LINE = re.compile(rf"""\bjq((?:{BLANK}{OPTION})*){BLANK}('[^']*'|"[^"]*"|\.[\w.\[\]]*)""")
# jq 1.6 takes {id} for {id: .id}, but none of its own words: {label} is an error until 1.7.
WORDS = "and as catch def elif else end foreach if import include label module or reduce then try"
SHORT = re.compile(rf"[{{,]\s*(?:{'|'.join(WORDS.split())})\s*[,}}]")


def texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of everything that may show a line of jq."""
    for pattern in TEXTS:
        for path in sorted(ROOT.glob(pattern)):
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".1":  # as troff writes quotes, hyphens and backslashes
                text = text.replace(r"\(aq", "'").replace(r"\-", "-").replace(r"\e", "\\")
            yield str(path.relative_to(ROOT)), text
    for path in sorted([*ROOT.glob("emocli/**/*.py"), *ROOT.glob("examples/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield str(path.relative_to(ROOT)), node.value


def programs(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the options and the program of each line of jq in a text."""
    for match in LINE.finditer(text):
        quoted = match[2]
        program = quoted[1:-1] if quoted[0] in "'\"" else quoted
        names = re.findall(rf"--arg{BLANK}(\w+)", match[1])
        yield [part for name in names for part in ("--arg", name, "")], program


SHOWN = [(name, *found) for name, text in texts() if "jq" in text for found in programs(text)]


def test_lines_of_jq_are_found() -> None:
    assert {".", ".audio", ".phones[] | select(.is_vowel)"} <= {program for _, _, program in SHOWN}
    assert {name.partition("/")[0] for name, _, _ in SHOWN} >= {
        "README.md",
        "examples",
        "emocli",
        "man",
    }
    assert list(programs("| jq -c --arg a \"$b\" \\\n    '{id, x: $a}'")) == [
        (["--arg", "a", ""], "{id, x: $a}")
    ]
    assert SHORT.search("{id, label}")
    assert not SHORT.search("{id, label: .label, labels}")


@pytest.mark.parametrize(("name", "options", "program"), SHOWN)
def test_jq_takes_what_we_show(name: str, options: list[str], program: str) -> None:
    assert not SHORT.search(program), "jq 1.6 wants {label: .label}"
    jq = shutil.which("jq")
    if jq is None:
        pytest.skip("no jq here")
    done = subprocess.run([jq, *options, program], input=b"", capture_output=True, check=False)
    assert done.returncode == 0, f"{name}: {done.stderr.decode()}"
