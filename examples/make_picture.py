"""Draw examples/predict.svg: what `emocli predict` shows of a clip on a terminal."""

import io
import re
import subprocess
import sys
from pathlib import Path

import orjson
from rich.console import Console

from emocli import bundle
from emocli.commands._table import show_prediction

HERE = Path(__file__).parent
CLIP = "examples/clips/sadness.flac"


def main() -> None:
    """Predict the clip and write the picture."""
    command = [sys.executable, "-m", "emocli", "predict", "--json", "--quiet", CLIP]
    done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, check=True)
    console = Console(file=io.StringIO(), record=True, width=80, highlight=False)
    console.print(f"[bold]$[/] emocli predict {CLIP}\n")
    labels = bundle.read("default").labels
    show_prediction(orjson.loads(done.stdout), labels, console)
    picture = console.export_svg(title="emocli", unique_id="emocli")
    # Fonts of the reader's own machine: a picture should fetch nothing.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    picture = "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"
    (HERE / "predict.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
