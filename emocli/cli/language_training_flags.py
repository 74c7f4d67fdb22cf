"""Flags of `train --model language`: name, type, help."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from emocli.errors import UsageError

Backbone = Annotated[
    str | None, typer.Option(metavar="NAME|DIR", help="The language model of --model language.")
]
Objective = Annotated[
    str | None, typer.Option(metavar="sft|grpo", help="For language: answers (sft), or rewards.")
]
Template = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="For language: how it is asked.")
]
Labels = Annotated[
    str | None, typer.Option(metavar="A,B,...", help="For language: labels to choose from.")
]
Context = Annotated[
    int | None, typer.Option(metavar="TURNS", min=0, help="For language: preceding turns.")
]
Prosody = Annotated[
    str | None,
    typer.Option(
        metavar="none|summary|terse|full", help="For language: what is told of the voice."
    ),
]
Soft = Annotated[
    str | None,
    typer.Option(metavar="STREAM=K,...|SYSTEM|FILE", help="For language: features as soft tokens."),
]
Rationale = Annotated[
    str | None,
    typer.Option(
        metavar="template|FIELD|none", help="For language: the thought before the answer."
    ),
]
Start = Annotated[
    Path | None, typer.Option(metavar="BUNDLE", help="For language: train its adapter further.")
]
Budget = Annotated[
    float | None, typer.Option(metavar="MINUTES", help="For language: the time to train for.")
]


OTHERS = ("loss", "modality_dropout")  # flags of [training] that only other models have


def require_unsaid(flags: Mapping[str, Any]) -> None:
    """Raise UsageError for a flag that was given, and says nothing to a language model."""
    for name in OTHERS:
        if flags[name] is not None:
            hint = "its settings stand in the table [training] of --config"
            raise UsageError(f"--{name.replace('_', '-')} is not for --model language", hint=hint)
