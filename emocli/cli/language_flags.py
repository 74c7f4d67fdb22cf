"""Flags about what a language model is asked: name, type, help; and the predictor they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from emocli.errors import UsageError

if TYPE_CHECKING:
    from emocli.bundles.bundle import Bundle

Llm = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Ask this language model: a name, a folder, a GGUF file."),
]
Template = Annotated[
    str, typer.Option(metavar="NAME|FILE", help="How --llm is asked: a template, a TOML file.")
]
Labels = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="Labels for --llm (default: the template's)."),
]
Context = Annotated[
    int, typer.Option(metavar="TURNS", help="Preceding turns of the dialogue, for --llm.")
]
Prosody = Annotated[
    str, typer.Option(metavar="none|summary|terse|full", help="The voice in words, for --llm.")
]


def predictor(llm: str, template: str, labels: str | None, **more: Any) -> Bundle:
    """Return the predictor that asks a language model; see `bundles.language.zero_shot`."""
    from emocli.bundles import language

    listed = None if labels is None else [label.strip() for label in labels.split(",")]
    return language.zero_shot(llm, template, labels=listed, **more)


def only(llm: str, model: str) -> UsageError:
    """Return the error of two predictors."""
    return UsageError(f"--llm {llm} and --model {model}: only one of them predicts")
