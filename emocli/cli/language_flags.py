"""Flags about what a language model is asked: name, type, help; and the predictor they make."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer
from click.core import ParameterSource

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
    typer.Option(metavar="A,B,...", help="Labels for --llm; of a checkpoint: common, original."),
]
Context = Annotated[
    int, typer.Option(metavar="TURNS", help="Preceding turns of the dialogue, for --llm.")
]
Prosody = Annotated[
    str, typer.Option(metavar="none|summary|terse|full", help="The voice in words, for --llm.")
]


Control = Annotated[
    str | None,
    typer.Option(metavar="none|random", help="What stands in place of the soft tokens of --model."),
]


Instructed = Annotated[
    bool, typer.Option("--instructed", help="Answer what records of `instruct` ask.")
]


def asked(trained: Bundle, *, instructed: bool) -> Bundle:
    """Return a predictor that answers the questions of records, if so; UsageError for others."""
    if instructed and trained.kind != LANGUAGE:
        raise UsageError("--instructed: only a language model answers questions", hint="--llm")
    return dataclasses.replace(trained, instructed=instructed)


def decoding(trained: Bundle, decode: str) -> Bundle:
    """Return a predictor that answers as the command line says, if it does."""
    context = click.get_current_context()
    if context.get_parameter_source("decode") is not ParameterSource.COMMANDLINE:
        return trained
    if trained.kind != LANGUAGE:
        raise UsageError(f"--decode {decode}: only a language model does", hint="--llm names one")
    from emocli.bundles import language

    return language.decoded(trained, decode)


def controlled(trained: Bundle, control: str | None) -> Bundle:
    """Return a predictor with a control in place of its soft tokens; UsageError without any."""
    if control is None:
        return trained
    if control not in CONTROLS:
        raise UsageError(f"--control {control:.40}: not one of {', '.join(CONTROLS)}")
    if "soft" not in trained.contents:
        raise UsageError("--control: the model has no soft tokens", hint="train --soft makes some")
    return dataclasses.replace(trained, control=control)


LANGUAGE = "language"  # as in emocli.bundles.bundle, which is not light
CONTROLS = ("none", "random")
ASKED = ("template", "labels", "context", "prosody")  # what bundles decide
PRIORS = ("sentences", "content-free", "none")  # of --llm; the others are class shares


def predictor(llm: str, template: str, labels: str | None, **more: Any) -> Bundle:
    """Return the predictor that asks a language model; see `bundles.language.zero_shot`."""
    from emocli.bundles import language

    return language.zero_shot(
        llm, template, labels=None if labels is None else listed(labels), **more
    )


def listed(labels: str) -> list[str]:
    """Return the labels that a flag lists."""
    return [label.strip() for label in labels.split(",")]


def require_unsaid(model: str, but: str = "", prior: str | None = None) -> None:
    """Raise UsageError if the command line says how --llm is asked, and a bundle is taken."""
    for name in (*ASKED, *(["prior"] if prior in PRIORS else [])):
        if name != but and is_said(name):
            hint = f"--model {model} is used as it was trained; without --llm, leave it out"
            raise UsageError(f"--{name} says how --llm is asked", hint=hint)


def require_no_server(*names: str) -> None:
    """Raise UsageError if the command line has flags of servers, and none is asked."""
    for name in names:
        if is_said(name):
            raise UsageError(f"--{name} is about a server", hint="--llm-url URL names one")


def require_words(decode: str, prior: str | None, abstain: float) -> None:
    """Raise UsageError for flags about the probabilities that answers of servers lack."""
    of_numbers = {
        "--decode thought": decode == "thought",
        f"--prior {prior}": prior == "content-free",
        f"--abstain {abstain:g}": abstain > 0,
    }
    for flag, wanted in of_numbers.items():
        if wanted:
            raise UsageError(f"{flag} with --llm-url: answers of servers have no probabilities")


def is_said(name: str) -> bool:
    """Say whether the command line has a flag, whatever its value."""
    source = click.get_current_context().get_parameter_source(name)
    return source is ParameterSource.COMMANDLINE


def only(llm: str, model: str) -> UsageError:
    """Return the error of two predictors."""
    return UsageError(f"--llm {llm} and --model {model}: only one of them predicts")
