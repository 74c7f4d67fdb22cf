"""The card of a trained model, and its held-out metrics as text."""

from __future__ import annotations

import torch

from emocli.bundles import heads
from emocli.records import Record


def summary(metrics: Record) -> str:
    """Return the dev metrics as text: "UAR 0.712", with mean and SD over seeds."""
    names = {"dev_uar": "UAR", "dev_jsd_bits": "JSD (bits)", "dev_ccc": "CCC"}
    parts = [f"{word} {metrics[name]:.3f}" for name, word in names.items() if name in metrics]
    if "seeds" in metrics:
        for name, word in names.items():
            values = [
                figures[name.removeprefix("dev_")]
                for figures in metrics["seeds"].values()
                if name in metrics
            ]
            if values:
                spread = torch.tensor(values).std().item()
                parts.append(
                    f"{word} of {len(values)} seeds {sum(values) / len(values):.3f}"
                    f" (SD {spread:.3f})"
                )
    return ", ".join(parts)


def trained_on(training: Record) -> str:
    """Return the number of records that were trained on: "76 of 96 records".

    >>> trained_on({"records": 96, "held_out": 20}), trained_on({"records": 96})
    ('76 of 96 records', '96 records')
    """
    records, held_out = training["records"], training.get("held_out", 0)
    return f"{records - held_out} of {records} records" if held_out else f"{records} records"


def card(contents: Record) -> str:
    """Return the model card."""
    training, metrics = contents["training"], contents["metrics"]
    data = ", ".join(f"{name} ({n})" for name, n in training["datasets"].items())
    streams = "\n".join(
        f"- `{name}`: {spec['encoder']}, layer {spec['layer']}, {spec['pooling']}, {spec['dim']}"
        for name, spec in contents["streams"].items()
    )
    answers = ", ".join(
        f"{head.target} ({', '.join(head.labels)})" if head.labels else head.target
        for head in heads.of(contents)
    )
    return (
        f"# {contents['name']}\n\nTrained by `emocli train` on {trained_on(training)} of"
        f" {training['groups']} speakers or dialogues: {data}.\n\n"
        f"Answers: {answers}.\n\nStreams:\n{streams}\n\n"
        f"Held out: {metrics['dev_records']} records, {summary(metrics)}"
        " (they also chose the epoch and the calibration, so these figures are optimistic).\n\n"
        "The terms of the training data hold for these weights as well.\n"
    )
