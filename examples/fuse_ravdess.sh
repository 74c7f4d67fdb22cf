#!/usr/bin/env bash
# Does it help to fuse what Whisper hears with how it is said? Every actor of RAVDESS is judged by models that never
# heard them: a Markdown table on stdout, all predictions in OUT.
#
#     EMOCLI_DATA=... examples/fuse_ravdess.sh [OUT]
#
# reads $EMOCLI_DATA/ravdess and the pulled model whisper-tiny.en. LEVEL=none keeps in the prosody how loud a clip was
# recorded, which tells the emotion there. NORMALIZE=prosody, or audio,prosody, makes these streams relative to what is
# usual for the actor (emocli normalize: no label is looked at, but all clips of an actor are). MODELS, SINGLES (those that are fitted on each stream alone, too), FOLDS, SEEDS
# and JOBS choose what is run. Rows that are in OUT already are not run again.
#
# The settings are the same for all models and streams, and stand here. Of three pairs of dropout and learning rate the
# one of the least loss on held-out training actors was taken (concat on audio; each actor is tested in another fold). In
# each fold a fifth of the other actors says when to stop. Both streams are always there: none is dropped in training.
set -euo pipefail
: "${EMOCLI_DATA:?names the folder that has ravdess/ in it}"
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/out/fuse_ravdess}
models=${MODELS:-late-fusion concat gated conv-attention expert-gating miar stars}
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE} # models side by side, a thread each
export EMOCLI_STORE=${EMOCLI_STORE:-$out/store}
mkdir -p "$out"

# Two streams of one modality: frames of the encoder's second block, five a second; functionals of a recording.
if [ ! -e "$out/features.jsonl" ]; then
  emocli dataset ravdess "$EMOCLI_DATA/ravdess" |
    emocli encode --modality audio --layer 2 --pooling frames/10 |
    emocli encode --modality audio --encoder prosody --as prosody --level "${LEVEL:--26}" |
    if [ -n "${NORMALIZE-}" ]; then emocli normalize --streams "$NORMALIZE"; else cat; fi > "$out/features.part"
  mv "$out/features.part" "$out/features.jsonl"
fi

for model in $models; do
  {
    printf '[training]\nepochs = 40\npatience = 8\nlearning_rate = 1e-3\nlabel_smoothing = 0.1\n'
    printf 'modality_dropout = 0.0\n[model]\nhidden = 64\ndropout = 0.5\n'
    [ "$model" != conv-attention ] || echo 'moments = 16' # 64 are more than a clip has frames
  } > "$out/$model.toml"
done

row() { # MODEL STREAMS
  [ ! -e "$out/$1.$2.jsonl" ] || return 0
  emocli train "$out/features.jsonl" --quiet --model "$1" --streams "$2" --config "$out/$1.toml" \
    --cv speaker --folds "${FOLDS:-8}" --seeds "${SEEDS:-1}" > "$out/$1.$2.part"
  mv "$out/$1.$2.part" "$out/$1.$2.jsonl"
}
export -f row
export out
for model in $models; do
  printf '%s\n' "$model audio,prosody"
  case " ${SINGLES-$models} " in *" $model "*) printf '%s\n' "$model audio" "$model prosody" ;; esac
done | xargs -P "${JOBS:-2}" -L 1 bash -c 'set -euo pipefail; row "$@"' row

# shellcheck disable=SC2086 # a word for each model
"${PYTHON:-python3}" "$here/fuse_ravdess.py" "$out" $models
