"""A model of a server as annotator: it reads the words of a record, or hears its recording."""

from __future__ import annotations

import base64
import io
import wave
from typing import TYPE_CHECKING, Any

from emocli.modalities import audio
from emocli.records import Record
from emocli.stages.annotate.asking import Answer, Question
from emocli.stages.annotate.audio import require_sound
from emocli.stages.annotate.text import require_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emocli.io.store import Store
    from emocli.stages.language_server import Served

HEARD_S = 30  # seconds of a recording that are sent, as many as models in a folder hear
FULL_SCALE = 32767  # of 16 bits


class ServedModel:
    """A model of a server, several questions at once; with a `store` it hears, else it reads."""

    prompted = True

    def __init__(self, served: Served, labels: list[str], store: Store | None = None) -> None:
        self.served, self.chosen, self.store = served, labels, store
        self.concurrency = served.concurrency
        self.deaf = store is None

    def name(self, _record: Record) -> str:
        """Return the model and where it is served."""
        return f"{self.served.server.model}@{self.served.server.url}"

    def labels(self, _record: Record) -> list[str]:
        """Return the labels that it may choose from."""
        return self.chosen

    def ask(self, record: Record, question: Question) -> Answer:
        """Return the model's answer to a question about what was said."""
        from emocli.llm.one_answer import MAX_ANSWER_TOKENS

        found = self.served.server.complete(
            self._messages(record, question),
            tokens=MAX_ANSWER_TOKENS,
            temperature=question.temperature,
            seed=question.seed,
        )
        cost = {**found.cost, "seconds": round(found.seconds, 3)}
        return Answer(found.text, cost, found.seconds)

    def _messages(self, record: Record, question: Question) -> list[dict[str, Any]]:
        """Return the conversation; RecordError for a record without what it is to judge by."""
        from emocli.llm import audio_annotator, text_annotator

        if self.store is None:
            require_words(record)
            return text_annotator.messages(question.prompt)
        require_sound(record)
        samples = audio.samples(record, self.store)[: HEARD_S * audio_annotator.SAMPLE_RATE_HZ]
        sound = base64.b64encode(_wav(samples, audio_annotator.SAMPLE_RATE_HZ)).decode()
        heard = {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}}
        asked = [heard, {"type": "text", "text": question.prompt}]
        return [
            {"role": "system", "content": audio_annotator.SYSTEM},
            {"role": "user", "content": asked},
        ]

    def close(self) -> None:
        """Do nothing: connections end with their answers."""


def _wav(samples: NDArray[Any], rate_hz: int) -> bytes:
    """Return samples (time,) in [-1, 1] as a WAV file of 16 bits."""
    import numpy as np

    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(rate_hz)
        whole = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE)
        written.writeframes(whole.astype("<i2").tobytes())
    return file.getvalue()
