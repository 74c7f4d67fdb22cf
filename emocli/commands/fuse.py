"""Fuse the streams of a record into one vector, with the prediction of each stream alone.

Reads `features`, vectors or sequences (encode --pooling frames); what the model needs and the
record lacks is computed from `text`, `audio` or the file at `path`. Adds `unimodal.STREAM` (where
the model has an output per stream) and `features.fused`, marked with the model's digest: `streams`
names the streams used, `masked_frames` counts the frames of a sequence that were not used, `gates`
has the weights of a model with gates. Does not add `prediction`. Streams, in batches of like
length.

Long recordings are cut into utterances: see --segment and --segments in man emocli-predict.

An absent stream is masked and named in `missing`. So is an invalid one (it contains NaN or
infinity, has another shape, or its file is not in the store), and then the exit status is 1; a note
with `stream` is about that stream only. Text is left out when its language is not the model's, or
when the mean probability of the recognised words is below the model's limit. With
--strict-modalities a record of which not every stream is used is an error. Features of another
encoder, layer or pooling than the model was trained on, and sequences for a model that takes
vectors, end the run (exit 3). Frames that are computed here are not written: encode them to keep
them.

Example:
    emocli encode clip.wav | emocli fuse | jq .unimodal
"""

from __future__ import annotations

from emocli.bundles import bundle
from emocli.cli import flags, options
from emocli.stages import encode, fuse


@options.filter("store", "device", "segment")
def command(
    run: options.Run,
    model: flags.Model = "default",
    modality: flags.Modalities = None,
    strict_modalities: flags.Strict = False,
) -> int:
    """Fuse the streams of a record into one vector, with the prediction of each stream alone."""
    trained = encode.limited(bundle.read(model), modality)
    work = fuse.stage(run.context, trained, strict=strict_modalities)
    window, turns = fuse.window(run.context, trained), fuse.turns(trained)
    return run.through(work, window=window, turns=turns)
