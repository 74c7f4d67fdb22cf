"""Bring the streams of a record together: what each says alone, and one fused vector.

Reads `features`, vectors or sequences (encode --pooling frames); what the model needs and the
record lacks is computed from `text`, `audio` or the file at `path`. Adds `unimodal.STREAM` (where
the model has an answer per stream) and `features.fused`, signed with the model's digest: `streams`
says which were used, `masked_frames` how many frames of a sequence were not, `gates` what the model
weighed, where it has gates; never `prediction`. Streams, in batches of like length.

A stream that is not there is masked and named in `missing`. So is one that is broken (a number that
is none, another shape, a file that is not in the store); the exit status is 1 then, and a note that
says `stream` is about that one alone. Text is left out when its language is not the model's, or
when the words were heard with a mean probability below the model's limit. With --strict-modalities
a record of which not every stream is used is an error. Features of another encoder, layer or
pooling than the model was trained on, and sequences for a model that takes vectors, end the run
(exit 3). Frames that are computed here are used and not kept: encode them to keep them.

Example:
    emocli encode clip.wav | emocli fuse | jq .unimodal
"""

from __future__ import annotations

from emocli.bundles import bundle
from emocli.cli import flags, options
from emocli.stages import fuse


@options.filter("store", "device")
def command(
    run: options.Run, model: flags.Model = "default", strict_modalities: flags.Strict = False
) -> int:
    """Bring the streams of a record together: what each says alone, and one fused vector."""
    trained = bundle.read(model)
    work = fuse.stage(run.context, trained, strict=strict_modalities)
    window, turns = fuse.window(run.context, trained), fuse.turns(trained)
    return run.through(work, window=window, turns=turns)
