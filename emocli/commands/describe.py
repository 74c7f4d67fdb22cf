"""Describe face and voice in words, and let a model put them together with the label.

Reads what was measured: `prosody` (emocli prosody) and the expression of the judged face over time
(emocli encode --modality video --pooling frames, the net face-expression). Adds `descriptions`:
image (the expression in words, second by second) and audio (prosody.summary), each with text, by
(what measured it) and synthetic; and video.peak, the frame in which the probability of another
expression than neutral is largest: time in seconds, intensity, emotion, index in video.times.
Streams. A record of which nothing was measured fails.

With --llm or --llm-url a model is told these facts, the words and the label (label.original, else
emotion, polarity, intent or multi), and writes one description of them all, greedily, under the
kind of the label (descriptions.emotion). It has the model under by, the digest of the template
under prompt, and the label that it was told. `instruct --task reason,think,audio,image` learns from
all of them. It knew the label: what it writes is no evidence, and small models write what is not
so. --template FILE is a TOML file with system, user and ask, like emocli/llm/consolidator.toml.

How a server is asked, tried again and given its key is as in emocli-predict(1).

Example:
    emocli prosody clips.jsonl | emocli encode --modality video --pooling frames | emocli describe
    emocli describe measured.jsonl --llm-url http://127.0.0.1:8000/v1 > described.jsonl
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emocli.cli import flags, options
from emocli.stages import describe

Llm = Annotated[
    str | None,
    typer.Option(
        "--llm", metavar="NAME", help="Write with this model: a name, a folder, a GGUF file."
    ),
]
Template = Annotated[
    Path | None, typer.Option("--template", metavar="FILE", help="What the model is asked (TOML).")
]


@options.filter("store", "device")
def command(
    run: options.Run,
    llm: Llm = None,
    llm_url: flags.LlmUrl = None,
    timeout: flags.Timeout = 60.0,
    template: Template = None,
) -> int:
    """Describe face and voice in words, and let a model put them together with the label."""
    writer = describe.writer(run.context, llm, llm_url, timeout_s=timeout, template=template)
    return run.through(describe.stage(run.context, writer))
