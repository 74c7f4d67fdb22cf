"""Published classifiers: checkpoints of transformers whose heads answer texts, sounds, pictures.

What a checkpoint takes and answers stands in its config.json: `architectures`, `id2label`,
`problem_type`; see https://huggingface.co/docs/transformers/main_classes/configuration. `about`
reads it, without torch. A file here loads a kind of head; it has
    encoder(folder, settings) -> Encoder   of inputs as the encoders of its modality take them
and of pictures FACES, of films `sampled`, as families of `emocli.encoders` have them.

What an encoder gives is a vector (columns,) for each input, which is called `logits`: of one label
out of several the log-probabilities, which differ from what the head says by a constant; of several
labels at a time the log-odds of each; of regression heads the numbers.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from emocli.encoders import weight_files
from emocli.errors import ConfigError

LOGITS = "logits"  # the pooling that asks for the answers of a head
CLASSES, SEVERAL, NUMBERS = "classes", "several", "numbers"  # what heads answer
PROBLEMS = {
    "single_label_classification": CLASSES,
    "multi_label_classification": SEVERAL,
    "regression": NUMBERS,
}
DIMENSIONS = ("valence", "arousal", "dominance", "sentiment")  # which are numbers, never classes
# Networks of sound whose heads are called ForSequenceClassification.
OF_SOUND = (
    "data2vec-audio", "hubert", "sew", "sew-d", "unispeech", "unispeech-sat", "wav2vec2",
    "wav2vec2-bert", "wav2vec2-conformer", "wavlm", "whisper",
)  # fmt: skip
# By the end of an architecture's name: the file here that loads it, and its modality.
KINDS = {
    "ForSpeechClassification": ("speech_head", "audio"),
    "ForAudioClassification": ("sound", "audio"),
    "ForImageClassification": ("pictures", "video"),
    "ForVideoClassification": ("clips", "video"),
    "ForSequenceClassification": ("words", "text"),
}
LANGUAGE = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
NO_NAME = re.compile(r"LABEL_\d+")
MOST = 10_000  # labels (our choice): vocabularies have more


@dataclass(frozen=True)
class About:
    """What the config.json of a checkpoint says of its head."""

    folder: Path
    architecture: str
    kind: str  # the file here that loads it
    modality: str
    problem: str  # CLASSES, SEVERAL or NUMBERS
    names: tuple[str, ...]  # of the columns, as the checkpoint calls them

    @property
    def what(self) -> str:
        """What it is, for messages."""
        return f"a checkpoint of {self.architecture}"

    @property
    def nameless(self) -> bool:
        """Whether its labels are LABEL_0, LABEL_1, ..., which say nothing."""
        return any(NO_NAME.fullmatch(name) for name in self.names)


def is_checkpoint(config: Mapping[str, Any]) -> bool:
    """Say whether a config.json is one of transformers, rather than that of a bundle."""
    return "format" not in config and bool(config.keys() & {"model_type", "architectures"})


def about(folder: Path) -> About:
    """Return what a folder's config.json says; ConfigError if there is no head that can be read."""
    if not weight_files.is_there(folder / "config.json"):
        raise ConfigError(f"{folder} is not a checkpoint of transformers: no config.json")
    config = weight_files.json_object(folder / "config.json")
    if config.get("auto_map"):
        message = f"{folder} needs code of its own (auto_map in config.json), which is never run"
        raise ConfigError(message, hint="a checkpoint of an architecture of transformers")
    architecture = _architecture(folder, config)
    ending = next((end for end in KINDS if architecture.endswith(end)), None)
    if ending is None:
        raise _no_head(folder, architecture)
    kind, modality = KINDS[ending]
    if kind == "words" and config.get("model_type") in OF_SOUND:
        kind, modality = "sound", "audio"
    names = _names(folder, config)
    return About(folder, architecture, kind, modality, _problem(folder, config, names), names)


def _architecture(folder: Path, config: Mapping[str, Any]) -> str:
    listed = config.get("architectures")
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], str):
        message = f"{folder}/config.json names no architecture: it does not say which head it has"
        raise ConfigError(message, hint="encode --encoder takes the features of such a model")
    return str(listed[0])


def _no_head(folder: Path, architecture: str) -> ConfigError:
    if architecture.endswith(LANGUAGE):
        message = f"{folder} is a language model ({architecture}): no head classifies"
        return ConfigError(message, hint=f"predict --llm {folder} asks it")
    message = f"{folder} has no head that classifies: {architecture}"
    hint = "encode --encoder takes its features, train makes a head"
    return ConfigError(message, hint=hint)


def _names(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the columns, in order; transformers' own where config.json has none."""
    said, count = config.get("id2label"), config.get("num_labels", 2)
    if said is None and isinstance(count, int) and 1 <= count <= MOST:
        return tuple(f"LABEL_{number}" for number in range(count))
    if isinstance(said, dict) and 1 <= len(said) <= MOST:
        by_number = {str(number): str(name).strip() for number, name in said.items()}
        names = tuple(by_number.get(str(number), "") for number in range(len(by_number)))
        if all(names):
            return names
    message = f"{folder}/config.json: id2label does not name each label: {said!r:.80}"
    raise ConfigError(message, hint=weight_files.AGAIN)


def _problem(folder: Path, config: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return what a head answers: as it says, else by its labels.

    A single column is a number, as training with transformers takes it, and so are valence,
    arousal and dominance (our choice): they are no alternatives.
    """
    said = config.get("problem_type")
    if said is None:
        is_number = len(names) == 1 or all(name.casefold() in DIMENSIONS for name in names)
        return NUMBERS if is_number else CLASSES
    if said not in PROBLEMS:
        message = f"{folder}/config.json: problem_type {said!r:.60} is none of transformers"
        raise ConfigError(message, hint=f"one of {', '.join(PROBLEMS)}")
    if PROBLEMS[said] == CLASSES and len(names) == 1:
        raise ConfigError(f"{folder}/config.json: one label ({names[0]}) is no choice")
    return PROBLEMS[said]


def of(folder: Path, modality: str) -> ModuleType:
    """Return the file that loads the head in a folder; ConfigError for one of another modality."""
    found = about(folder)
    if found.modality != modality:
        message = f"{folder} is not a classifier of {modality}, but of {found.modality}"
        raise ConfigError(message, hint=f"--modality {found.modality}: {found.architecture}")
    return importlib.import_module(f"{__name__}.{found.kind}")
