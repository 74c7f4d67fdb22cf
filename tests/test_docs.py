"""The documentation describes the commands as they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from emocli.cli import completions, documentation, man_pages, registry, statuses
from emocli.errors import ExitStatus

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def described() -> list[tuple[str, click.Command]]:
    """Return every command and subcommand."""
    commands = []
    for name in registry.names():
        command = registry.load(name)
        commands.append((name, command))
        inner = getattr(command, "commands", {})
        commands += [(f"{name} {child.name}", child) for child in inner.values()]
    return commands


COMMANDS = described()


def test_nothing_that_is_generated_is_stale():
    assert documentation.stale() == [], "run: make docs"


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_what_is_generated_is_the_same_every_time(seed: str):
    command = [sys.executable, "-m", "emocli.cli.documentation", "--check"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_stale_files_are_found_and_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(ROOT / "man", tmp_path / "man")
    shutil.copytree(ROOT / "completions", tmp_path / "completions")
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "emocli" / "default").mkdir(parents=True)
    for name in ("config.json", "card.md"):
        shutil.copy(ROOT / "emocli" / "default" / name, tmp_path / "emocli" / "default")
    (tmp_path / "man" / "emocli.1").write_text("old")
    (tmp_path / "man" / "emocli-gone.1").write_text("of a command that no longer exists")
    monkeypatch.setattr(documentation, "ROOT", tmp_path)
    assert documentation.main(["--check"]) == 1
    assert documentation.stale() == ["man/emocli-gone.1", "man/emocli.1"]
    assert documentation.main([]) == 0
    assert documentation.main(["--check"]) == 0
    assert not (tmp_path / "man" / "emocli-gone.1").exists()


@pytest.mark.parametrize("name", registry.names())
def test_every_command_is_in_the_readme_and_has_a_page(name: str):
    assert f"`{name}`" in README
    assert (ROOT / "man" / f"emocli-{name}.1").is_file()


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_flag_and_argument_has_a_help_text(name: str, command: click.Command):
    undocumented = [p.opts for p in command.params if not getattr(p, "help", None)]
    assert undocumented == []


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_says_what_it_does_and_gives_an_example(name: str, command: click.Command):
    first = (command.help or "").split("\n\n")[0]
    assert first[:1].isupper()
    assert first.endswith(".")
    if not getattr(command, "commands", None):
        assert "Example" in (command.help or "")


@pytest.mark.parametrize("name", registry.names())
def test_the_short_help_is_the_first_line_of_the_long(name: str):
    assert (registry.load(name).help or "").startswith(registry.summary(name))
    assert len(registry.summary(name)) <= 100


@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.1")), ids=lambda p: p.stem)
def test_every_page_has_its_sections_and_all_exit_statuses(page: Path):
    text = page.read_text(encoding="utf-8")
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT"):
        assert f"\n.SH {section}\n" in text
    statuses = text.partition(".SH EXIT STATUS")[2].partition(".SH ")[0]
    assert re.findall(r"\\fB(\d+)\\fP", statuses) == [str(int(s)) for s in ExitStatus]


@pytest.mark.parametrize("status", ExitStatus)
def test_every_exit_status_is_in_the_table_in_help_and_in_the_readme(status: ExitStatus):
    assert status in statuses.MEANINGS
    assert re.search(rf"[:;] {status:d} \w", statuses.epilogue())
    section = README.partition("\n## Exit codes\n")[2].partition("\n## ")[0]
    codes = re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE)
    assert f"{status:d}" in re.findall(r"\d+", " ".join(codes))


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_flag_is_on_its_page_and_in_every_completion(name: str, command: click.Command):
    page = (ROOT / "man" / f"emocli-{name.split()[0]}.1").read_text(encoding="utf-8")
    scripts = dict(completions.scripts())
    for option in command.params:
        for flag in option.opts if isinstance(option, click.Option) else ():
            assert rf"\fB{flag}\fP".replace("-", r"\-") in page
            assert flag in scripts["emocli.bash"]
            assert flag in scripts["_emocli"]
            fish = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
            assert fish in scripts["emocli.fish"]


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.1")), ids=lambda p: p.stem)
def test_man_shows_every_page_without_a_warning(page: Path):
    command = ["man", "-l", "--warnings", str(page)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert "EXIT STATUS" in shown.stdout


def test_text_is_never_a_roff_request():
    assert man_pages._text(".SH no section") == r"\&.SH no section"
    assert man_pages._text("a\\b --x don't") == r"a\eb \-\-x don\(aqt"
    assert man_pages._rich("see `jq` or --json") == r"see \fBjq\fP or \-\-json"
    assert man_pages._rich("with --json") == r"with \fB\-\-json\fP"


BASH = """
source {script}
for line in "$@"; do
    COMP_WORDS=($line) COMPREPLY=()
    [[ $line == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
    _emocli
    echo "${{COMPREPLY[*]}}"
done
"""
LINES = {
    "emocli pred": "predict",
    "emocli ver": "",
    "emocli --v": "--version",
    "emocli predict --devi": "--device",
    "emocli predict --device ": "auto cpu",
    "emocli predict --device = c": "cpu",
    "emocli --help predict --ab": "--abstain",
    "emocli models p": "pull path",
    "emocli models pull all": "all-minilm-l6-v2",
    "emocli models pull --source ": "auto hub wheel npm",
    "emocli dataset go": "goemotions",
    "emocli dataset --labels common nem": "nemo",
    "emocli dataset ravdess REA": "README.md",
    "emocli config show transc": "transcribe",
    "emocli score --min mac": "macro_f1=",
}


def test_bash_completes_what_can_be_typed():
    script = BASH.format(script=ROOT / "completions" / "emocli.bash")
    command = ["bash", "--noprofile", "--norc", "-c", script, "bash", *LINES]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert dict(zip(LINES, done.stdout.split("\n"), strict=False)) == LINES
    assert done.stderr == ""


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes_what_can_be_typed():
    lines = {line: words for line, words in LINES.items() if "=" not in line + words}
    requests = "\n".join(f"echo (complete -C '{line}' | string split -f1 \\t)" for line in lines)
    script = f"source completions/emocli.fish\n{requests}"
    command = ["fish", "--no-config", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    offered = [" ".join(sorted(words.split())) for words in done.stdout.split("\n")]
    expected = [" ".join(sorted(words.split())) for words in lines.values()]
    assert dict(zip(lines, offered, strict=False)) == dict(zip(lines, expected, strict=True))


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_reads_its_script():
    script = ROOT / "completions" / "_emocli"
    done = subprocess.run(["zsh", "-f", "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_is_the_changelogs_top_entry():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^## \[(.+?)\](.*)$", changelog, re.MULTILINE)
    released = [(version, date) for version, date in entries if version != "Unreleased"]
    assert released[0][0] == project["version"]
    assert re.fullmatch(r" - \d{4}-\d\d-\d\d", released[0][1])


def test_links_in_the_documents_lead_somewhere():
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md"):
        document = ROOT / name
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            exists = target.startswith("https://") or (document.parent / target).exists()
            assert exists, (name, target)
