"""Turn text, audio, EEG and video into features, with pretrained encoders or by measurement.

Reads `text`, and `audio`, `eeg`, `video` or the file at `path`. Adds `features.STREAM`: modality,
encoder, revision, layer, pooling, dim and the vector (inline, or in the store with --features
store; anything with a time axis goes into the store). Streams, in batches of like length.

Without --encoder the features are those that the default predictor needs, or the bundle given with
--model; for a bundle that asks whether somebody speaks `audio.speech_s` is added. A modality that a
record does not have is noted in `missing`.

--encoder prosody (of audio; needs no pretrained model) measures how something is said. Its default
pooling, functionals, gives 109 numbers in the manner of eGeMAPS: mean, spread, percentiles and
slopes of pitch and intensity; harmonicity, formants, tilt, cepstrum; rhythm. Pooling frames gives
28 numbers 100 times a second: pitch (semitones above 27.5 Hz), voicing (1 where voiced), slope of
the pitch, intensity (dB above 2e-5), its slope, harmonicity (dB), F1 to F3 (Hz), H1 - H2 and
H1 - A3 (dB), alpha ratio, Hammarberg index, two slopes of the spectrum, flux, mfcc 1 to 12.
Quantities of voiced frames are interpolated linearly where there is no voice; no value is
undefined. Long recordings are cut into utterances: see --segment, --segments in man emocli-predict.

Of audio, --encoder takes a hub id or a folder, with weights in safetensors: Whisper of any size,
wav2vec2 (XLS-R, MMS), HuBERT, WavLM, data2vec, UniSpeech(-SAT), audio spectrogram transformers
(also pooling cls). Layer 0 enters the first block, N leaves block N; without --layer it is the
middle one; 4:1,8:3 is the weighted mean of two. More than 30 s (10 s) are encoded in windows.
Pooling frames/N is the mean of each N frames. First, sound is brought to -26 dBFS, whatever the
recording level; --level none keeps it. Of text, --encoder takes any encoder; pooling sentence is
that of its sentence-transformers files.

EEG is measured in windows, of 4 s every 2 s unless extract-eeg made others: --encoder
differential-entropy (the default; 1/2 ln(2 pi e variance) in nats of uV^2), band-power (uV^2) or
asymmetry (left minus right), in the bands delta 1-4, theta 4-8, alpha 8-14, beta 14-31, gamma 31-50
Hz or those of --bands, channel by channel; eeg-signal hands on the samples, for eegnet. Default
pooling: frames, a frame per window; also mean, mean+std, statistics. Wrong channels of a window are
interpolated from the others; a window that cannot be used is a frame of NaN, which models leave
out, and `warning` counts them. EEGPT, LaBraM, CBraMod and BIOT are read from a hub id or a folder
(emocli[eeg]; eegpt and labram by these names), with the rate, montage and scale they were trained
with. Recordings of EEG are cut as other long recordings are; --segment none keeps them whole.

Of video --encoder face-expression (the default) looks at a face in 2 frames a second (--rate, or
--frames N spread evenly, or --key-frame): 256 features and 7 logits (neutral, joy, sadness, anger,
fear, disgust, surprise) for each. It is the face that is most visible while somebody speaks (--face
largest), each face (each, one face after another), or the N-th by how much it is seen.

--encoder face-blendshapes (MediaPipe's) looks at the same face: how far each of 52 movements has
gone, from 0 to 1, for heads that are tilted by less than some 30 degrees; --layer 0 gives 478
points instead, across, down and depth, relative to the face. Left and right are the person's. The
movements are, in this order: _neutral, browDownLeft, browDownRight, browInnerUp, browOuterUpLeft,
browOuterUpRight, cheekPuff, cheekSquintLeft, cheekSquintRight, eyeBlinkLeft, eyeBlinkRight,
eyeLookDownLeft, eyeLookDownRight, eyeLookInLeft, eyeLookInRight, eyeLookOutLeft, eyeLookOutRight,
eyeLookUpLeft, eyeLookUpRight, eyeSquintLeft, eyeSquintRight, eyeWideLeft, eyeWideRight, jawForward,
jawLeft, jawOpen, jawRight, mouthClose, mouthDimpleLeft, mouthDimpleRight, mouthFrownLeft,
mouthFrownRight, mouthFunnel, mouthLeft, mouthLowerDownLeft, mouthLowerDownRight, mouthPressLeft,
mouthPressRight, mouthPucker, mouthRight, mouthRollLower, mouthRollUpper, mouthShrugLower,
mouthShrugUpper, mouthSmileLeft, mouthSmileRight, mouthStretchLeft, mouthStretchRight,
mouthUpperUpLeft, mouthUpperUpRight, noseSneerLeft, noseSneerRight.

Other encoders look at whole frames: mobilenet-v2, and any CLIP, SigLIP, DINOv2, DINOv3 or ViT by
hub id or folder (2 frames a second, a vector for each); any VideoMAE, TimeSformer or V-JEPA 2 looks
at clips, of as many frames as it was trained with, spread over the film. Pooling multiview, of the
encoders of frames, keeps tokens as Emotion-LLaMAv2 does: of the key frame, 448 pixels wide, 4
patches each, then 4 of each of 16 frames; multiview/global=448,merge=4,frames=16,grid=2 says the
sizes, and view=global or view=temporal which of them alone. `video` says what was looked at, whose
face and why; a film in which nobody is seen is noted in `missing`, and is no failure. See emocli
extract-video.

Pooling logits, of any published classifier that predict takes (emocli predict), is what its head
says: a number for each label, of whatever --encoder takes. Such streams are what `train --model
late-fusion` needs to make one predictor of several published ones.

With --context K the text of a `dialogue` is encoded as "speaker: text", after the K turns before
it, which are written to `context`. Records of one dialogue have to be in order.

With --from STREAM nothing is encoded: the frames of that stream, which are in the store, are pooled
into the stream --as NAME. Pooling statistics is mean, standard deviation and percentiles 10, 25,
50, 75 and 90 of each number over time.

Example:
    emocli encode --modality audio clip.wav | jq '.features.audio.vector | length'
    emocli encode --modality audio --encoder prosody --as prosody clip.wav
    emocli encode --modality video --pooling mean clip.mp4
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emocli import modalities, pipeline
from emocli.bundles import bundle
from emocli.cli import options, stream_flags
from emocli.errors import UsageError
from emocli.pipeline import windows
from emocli.stages import encode, logits, pool
from emocli.stages.encode import INLINE, STORED, Spec

DEFAULT, LOGITS = "default", "logits"


@options.filter("store", "device", "segment")
def command(
    run: options.Run,
    modality: Annotated[
        str | None,
        typer.Option(
            metavar=",".join(modalities.names()), help="What to encode (default: as --model)."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="BUNDLE", help="Encode what this trained model needs.")
    ] = DEFAULT,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="A model of the catalog, the hub, a folder, or a measure."
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="N[:W],...",
            help="Layers, with weights their mean (default: audio middle, text last).",
        ),
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="mean, ..., frames, frames/N, sentence, logits."),
    ] = None,
    context: Annotated[
        int | None,
        typer.Option(min=1, metavar="K", help="Encode text with the K preceding turns."),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(metavar="DBFS|none", help="Set the sound level first (default: -26)."),
    ] = None,
    bands: Annotated[
        str | None,
        typer.Option(metavar="NAME=LOW-HIGH,...", help="Bands of EEG in Hz (default: five)."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="HZ", help="Frames of video a second (default: 2)."),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Frames of video, spread evenly.")
    ] = None,
    key_frame: Annotated[
        bool | None, typer.Option("--key-frame", help="The middle frame of video only.")
    ] = None,
    face: Annotated[
        str | None, typer.Option(metavar="largest|each|N", help="Whose face (default: largest).")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="STREAM", help="Pool this stream's frames.")
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="STREAM", help="Name of the stream.")
    ] = None,
    features: Annotated[
        str, typer.Option(metavar="inline|store", help="Where vectors are written.")
    ] = INLINE,
) -> int:
    """Turn text, audio, EEG and video into features, with pretrained encoders or by measurement."""
    if features not in (INLINE, STORED):
        raise UsageError(f"--features {features}: not inline or store")
    changes: dict[str, Any] = {"encoder": encoder, "layer": layer, "pooling": pooling}
    changes |= {"context": context, "level": level, "bands": bands}
    looks = {"rate": rate, "frames": frames, "key_frame": key_frame, "face": face}
    if from_:
        flags = {"modality": modality, **changes, **looks}
        return run.through(_from(run, from_, as_, flags, features))
    trained = None if any(changes.values()) or as_ else bundle.read(model)
    changes |= looks
    if pooling == LOGITS:
        trained, specs = None, [logits.spec(run.context, modality, changes, as_)]
    elif trained is None or (model == DEFAULT and _is_none_of(trained, modality)):
        spec = stream_flags.custom(modality, changes, as_)
        if encoder and layer is None:
            spec |= modalities.of_model(spec, offline=run.context.offline)
        trained, specs = None, [spec]
    else:
        specs = _looking(encode.of_bundle(trained, modality), looks)
    work = [encode.stage(run.context, spec, trained, keep=features) for spec in specs]
    window = windows.of(run.context.batch(encode.batch(specs)), encode.work(specs))
    return run.through(pipeline.chain(*work), window=window, turns=encode.turns(specs))


def _looking(specs: list[Spec], flags: dict[str, Any]) -> list[Spec]:
    """Return the streams of a model, those of video with what flags say of its frames and faces."""
    video = modalities.load("video")
    said = video.settings(flags).get("sampled")
    if said and all(spec["modality"] != "video" for spec in specs):
        flag = next(flag for flag, value in flags.items() if value is not None)
        raise UsageError(video.FLAGS[flag])
    if not said:
        return specs
    return [
        {**spec, "sampled": {**(spec.get("sampled") or {}), **said}}
        if spec["modality"] == "video"
        else spec
        for spec in specs
    ]


def _is_none_of(trained: bundle.Bundle, modality: str | None) -> bool:
    """Say whether a modality can be encoded, but is none of a bundle's."""
    is_known = modality in modalities.names()
    return is_known and all(spec["modality"] != modality for spec in trained.streams.values())


def _from(
    run: options.Run, source: str, name: str | None, flags: dict[str, Any], keep: str
) -> pipeline.Stage:
    pooling = flags.pop("pooling") or "statistics"
    if unused := [flag for flag, value in flags.items() if value is not None]:
        raise UsageError(f"--from {source} encodes nothing: --{unused[0]} does not apply")
    if pooling == "frames":
        raise UsageError(
            f"--from {source}: --pooling frames does not pool: the stream has its frames already"
        )
    return pool.stage(run.context, source, name, pooling, inline=keep == INLINE)
