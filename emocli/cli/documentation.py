"""Generate man pages, completions and the tables of the README from the commands.

python -m emocli.cli.documentation writes them into the checkout; with --check it writes nothing,
and exits 1 when any of them is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from itertools import dropwhile, takewhile
from pathlib import Path

from emocli.cli import completions, man_pages, registry

ROOT = Path(__file__).parents[2]


def files() -> dict[Path, str]:
    """Return the text of every generated file by its path, relative to the checkout."""
    texts = {Path("man", name): text for name, text in man_pages.pages(version("emocli"))}
    texts |= {Path("completions", name): text for name, text in completions.scripts()}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    texts[Path("README.md")] = fill(readme, tables())
    return texts


def fill(text: str, parts: dict[str, str]) -> str:
    r"""Replace the text between <!-- NAME --> and <!-- /NAME -->.

    >>> fill("a <!-- x -->old<!-- /x --> b", {"x": "new"}).split("\n")
    ['a <!-- x -->', 'new', '<!-- /x --> b']
    """
    for name, part in parts.items():
        pattern = re.compile(f"(<!-- {name} -->).*?(<!-- /{name} -->)", re.DOTALL)
        text = pattern.sub(lambda m, part=part: f"{m[1]}\n{part.strip()}\n{m[2]}", text)  # type: ignore[misc]
    return text


def tables() -> dict[str, str]:
    """Return the generated parts of the README by the name of their markers."""
    return {
        "commands": _table(
            ("command", "what it does"),
            ((f"[`{n}`](man/emocli-{n}.1)", registry.summary(n)) for n in registry.names()),
        ),
        "models": _table(("name", "what", "MB", "licence"), _models()),
        "datasets": _table(("name", "what"), _datasets()),
        "figures": _figures(),
    }


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _models() -> Iterator[tuple[str, ...]]:
    from emocli import hub

    default = hub.expand("default")
    for name, model in hub.catalog().items():
        mark = " (default)" if name in default else ""
        yield f"`{name}`{mark}", model["what"], str(model["size_mb"]), model["licence"]


def _datasets() -> Iterator[tuple[str, ...]]:
    from emocli import datasets

    for name in datasets.names():
        yield f"`{name}`", datasets.title(name).rstrip(".")


def _figures() -> str:
    """Return the first table of figures from the model card of the shipped predictor."""
    card = (ROOT / "emocli" / "default" / "card.md").read_text(encoding="utf-8")
    figures = card[card.index("\n## Figures") :]
    rows = dropwhile(lambda line: not line.startswith("|"), figures.splitlines())
    return "\n".join(takewhile(lambda line: line.startswith("|"), rows))


def stale() -> list[str]:
    """Return the generated files that are out of date, and those of commands that are gone."""
    expected = files()
    outdated = [str(p) for p, text in expected.items() if _read(ROOT / p) != text]
    present = {
        p.relative_to(ROOT) for p in [*ROOT.glob("man/*.1"), *ROOT.glob("completions/*emocli*")]
    }
    return sorted([*outdated, *(str(p) for p in present - expected.keys())])


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def write() -> None:
    """Write the stale files; delete the pages of commands that no longer exist."""
    expected = files()
    for name in stale():
        path = ROOT / name
        if Path(name) in expected:
            path.parent.mkdir(exist_ok=True)
            path.write_text(expected[Path(name)], encoding="utf-8")
        else:
            path.unlink()


def main(arguments: list[str]) -> int:
    """Write the stale files, or with --check only name them; return the exit status."""
    if arguments != ["--check"]:
        write()
        return 0
    names = stale()
    for name in names:
        sys.stderr.write(f"{name} is stale: run make docs\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
