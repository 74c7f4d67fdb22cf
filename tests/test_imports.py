"""Start-up is light, layers point one way, files and functions stay small."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import emocli
from emocli.cli import registry

PACKAGE = Path(emocli.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Every addition here costs every user of every command the time to import it: weigh it carefully.
ALLOWED = {
    "annotated_doc",  # of typer
    "click",
    "colorama",  # of click, on Windows
    "emocli",
    "orjson",
    "shellingham",  # of typer
    "typer",
    "typing_extensions",  # of typer
}
NOT_OURS = {"__main__", "_distutils_hack", "__mp_main__", "distutils-precedence", "sitecustomize"}

# A room imports itself and rooms further left; those in braces do not import each other.
ORDER = """errors < records < io < {signals, models, metrics, llm} < encoders < {hub, datasets}
    < {pipeline, bundles} < modalities < stages < {training, scoring, plots} < cli < commands
    < __main__"""
LEVELS = [set(re.findall(r"\w+", level)) for level in ORDER.split("<")]
PURE = LEVELS[3]  # arrays and tokens: errors and their own room is all they know of ours

HELP = """
import sys
from emocli.cli import main
main.run([*sys.argv[1:], "--help"])
names = {module.partition(".")[0] for module in sys.modules}
print("\\nIMPORTED", *sorted(names - set(sys.stdlib_module_names)))
"""


@pytest.mark.parametrize("name", ["", *registry.names()])
def test_help_imports_only_what_is_light(name: str):
    command = [sys.executable, "-c", HELP, *name.split()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    imported = set(shown.stdout.rpartition("IMPORTED")[2].split())
    extra = {n for n in imported - ALLOWED - NOT_OURS if not n.startswith("__editable__")}
    assert extra == set()


def test_score_never_imports_torch(tmp_path: Path):
    code = (
        "import sys; from emocli.cli import main; status = main.run(['score', sys.argv[1]]);"
        "print('torch' in sys.modules, 'transformers' in sys.modules, status, file=sys.stderr)"
    )
    records = tmp_path / "records.jsonl"
    emotions = '{"emotion": "joy", "probabilities": {"joy": 0.9, "anger": 0.1}}'
    lines = [
        f'{{"id": "{n}", "label": {{"emotion": "joy"}}, "prediction": {emotions}}}\n'
        for n in range(3)
    ]
    records.write_text("".join(lines))
    command = [sys.executable, "-c", code, str(records)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.splitlines()[-1] == "False False 0"


SOURCES = [path for path in FILES if path.parent != PACKAGE or path.name != "__init__.py"]


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file, which several tests look at."""
    return ast.parse(path.read_text(encoding="utf-8"))


def level(room: str) -> int:
    """Return the place of a room in ORDER."""
    return next(place for place, rooms in enumerate(LEVELS) if room in rooms)


def imports(path: Path) -> Iterator[str]:
    """Yield the X of every emocli.X that a file imports, but for annotations only."""
    tree = parsed(path)
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "emocli":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("emocli."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("emocli."))


def modules(path: Path) -> Iterator[str]:
    """Yield the modules of emocli that a file imports, at its top or in a function."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("emocli"):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (one if one in MODULES else str(node.module) for one in inner)


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    return ".".join(["emocli", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(
        ".__init__"
    )


MODULES = {name_of(path) for path in SOURCES}


def test_no_module_imports_itself_through_others() -> None:
    graph = {name_of(path): set(modules(path)) - {name_of(path)} for path in SOURCES}
    # A package's `__init__` may hand out what its own modules define.
    outside = {
        name: {n for n in found if not n.startswith(f"{name}.") and n in graph}
        for name, found in graph.items()
    }
    assert cycle(outside) == []


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of a circular import, in order; nothing where there is none."""
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_a_circular_import_would_be_found() -> None:
    assert cycle({"a": {"b"}, "b": {"a"}}) in (["a", "b", "a"], ["b", "a", "b"])
    assert cycle({"a": {"b"}, "b": set()}) == []


def own(path: Path) -> str:
    """Return the X of a file's emocli.X."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def test_every_room_has_its_place_and_nothing_lies_loose() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    loose = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert rooms | loose == set().union(*LEVELS)
    assert loose == {"__main__", "errors"}


@pytest.mark.parametrize("room", sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py")))
def test_every_room_has_tests_of_its_own(room: str) -> None:
    assert list(Path(__file__).parent.joinpath(room).glob("test_*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    mine = own(path)
    wrong = [room for room in imports(path) if room != mine and level(room) >= level(mine)]
    assert wrong == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_what_is_pure_knows_no_records_and_no_flags(path: Path):
    if own(path) in PURE:
        assert set(imports(path)) <= {"errors", own(path)}
    if own(path) == "encoders":
        assert set(imports(path)) <= {"errors", "encoders", "signals"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_small(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[ast.get_docstring(node) is not None :] or node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1
            assert lines <= 50, f"{node.name} has {lines} lines"
            places = [arg.arg for arg in node.args.args if arg.arg != "self"]
            assert len(places) <= 5 or node.name == "command", f"{node.name} has many parameters"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_command_line_prints(path: Path):
    calls = [n for n in ast.walk(parsed(path)) if _is_print(n)]
    assert calls == []


def _is_print(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "exec", "eval")
    )


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_unpickles(path: Path):
    text = path.read_text(encoding="utf-8")
    assert "import pickle" not in text
    assert "allow_pickle=True" not in text
    assert "trust_remote_code=True" not in text
    loads = [ast.unparse(n) for n in ast.walk(parsed(path)) if isinstance(n, ast.Call)]
    assert all("weights_only=True" in n for n in loads if n.startswith("torch.load("))
