"""A trained model as annotator: labels sampled from its predictions by persona and temperature."""

from __future__ import annotations

from collections.abc import Iterator

from emocli import pipeline
from emocli.bundles import bundle
from emocli.errors import RecordError
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records import Record, label_reading
from emocli.stages.annotate.asking import Answer, Question


class Sampled:
    """Samples from `prediction`: that of the bundle if one is named, else that of any model."""

    prompted = False
    deaf = False
    concurrency = 1

    def __init__(self, trained: bundle.Bundle, named: bool, labels: list[str] | None) -> None:
        self.trained, self.named, self.chosen = trained, named, labels

    def name(self, record: Record) -> str:
        """Return the name of the model that predicted, or will predict, the record."""
        if self.predicted(record):
            return str(record["prediction"].get("model") or "prediction")
        return self.trained.name

    def predicted(self, record: Record) -> bool:
        """Say whether a record has the prediction to sample from."""
        prediction = record.get("prediction")
        if not isinstance(prediction, dict) or not prediction.get("probabilities"):
            return False
        return not self.named or prediction.get("model") == self.trained.name

    def labels(self, record: Record) -> list[str]:
        """Return the labels chosen, else those of the prediction."""
        given = label_reading.side(record.get("prediction"), "prediction")
        probabilities = label_reading.numbers(given, "probabilities", "prediction")
        if not probabilities:
            raise RecordError(
                "no_probabilities",
                "the prediction has no probabilities to sample labels from",
                hint="use a model with a head of emotions",
            )
        if unknown := [label for label in self.chosen or [] if label not in probabilities]:
            raise RecordError(
                "unknown_label",
                f"--labels: unknown label {unknown[0]}",
                hint=f"the prediction has {', '.join(probabilities)}",
            )
        return self.chosen or list(probabilities)

    def ask(self, record: Record, question: Question) -> Answer:
        """Sample a label."""
        from emocli.llm import sampled

        shares = sampled.distribution(
            _values(record["prediction"]["probabilities"], question.labels),
            self._unimodal(record, question.labels),
            question.persona.leans,
            question.temperature,
        )
        return Answer(question.labels[sampled.draw(shares, question.seed)])

    def _unimodal(self, record: Record, labels: list[str]) -> dict[str, list[float]]:
        """Return the unimodal probabilities by modality: of its first stream with every label."""
        by_modality: dict[str, list[float]] = {}
        unimodal = record.get("unimodal")
        for stream, prediction in unimodal.items() if isinstance(unimodal, dict) else ():
            probabilities = (
                prediction.get("probabilities") if isinstance(prediction, dict) else None
            )
            if isinstance(probabilities, dict) and all(label in probabilities for label in labels):
                modality = self._modality(record, stream)
                by_modality.setdefault(modality, _values(probabilities, labels))
        return by_modality

    def _modality(self, record: Record, stream: str) -> str:
        """Return the modality of a stream: as its features say, else as the model does."""
        features = record.get("features")
        described = features.get(stream) if isinstance(features, dict) else None
        if not isinstance(described, dict):
            known = record["prediction"].get("model") == self.trained.name
            streams = self.trained.contents.get("streams") or {}  # a language model has none
            described = streams.get(stream, {}) if known else {}
        return str(described.get("modality") or stream)

    def close(self) -> None:
        """Do nothing: it holds no resources."""


def _values(probabilities: Record, labels: list[str]) -> list[float]:
    values = [probabilities[label] for label in labels]
    if not all(isinstance(v, int | float) and 0 <= v <= 1 for v in values):
        raise RecordError("bad_probabilities", f"not probabilities: {probabilities!r:.80}")
    return values


def predicting(context: Context, annotator: Sampled, n: int, window: Window) -> pipeline.Stage:
    """Return the stage that adds the predictions to sample from to records that lack them."""
    stages: list[pipeline.Stage] = []

    def wanted(record: Record) -> bool:
        return n > 0 and not record.get("error") and not annotator.predicted(record)

    def predict(records: list[Record]) -> Iterator[Record]:
        if not stages:  # torch is imported only for records that need it
            from emocli.stages import predict

            stages.append(predict.stage(context, annotator.trained))
        yield from stages[0](iter(records))

    def through(records: Iterator[Record]) -> Iterator[Record]:
        for first in records:
            members = list(window.take(first, records))
            needy = [wanted(record) for record in members]
            chosen = [r for r, needs in zip(members, needy, strict=True) if needs]
            predicted = predict(chosen) if chosen else iter(())
            for record, needs in zip(members, needy, strict=True):
                yield next(predicted) if needs else record

    return through
