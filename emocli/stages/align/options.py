"""The options of `align`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emocli.errors import UsageError

ALIGNERS = ("auto", "pocketsphinx", "ctc", "textgrid", "nuclei")


@dataclass(frozen=True)
class AlignOptions:
    """Which aligner, language and model to use, and the folders to read from."""

    aligner: str = "auto"
    language: str | None = None
    model: str | None = None
    textgrid: Path | None = None
    transcripts: Path | None = None
    max_misfit: float | None = None
    device: str = "auto"
    offline: bool = False

    @property
    def chosen(self) -> str:
        """The aligner to use; auto if that depends on the text of a record."""
        if self.aligner != "auto":
            return self.aligner
        if self.textgrid is not None:
            return "textgrid"
        return "auto" if self.model is None else "ctc"

    def check(self) -> None:
        """Raise UsageError for options that do not go together."""
        if self.aligner not in ALIGNERS:
            hint = f"one of {', '.join(ALIGNERS)}"
            raise UsageError(f"--aligner: unknown aligner {self.aligner}", hint=hint)
        if self.aligner == "ctc" and self.model is None:
            raise UsageError("--aligner ctc needs --model, a CTC model of phones or letters")
        if self.aligner == "textgrid" and self.textgrid is None:
            raise UsageError("--aligner textgrid needs --textgrid, a folder of alignments")
        for flag, folder in (("textgrid", self.textgrid), ("transcripts", self.transcripts)):
            if folder is not None and not folder.is_dir():
                raise UsageError(f"--{flag} {folder}: no such folder")
