"""Man pages, made from the commands themselves: roff text, one page per command."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from emocli.cli import registry
from emocli.errors import ExitStatus

STATUSES = {
    ExitStatus.OK: "All records are fine.",
    ExitStatus.FAILED: "Some records failed; they were written with `error` or `missing`.",
    ExitStatus.USAGE: "A flag or an argument makes no sense, or a line of input is no record.",
    ExitStatus.CONFIG: "A config file, a trained model and features do not fit together.",
    ExitStatus.MODEL: "A pretrained model is not here; the message says how to get it.",
    ExitStatus.EMPTY: "No input record (--allow-empty makes that 0).",
    ExitStatus.THRESHOLD: "A score missed its threshold.",
    ExitStatus.MEMORY: "Out of memory, even with a batch of one.",
    ExitStatus.INTERRUPTED: "Interrupted (SIGINT); what was written is whole.",
    ExitStatus.CLOSED_PIPE: "The reader of the pipe went away.",
    ExitStatus.TERMINATED: "Terminated (SIGTERM); what was written is whole.",
}
VARIABLES = {
    "EMOCLI_FLAG": "Stands for the flag of that name: EMOCLI_BATCH_SIZE=8 for --batch-size 8, "
    "EMOCLI_QUIET=1 for --quiet. EMOCLI_ENCODE_BATCH_SIZE stands for that of `encode` alone, and "
    "EMOCLI_TRANSCRIBE_MODEL for a --model that no other command should take. A flag wins.",
    "EMOCLI_STORE": "The folder of decoded audio and of large features.",
    "EMOCLI_CACHE_DIR": "Instead of $XDG_CACHE_HOME/emocli.",
    "EMOCLI_FFMPEG": "The ffmpeg to decode with; else the one on the PATH, else the one that the "
    "package imageio-ffmpeg brings.",
    "XDG_CONFIG_HOME, XDG_CACHE_HOME": "Where the config file and the cache are "
    "(~/.config, ~/.cache).",
    "HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE": "The Hugging Face cache and hub, as its "
    "own tools understand them.",
    "CUDA_VISIBLE_DEVICES, NO_COLOR, TMPDIR": "As everywhere.",
}
FILES = {
    "$XDG_CONFIG_HOME/emocli/config.toml": "Values of flags: keys at the top for every command "
    "that has such a flag, a table such as [encode] for one.",
    "$XDG_CACHE_HOME/emocli/models": "Pretrained models that came from wheels.",
    "$XDG_CACHE_HOME/emocli/store": "Decoded audio and large features, named after their content.",
}
_FLAG = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*[a-z]|-[a-z0-9])(?![\w-])", re.IGNORECASE)
_CODE = re.compile(r"`([^`]+)`")


def pages(version: str) -> Iterator[tuple[str, str]]:
    """Yield (file name, roff text) of every page, emocli.1 first."""
    yield "emocli.1", _overview(version)
    for name in registry.names():
        yield f"emocli-{name}.1", _page(name, version)


def _overview(version: str) -> str:
    root = registry.group()
    body = [
        _header("emocli", version, "filters for multimodal emotion recognition"),
        *_section("SYNOPSIS", [".B emocli", r"\fICOMMAND\fP [\fIOPTIONS\fP] [\fIINPUT\fP]..."]),
        *_section("DESCRIPTION", _prose(root.help or "")),
        *_section("COMMANDS", _commands()),
        *_section("OPTIONS", _options(root)),
        *_common(),
        *_section("EXAMPLES", _verbatim(["emocli predict clip.mp4"])),
        *_section("SEE ALSO", [", ".join(_reference(f"emocli-{n}") for n in registry.names())]),
    ]
    return "\n".join(body) + "\n"


def _commands() -> list[str]:
    return [
        line
        for name in registry.names()
        for line in (".TP", rf"\fB{_text(name)}\fP", _text(registry.summary(name)))
    ]


def _page(name: str, version: str) -> str:
    command = registry.load(name)
    about, examples = _parts(command.help or "")
    inner = list(getattr(command, "commands", {}).values())
    body = [_header(f"emocli-{name}", version, registry.summary(name))]
    body += _section("SYNOPSIS", _synopsis(f"emocli {name}", command))
    body += _section("DESCRIPTION", about)
    if inner:
        body += _section("COMMANDS", [line for c in inner for line in _subcommand(name, c)])
    body += _section("OPTIONS", _options(command))
    body += _common()
    examples += [line for c in inner for line in _parts(c.help or "")[1]]
    body += _section("EXAMPLES", examples)
    body += _section("SEE ALSO", [_reference("emocli")])
    return "\n".join(body) + "\n"


def _subcommand(name: str, command: click.Command) -> list[str]:
    about, _ = _parts(command.help or "")
    usage = " ".join(_usage(f"emocli {name} {command.name}", command))
    options = [line for line in _options(command) if line]
    return [rf".SS {usage}", *about, ".RS", *options, ".RE"]


def _common() -> list[str]:
    statuses = {str(int(status)): text for status, text in STATUSES.items()}
    return [
        *_section("EXIT STATUS", _definitions(statuses)),
        *_section("ENVIRONMENT", _definitions(VARIABLES)),
        *_section("FILES", _definitions(FILES)),
    ]


def _header(name: str, version: str, summary: str) -> str:
    title = _text(name.upper())
    head = (
        f'.\\" Generated by python -m emocli.documentation\n.TH "{title}" 1 "" "emocli {version}"'
    )
    return f'{head} "emocli manual"\n.SH NAME\n{_text(name)} \\- {_text(summary.rstrip("."))}'


def _section(title: str, lines: list[str]) -> list[str]:
    return [f".SH {title}", *lines] if lines else []


def _synopsis(name: str, command: click.Command) -> list[str]:
    return [f".B {_text(name)}", *_usage("", command)]


def _usage(name: str, command: click.Command) -> list[str]:
    pieces = command.collect_usage_pieces(registry.context(command))
    first = [rf"\fB{_text(name)}\fP"] if name else []
    return [*first, *(rf"\fI{_text(piece)}\fP" for piece in pieces)]


def _options(command: click.Command) -> list[str]:
    context = registry.context(command)
    lines = []
    for parameter in command.get_params(context):
        about = getattr(parameter, "help", None)
        if isinstance(parameter, click.Argument):
            lines += [".TP", rf"\fI{_text(parameter.make_metavar(context))}\fP", _rich(about or "")]
        elif isinstance(parameter, click.Option):
            lines += [".TP", _names(parameter, context), _rich(_with_default(parameter))]
    return lines


def _names(option: click.Option, context: click.Context) -> str:
    names = sorted([*option.opts, *option.secondary_opts], key=len)
    text = ", ".join(rf"\fB{_text(name)}\fP" for name in names)
    if option.is_flag or option.count:
        return text
    return rf"{text} \fI{_text(option.make_metavar(context))}\fP"


def _with_default(option: click.Option) -> str:
    default = option.default
    shown = option.show_default and not option.is_flag and isinstance(default, str | int | float)
    return f"{option.help} Default: {default}." if shown else option.help or ""


def _parts(text: str) -> tuple[list[str], list[str]]:
    """Return the roff of a help text: the description, and the examples."""
    about: list[str] = []
    examples: list[str] = []
    target = about
    for part in text.split("\n\n"):
        lines = part.removeprefix("\b\n").split("\n")
        if lines[0].startswith("Example"):
            title = lines[0].partition(":")[2].strip()
            target = examples
            target += [".PP", _rich(f"{title[:1].upper()}{title[1:]}:")] if title else [".PP"]
            target += _verbatim(lines[1:]) if lines[1:] else []
        elif part.startswith("\b\n"):
            target += _verbatim(lines)
        else:
            target = about
            target += [".PP", *(_rich(line) for line in lines)]
    return about, examples


def _prose(text: str) -> list[str]:
    return _parts(text)[0]


def _verbatim(lines: list[str]) -> list[str]:
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return [".RS 4", ".nf", *(_text(line[margin:]) for line in lines), ".fi", ".RE"]


def _definitions(pairs: dict[str, str]) -> list[str]:
    return [
        line
        for term, text in pairs.items()
        for line in (".TP", rf"\fB{_text(term)}\fP", _rich(text))
    ]


def _reference(page: str) -> str:
    return rf"\fB{_text(page)}\fP(1)"


def _text(text: str) -> str:
    """Escape what roff would take for a request or an escape; hyphens stay hyphens."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("\b\n", "")
    escaped = escaped.replace("'", r"\(aq").replace("`", r"\(ga").replace("^", r"\(ha")
    return "\n".join(rf"\&{line}" if line[:1] == "." else line for line in escaped.split("\n"))


def _rich(text: str) -> str:
    """Escape prose, with flags and `code` in bold."""
    marked = _CODE.sub(lambda m: f"\0{m[1]}\1", text)
    marked = _FLAG.sub(lambda m: f"\0{m[1]}\1", marked) if "\0" not in marked else marked
    return _text(marked).replace("\0", r"\fB").replace("\1", r"\fP")
