"""A trained model as annotator: labels drawn from what it predicts, with personas and heat."""

from __future__ import annotations

from collections.abc import Iterator

from emocli import pipeline
from emocli.bundles import bundle
from emocli.errors import RecordError
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records import Record
from emocli.stages.annotate.raters import Answer, Question


class Sampled:
    """Draws from `prediction`: of the bundle named, else of whatever model is there."""

    prompted = False

    def __init__(self, trained: bundle.Bundle, own: bool, labels: list[str] | None) -> None:
        self.trained, self.own, self.chosen = trained, own, labels

    def name(self, record: Record) -> str:
        """Return the name of the model that predicted, or is going to."""
        if self.predicted(record):
            return str(record["prediction"].get("model") or "prediction")
        return self.trained.name

    def predicted(self, record: Record) -> bool:
        """Say whether a record carries the prediction to draw from."""
        there = record.get("prediction")
        if not isinstance(there, dict) or not there.get("probabilities"):
            return False
        return not self.own or there.get("model") == self.trained.name

    def labels(self, record: Record) -> list[str]:
        """Return the labels chosen, else those of the prediction."""
        probabilities = (record.get("prediction") or {}).get("probabilities")
        if not isinstance(probabilities, dict) or not probabilities:
            raise RecordError(
                "no_probabilities",
                "the prediction has no probabilities to draw labels from",
                hint="a model trained on emotions has some",
            )
        if unknown := [label for label in self.chosen or [] if label not in probabilities]:
            raise RecordError(
                "unknown_label",
                f"--labels {unknown[0]} is no label of the prediction",
                hint=f"it has {', '.join(probabilities)}",
            )
        return self.chosen or list(probabilities)

    def ask(self, record: Record, question: Question) -> Answer:
        """Draw a label."""
        from emocli.llm import sampled

        shares = sampled.distribution(
            _of(record["prediction"]["probabilities"], question.labels),
            _alone(record, question.labels),
            question.persona.leans,
            question.temperature,
        )
        return Answer(question.labels[sampled.draw(shares, question.seed)])

    def close(self) -> None:
        """Nothing is held."""


def _of(probabilities: Record, labels: list[str]) -> list[float]:
    values = [probabilities[label] for label in labels]
    if not all(isinstance(v, int | float) and 0 <= v <= 1 for v in values):
        raise RecordError("bad_probabilities", f"not probabilities: {probabilities!r:.80}")
    return values


def _alone(record: Record, labels: list[str]) -> dict[str, list[float]]:
    """Return what each modality says alone, of the first stream of it that has every label."""
    found: dict[str, list[float]] = {}
    features, unimodal = record.get("features"), record.get("unimodal")
    for stream, said in unimodal.items() if isinstance(unimodal, dict) else ():
        feature = features.get(stream) if isinstance(features, dict) else None
        modality = str(feature.get("modality")) if isinstance(feature, dict) else stream
        probabilities = said.get("probabilities") if isinstance(said, dict) else None
        if isinstance(probabilities, dict) and all(label in probabilities for label in labels):
            found.setdefault(modality, _of(probabilities, labels))
    return found


def predicting(context: Context, annotator: Sampled, n: int, window: Window) -> pipeline.Stage:
    """Return the stage that predicts what labels are drawn from, where it is not there yet."""
    made: list[pipeline.Stage] = []

    def wanted(record: Record) -> bool:
        return n > 0 and not record.get("error") and not annotator.predicted(record)

    def predict(records: list[Record]) -> Iterator[Record]:
        if not made:  # torch is imported for records that need it only
            from emocli.stages import predict

            made.append(predict.stage(context, annotator.trained))
        yield from made[0](iter(records))

    def through(records: Iterator[Record]) -> Iterator[Record]:
        for first in records:
            members = list(window.take(first, records, lambda record: record))
            needy = [wanted(record) for record in members]
            chosen = [r for r, needs in zip(members, needy, strict=True) if needs]
            predicted = predict(chosen) if chosen else iter(())
            for record, needs in zip(members, needy, strict=True):
                yield next(predicted) if needs else record

    return through
