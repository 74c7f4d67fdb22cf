"""The one table of the names that columns of tables may have, beside the names of fields.

Our choice: names that mean one thing in most tables. What a column becomes is said in `columns`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Case, blanks, `-` and `_` do not matter.
_SYNONYMS = {
    "path": "file, filename, filepath, wav, wavfile, wavpath, audio, audiofile, audiopath, "
    "video, videofile, videopath, clip, recording",
    "start": "begin, onset",
    "end": "offset",
    "text": "utterance, sentence, transcript, transcription",
    "speaker": "speakerid, subject, subjectid, participant, participantid, author, sender",
    "dialogue": "dialogueid, dialog, dialogid, conversation, conversationid",
    "stimulus": "stimulusid, stimulusfile, stim, stimid, stimfile",
    "trial": "trialid, trialno, trialnumber, trialindex",
    "language": "lang",
    "label.emotion": "emotion, label",
    "label.valence": "valence",
    "label.arousal": "arousal",
    "label.dominance": "dominance",
    "prediction.emotion": "prediction, predicted",
}
# Beside a recording these are about it, not what is said: text in tables without paths only.
_WRITTEN = {"text": "message, comment, tweet, content, body"}
# In a table that `predict --format csv` wrote (`confidence` and `p_joy`), the rest is predicted.
_PREDICTED = {
    "prediction.emotion": "emotion",
    "prediction.confidence": "confidence",
    "prediction.entropy": "entropy",
    "prediction.valence": "valence",
    "prediction.arousal": "arousal",
    "prediction.dominance": "dominance",
    "prediction.sentiment": "sentiment",
    "error.message": "error",
}
PROBABILITY = "p_"  # begins the name of a column of probabilities


def _words(table: Mapping[str, str]) -> dict[str, str]:
    return {word: field for field, words in table.items() for word in words.split(", ")}


SYNONYMS, WRITTEN, PREDICTED = _words(_SYNONYMS), _words(_WRITTEN), _words(_PREDICTED)


def described() -> dict[str, str]:
    """Return the names that a column of each field may have, for help pages."""
    names = dict(_SYNONYMS)
    names["text"] += f"; in a table without a path: {_WRITTEN['text']}"
    return names


def squeezed(name: str) -> str:
    """Return the name of a column without what does not matter.

    >>> squeezed(" File-Name"), squeezed("Dialogue_ID")
    ('filename', 'dialogueid')
    """
    return re.sub(r"[\s_-]", "", name.casefold())
