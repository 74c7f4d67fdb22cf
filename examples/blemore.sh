#!/usr/bin/env bash
# BLEMORE from its clips to a score: voice and face, alone and together (or those of SUBSETS), on its five folds of actors;
# then the bundle of the last subset judges the test clips, and the challenge's file of answers is written.
#
#     examples/blemore.sh BLEMORE [OUT]        MODELS="mlp" SUBSETS="audio,video" OPTIONS="--learning-rate 1e-4" JOBS=2
#
# BLEMORE is the folder with train_metadata.csv and the clips. It needs emocli[video] and the pulled models
# whisper-tiny.en, face-detector and face-expression (FACES and VOICE name other encoders). The network is the published
# baseline (blemore.toml) on mean, SD and percentiles over time, and OPTIONS change it. A clip in which no face is
# seen is left out where the face is all there is. What is in OUT already is not done again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=${1:?the folder of BLEMORE, with train_metadata.csv}
out=${2:-$here/out/blemore}
options=${OPTIONS:---learning-rate 1e-4}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} EMOCLI_STORE=${EMOCLI_STORE:-$out/store} EMOCLI_QUIET=${EMOCLI_QUIET-1}
mkdir -p "$out"

once() { # FILE COMMAND...: what COMMAND writes, completely or not at all
  [ -e "$1" ] || { "${@:2}" >"$1.part" && mv "$1.part" "$1"; }
}
features() {
  emocli dataset blemore "$data" --split "$1" |
    emocli encode --exit-zero --modality audio --encoder "${VOICE:-whisper-tiny.en}" --pooling statistics |
    emocli encode --exit-zero --modality video --encoder "${FACES:-face-expression}" --pooling statistics
}
row() { # MODEL STREAMS
  # shellcheck disable=SC2086 # several options
  emocli train "$out/train.jsonl" --target blend --model "$1" --streams "$2" --config "$here/blemore.toml" \
    --cv fold --output "$out/$1.$2" $options
}
export -f once row
export here out options

once "$out/train.jsonl" features train
models=${MODELS:-mlp} subsets=${SUBSETS:-audio video audio,video}
for model in $models; do
  for streams in $subsets; do echo "$model $streams"; done
done | xargs -P "${JOBS:-2}" -L 1 bash -c 'set -euo pipefail; once "$out/$1.$2.jsonl" row "$@"' row

for model in $models; do
  for streams in $subsets; do
    echo "$model, $streams"
    emocli score "$out/$model.$streams.jsonl" --task blend --table
  done
done

if emocli dataset blemore "$data" --split test >"$out/clips.jsonl" 2>"$out/clips.log"; then
  emocli predict --exit-zero "$out/clips.jsonl" --model "$out/${models%% *}.${subsets##* }" >"$out/test.jsonl"
  "${PYTHON:-python3}" "$here/blemore_submission.py" "$out/test.jsonl" >"$out/answers.json"
  echo "$out/answers.json"
fi
