"""Draw the README's pictures: what predict shows of a clip, and how it is said, by plot."""

import io
import re
import subprocess
import sys
from pathlib import Path

import orjson
from rich.console import Console

from emocli.bundles import bundle
from emocli.cli.prediction import show_prediction

HERE = Path(__file__).parent
CLIP = "examples/clips/sadness.flac"


def emocli(*arguments: str, stdin: bytes = b"") -> bytes:
    """Run a command in the project's folder; return what it writes."""
    command = [sys.executable, "-m", "emocli", *arguments]
    return subprocess.run(
        command, cwd=HERE.parent, input=stdin, capture_output=True, check=True
    ).stdout


def prosody() -> None:
    """Write examples/prosody.png, in few colours, so that it stays small."""
    from PIL import Image

    record = emocli("align", "--quiet", "--transcripts", "examples/clips", CLIP)
    for command in ("prosody", "predict"):
        record = emocli(command, "--quiet", stdin=record)
    picture = Image.open(io.BytesIO(emocli("plot", "prosody", "-o", "-", stdin=record)))
    picture.convert("RGB").quantize(64).save(HERE / "prosody.png", optimize=True)


def predicted() -> None:
    """Write examples/predict.svg."""
    line = emocli("predict", "--json", "--quiet", CLIP)
    console = Console(file=io.StringIO(), record=True, width=80, highlight=False)
    console.print(f"[bold]$[/] emocli predict {CLIP}\n")
    labels = bundle.read("default").labels
    show_prediction(orjson.loads(line), labels, console)
    picture = console.export_svg(title="emocli", unique_id="emocli")
    # Fonts of the reader's own machine: a picture should fetch nothing.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    picture = "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"
    (HERE / "predict.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    predicted()
    prosody()
