"""The types of a record, for type checkers and `emocli schema`; records stay plain dicts."""

from __future__ import annotations

from typing import Any, TypedDict

from emocli.records.instruction_types import Instruction
from emocli.records.label_types import Annotation, Cause, Label, Shares
from emocli.records.media_types import ArrayReference, Audio, Eeg, Prepared, Sampled, Video

Record = dict[str, Any]  # what stages pass on: an `Utterance` and the fields of other tools


class Feature(TypedDict, total=False):
    """The output of an encoder for one stream: `vector` inline, or `array` in the store."""

    modality: str
    encoder: str
    revision: str | None
    layer: int | list[int] | None  # None if the encoder has no layers
    layer_weights: list[float]  # shares of the layers, of which there is the mean
    pooling: str
    dim: int
    adapter: str  # low-rank adapter that was added to the encoder's weights
    level_dbfs: float  # RMS to which the audio was normalised; absent: it was not
    context: int  # number of preceding turns that were encoded with the record's own
    prepared: Prepared  # how the EEG was cleaned
    channels: list[str]  # electrodes, in the order of the features
    bands: dict[str, list[float]]  # Hz, by name
    sampled: Sampled  # which frames of the film were looked at
    normalized: str  # field that groups the z-scores, such as `speaker`; absent: no z-scores
    warning: str
    vector: list[float]
    array: ArrayReference
    streams: list[str]  # of `fused`: the streams that were used
    masked_frames: dict[str, int]  # of `fused`: number of masked frames by stream
    gates: dict[str, dict[str, float]]  # of `fused`: the gate weights of the model


class Vowel(TypedDict, total=False):
    """One vowel of an utterance; `phone` is IPA, null for a syllable found without a transcript."""

    phone: str | None
    word: str | None
    start: float
    end: float
    stress: int | None
    duration: float
    f0_mean_hz: float
    f0_slope_st_per_s: float
    f0_sd_st: float
    f0_range_st: float
    intensity_mean_db: float
    intensity_sd_db: float
    f1_hz: float
    f2_hz: float
    f3_hz: float
    levels: dict[str, str | None]


class Prosody(TypedDict, total=False):
    """The prosody of an utterance: measurements, levels, and a description in words.

    Intensities are of the sounding part, which is within 25 dB of the loudest; pauses do not count.
    Pitch below `pitch_floor_hz` is not looked for: such frames count as unvoiced.
    """

    duration: float
    f0_mean_hz: float
    f0_median_hz: float
    f0_sd_st: float
    f0_range_st: float
    f0_slope_st_per_s: float
    voiced_fraction: float
    intensity_mean_db: float
    intensity_sd_db: float
    intensity_range_db: float
    speech_rate_syll_per_s: float
    articulation_rate_syll_per_s: float
    pause_count: int | None
    pause_total: float
    vowel_rate_per_s: float
    jitter_local: float
    shimmer_local_db: float
    hnr_db: float
    alpha_ratio_db: float
    spectral_tilt_db_per_octave: float
    f1_mean_hz: float
    f2_mean_hz: float
    f3_mean_hz: float
    pitch_floor_hz: float
    pitch_ceiling_hz: float
    praat: str
    parselmouth: str
    vowels: list[Vowel]
    levels: dict[str, str | None]
    summary: str
    description: str | None
    norms: dict[str, Any]


class Word(TypedDict, total=False):
    """One word of the transcript, with its times."""

    text: str
    start: float
    end: float
    probability: float


class Phone(TypedDict, total=False):
    """One phone with its times; the nucleus of a syllable without a transcript has no `phone`."""

    phone: str | None  # IPA
    start: float
    end: float
    word: str | None
    is_vowel: bool
    stress: int | None  # of a vowel: 1, 2 or 0; None if unknown
    original: str  # the symbol of the source, if it differs


class Prediction(TypedDict, total=False):
    """The prediction of a model; probabilities sum to one, unless several labels may be true."""

    emotion: str | None  # of a blend the larger; None below --abstain, or without any labels
    probabilities: Shares
    confidence: float
    entropy: float  # nats; expected disagreement of raters: rater ambiguity
    prior: str | Shares  # class shares that are not the usual: train, uniform, or by label
    polarity: str  # this and the next: of `predict --instructed`, as the question spells them
    intent: str
    answer: str  # to the question in `instruction`, a label or words
    multi: list[str]
    causes: list[Cause]
    blend: Shares | None  # per cent, summing to 100; the larger first
    valence: float
    arousal: float
    dominance: float
    sentiment: float
    modalities: dict[str, float]  # the weight of each stream used
    original: dict[str, list[str]]  # what a published classifier calls labels, where it differs
    left_out: dict[str, float]  # the share of labels that are none of the seven, by name
    disagreement: dict[str, float]  # of each stream, Jensen-Shannon, bits: modality ambiguity
    gates: dict[str, dict[str, float]]  # the gate weights of the model
    masked_frames: dict[str, int]  # by stream: frames that are no numbers
    warnings: dict[str, str]  # by stream: what its encoder had to say of it
    explanation: str
    prompting: dict[str, Any]  # of a language model: template, its sha256, decode, prior, ...
    prompt: str  # what it was asked, if that is to be kept
    model: str
    calibrated: bool
    calibrated_on: str  # what its calibration was fitted on, if that is known


class Problem(TypedDict):
    """Why something failed: `code` is for scripts, `hint` for people."""

    stage: str
    code: str
    message: str
    hint: str


class Missing(Problem, total=False):
    """Why a modality is missing; with `stream`, only this stream of it is."""

    stream: str


class Description(TypedDict, total=False):
    """What a machine wrote about a stream of a record, or about all of them."""

    text: str
    by: str  # the model that wrote it, or "emocli" with what it was measured by
    synthetic: bool
    prompt: str  # digest of what the model was asked
    label: str  # the label that it was told


class Utterance(TypedDict, total=False):
    """One utterance."""

    id: str
    path: str | dict[str, str]
    start: float
    end: float
    speaker: str | None  # None: a mixture of several speakers
    dialogue: str
    turn: int
    stimulus: str  # what was shown or played, the same for all who saw or heard it
    trial: str  # the presentation of a stimulus to a speaker; its windows stay in one split
    context: list[dict[str, Any]]  # the preceding turns {speaker, text}, the oldest first
    dataset: str
    split: str
    language: str
    language_probability: float  # of `language`, where it was heard or read, not given
    audio: Audio
    eeg: Eeg
    video: Video
    text: str
    words: list[Word]
    transcript: dict[str, Any]
    phones: list[Phone]
    alignment: dict[str, Any]  # aligner, model, version, language, guessed_words, ...
    prosody: Prosody
    features: dict[str, Feature]
    label: Label
    label_space: dict[str, list[str]]  # what a corpus lets choose from, by field of `label`
    corpus: str  # the part of a collection that a record is of
    descriptions: dict[
        str, Description
    ]  # by what is described: audio, image, or a field of `label`
    annotations: list[Annotation]
    instruction: Instruction
    condition: dict[str, Any]  # what emocli augment left out on purpose
    augmented: dict[str, Any]  # the source records, and how it was made of them
    unimodal: dict[str, Prediction]
    prediction: Prediction
    missing: dict[str, Missing]
    error: Problem
