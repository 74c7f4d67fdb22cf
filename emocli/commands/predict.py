"""Predict the emotion of a clip, a sentence or a record, with a probability for each label.

Reads media files, text, or records from any stage of the pipe; what the model needs and a record
lacks is computed in this process. Adds `prediction`: emotion, probabilities, confidence, entropy
(in nats: how much people would disagree), modalities (the weight of each stream used), model; where
there are any, gates of the model, masked_frames and warnings by stream. Streams, in batches.

A recording longer than 30 s that has no times, text, label or features of its own becomes a record
per utterance, "ID#start-end" with `start` and `end`: it is cut at pauses, in segments of at most
30 s, while it is read. --segment none keeps recordings whole, vad cuts short ones as well, and a
number cuts every so many seconds. A recording in which nobody speaks stays one record with a note
in `missing.audio` (no_speech).

A recording of EEG longer than 30 s is cut every 10 s; --segment annotations, events or windows
(4 s, every 2 s) cuts it by its own marks, a number every so many seconds; never at pauses. It is
cleaned as those that the model was trained on, and a model of windows relative to the subject
(normalize) takes them relative to the whole recording: `eeg.normalized` says recording.

--segments FILE cuts where an RTTM, SRT, WebVTT, TextGrid (FILE.TextGrid:TIER) or CSV (path, start,
end, speaker, ...) says, and adds its speaker and text. RTTM and CSV name their recordings; the
other formats are of one. What does not fit is told: times beyond the end, overlapping turns,
recordings that are not in the input.

The default model sees as well: of a film or a picture the face that is most visible while somebody
speaks, in 2 frames a second (`video` says where and whose, `missing.video` no_face). It is a weak
judge, zero-shot, and weighs half as much as the voice: see the card. --modality audio,text leaves
it out, --modality video asks it alone; --strict-modalities then means these.

The default model judges a voice only where somebody speaks (`missing.audio` says no_speech
otherwise), and words only if they are English. The language is heard in the sound, or read in a
text whose record does not say it (nor --language): `language` and `language_probability`.

A model of blends adds `blend` in per cent, and `emotion` is the emotion with the larger share. A
model of valence, arousal, dominance or sentiment adds these; if it has no labels at all, `emotion`
is null. For models that also predict from each stream alone (`unimodal`), `disagreement` is the
distance of each of these predictions from `prediction`: the Jensen-Shannon divergence in bits, 0
where they are equal and 1 where they exclude each other.

A folder stands for the media files in it and in its folders. A recording on stdin is known by its
first bytes; its id and its path are <stdin>; a film there is heard, and not seen.

On a terminal up to four records are drawn with bars, more on a line each. The utterances of a
recording are lines with their times, and after the last one follows a strip of the whole. In a
pipe, or with --json, records are written. A pipe that idles gets its answers at once.

--model also takes a published classifier of transformers, by hub id (emocli models pull ORG/NAME)
or folder: of text, of sound, of pictures (the judged face) or of clips, also with several labels at
a time (`multi`) or valence, arousal and dominance. Its labels get our names where they mean one of
the seven (`original` says what it calls them); --labels common leaves others out, and `left_out`
says how likely they were; original keeps its own; --label-names names LABEL_0, LABEL_1, ... Of
several labels at a time `multi` has those of .5 and more, `emotion` is the likeliest, and the
probabilities do not add to one. Missing steps are run, a transcript for one of text. emocli
calibrate makes it `calibrated`.

--llm asks a language model instead: any causal model of the hub or in a folder, such as
smollm2-135m-instruct (emocli models pull smollm2-135m-instruct), or a GGUF file. Its prompt is a
template with role, labels and format, then --context turns of the dialogue, the words (transcribed
where there are none) and, with --prosody, the voice in words: a summary; full, with a clause for
each vowel; or terse, with what is very unusual of each, in a third of the tokens. --show-prompt
prints the first prompt, and keeps each in `prediction.prompt`. --labels A,B names other labels;
--template valence or sentiment asks for a number, a TOML file as it says. A bundle of `emocli
train --model language` (--model) is asked as it was trained, and refuses these flags.

--prior says how frequent each label is among these records: as it was in training (train), all
alike (uniform), as FILE says (JSON such as {"joy": 0.6, "anger": 0.4}, where a label that is left
out is never predicted; or labelled records, which are counted), or as the records themselves have
it (estimate). Probabilities are multiplied by this share over that in training and made to add to
one; `prediction.prior` says which shares, where the flag or the bundle names some.
estimate reads all records first, 200 at least, and finds the shares that make them likeliest (EM of
Saerens et al. 2002): for many records of a kind that the predictor knows. Of four corpora that the
text half had never seen, known shares (FILE) raised the accuracy with all; estimated ones helped
with one, and made the log loss of three far worse. Bundles of late fusion have this (of --llm,
--prior is other texts).

With --decode constrained each label gets its probability as a whole string, over a prior: the mean
of its log-probability over fourteen sentences of the template, two for each of seven emotions and
none of any data (--prior sentences), or over three texts that say nothing (content-free: N/A,
[MASK], ...), each in a prompt with the parts of the record's own; none subtracts nothing. With
--decode greedy the model thinks in words, which are kept in `explanation`; answers that name no
label are counted. With --decode thought it thinks in words, 160 tokens at most, and then each label
gets its probability as with constrained: no answer fails, and `explanation` is kept. With --decode
word it writes one label or number, or none. --decode also says how a bundle answers. A prompt that
is too long loses the oldest turns first, and `prediction.warnings` says so. `prediction.prompting`
has the sha256 of the template, and how it was used.

--llm-url URL asks a server that speaks OpenAI's chat completions (vLLM, llama.cpp, Ollama,
transformers serve), whose base URL mostly ends in /v1; --llm names one of its models if it has
several. It is asked first which models it has: one that is down or has others ends the command
before any record, with exit status 4. Answers are words: with --decode constrained one label
exactly, or none (`prompting.decode` says word), with greedy a thought and an answer; there are no
probabilities. --concurrency questions are asked at once. Refused connections and the statuses 429
and 5xx are tried again, six times in all, after 0.5 s, then twice as long each time, or when
Retry-After says, up to a minute; what takes longer than --timeout is an error of the record. A key
is read from $EMOCLI_LLM_KEY or $OPENAI_API_KEY, and shown nowhere. `prediction.prompting` has the
URL and the tokens that the server counted.

A bundle with soft tokens reads features as well (train --soft): what a record lacks is computed,
`modalities` says which streams the answer used, `gates` what a fusion weighed. --instructed answers
what records of `instruct` ask, by their labels or in words (`prediction.answer`), with the streams
that go with the question. --control none leaves the soft tokens out, --control random puts random
ones of the same norms in their place: an answer that stays right was in the words.

Vectors that are computed on the way are left out; --keep-features writes them too.

--format csv and tsv write a table instead: id, path, start, end, speaker, text, emotion,
confidence, p_LABEL for each label, valence and so on where the model has them, error; null is an
empty cell. Every cell is the value itself: a text that begins with =, +, - or @ is no formula, so
let a spreadsheet import the columns as text. summarize and plot timeline read such a table, its
emotion as a prediction. --format srt and vtt write subtitles of one recording, with [joy 64 %]
before the text. A suffix of --output (.csv, .tsv, .srt, .vtt) does as well; --format is stronger.

Example:
    emocli predict clip.mp4
    emocli predict interview.mkv --segments interview.srt
    ffmpeg -i talk.mkv -f wav - | emocli predict -
    echo "I can't believe it" | emocli predict --text -
    emocli predict clips/*.wav --output answers.csv
    emocli predict -m superb/hubert-large-superb-er clip.wav
    emocli predict --llm smollm2-135m-instruct --prosody summary clip.wav
    emocli predict --llm-url http://127.0.0.1:8000/v1 --decode greedy clip.wav
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emocli import pipeline
from emocli.bundles import bundle, heads
from emocli.cli import (
    checkpoint_flags,
    class_share_flags,
    flags,
    language_flags,
    options,
    output_format,
)
from emocli.errors import UsageError
from emocli.io import formats
from emocli.stages import encode, language_server, predict, spoken_language


@options.filter("store", "device", "segment")
def command(
    run: options.Run,
    model: checkpoint_flags.Model = "default",
    text: Annotated[
        str | None,
        typer.Option(
            "--text", metavar="TEXT|-", help="A sentence; '-' reads one sentence per line."
        ),
    ] = None,
    abstain: Annotated[
        float, typer.Option(metavar="P", help="No emotion where the confidence is below P.")
    ] = 0.0,
    language: flags.Language = None,
    llm: language_flags.Llm = None,
    llm_url: flags.LlmUrl = None,
    concurrency: flags.Concurrency = 8,
    timeout: flags.Timeout = 60.0,
    template: language_flags.Template = "emotion",
    labels: language_flags.Labels = None,
    label_names: checkpoint_flags.LabelNames = None,
    context: language_flags.Context = 0,
    prosody: language_flags.Prosody = "none",
    decode: Annotated[
        str,
        typer.Option(
            metavar="constrained|greedy|thought|word",
            help="How --llm answers: by labels, in words, or both.",
        ),
    ] = "constrained",
    prior: class_share_flags.Prior = None,
    show_prompt: Annotated[
        bool, typer.Option("--show-prompt", help="Print and keep what --llm is asked.")
    ] = False,
    instructed: language_flags.Instructed = False,
    control: language_flags.Control = None,
    modality: flags.Modalities = None,
    strict_modalities: flags.Strict = False,
    keep_features: Annotated[
        bool, typer.Option("--keep-features", help="Also write the vectors computed here.")
    ] = False,
    form: flags.Format = None,
    json: Annotated[bool, typer.Option("--json", help="Write records even on a terminal.")] = False,
) -> int:
    """Predict the emotion of a clip, a sentence or a record, with a probability for each label."""
    if not 0.0 <= abstain <= 1.0:
        raise UsageError(f"--abstain {abstain}: not between 0 and 1")
    name = output_format.chosen(run, form, json=json)
    asked = (template, labels, context, prosody, decode, prior or language_flags.PRIORS[0])
    served = None
    if llm_url is None:
        language_flags.require_no_server("concurrency", "timeout")
    else:
        language_flags.require_words(decode, prior, abstain)
        served = language_server.connect(
            run.context, llm_url, llm, timeout_s=timeout, concurrency=concurrency
        )
        llm = served.server.model
    if llm is not None:
        read = _asking(llm, model, *asked)
    else:
        read = checkpoint_flags.predictor(run.context, model, labels, label_names, prior)
    if show_prompt and read.kind != bundle.LANGUAGE:
        raise UsageError("--show-prompt: only a language model has prompts", hint="--llm names one")
    trained = language_flags.controlled(encode.limited(read, modality), control)
    trained = language_flags.asked(trained, instructed=instructed)
    if llm is None:
        trained = language_flags.decoding(trained, decode)
        trained = class_share_flags.asked(run, trained, prior)
    show = None
    if run.streams.stdout.isatty() and not name and not run.common.output:
        from emocli.cli.drawing import Drawing

        show = Drawing(trained.labels, told=run.streams.stderr.isatty())
    work = predict.stage(
        run.context,
        trained,
        strict=strict_modalities,
        abstain=abstain,
        keep_features=keep_features,
        show_prompt=show_prompt,
        served=served,
    )
    if language is not None:
        work = pipeline.chain(spoken_language.stated(language), work)
    window, turns = predict.window(run.context, trained, served), predict.turns(trained)
    columns = _columns(trained) if name in formats.DELIMITERS else []
    written = formats.made(name or "jsonl", columns, answers=True)
    return run.through(work, window=window, show=show, turns=turns, form=written)


def _asking(llm: str, model: str, *asked: Any) -> bundle.Bundle:
    """Return the predictor that asks a language model; UsageError beside another one."""
    if model != "default" or language_flags.is_said("model"):
        raise language_flags.only(llm, model)
    template, labels, context, prosody, decode, prior = asked
    about = {"context": context, "prosody": prosody, "decode": decode, "prior": prior}
    return language_flags.predictor(llm, template, labels, **about)


def _columns(trained: bundle.Bundle) -> list[formats.Column]:
    """Return the columns of a table of the predictions of a model."""
    known = trained.heads if trained.contents.keys() & {"heads", "labels"} else []
    numbers = [head.target for head in known if head.kind == heads.NUMBER]
    labels = [label for head in known for label in head.labels]
    blend = any(head.kind == heads.BLEND for head in known)
    return formats.utterances(*formats.predictions(labels, numbers, blend=blend))
