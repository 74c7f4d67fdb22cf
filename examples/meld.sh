#!/usr/bin/env bash
# MELD from its tables and clips to a score: words, voice and face in every subset (or those of SUBSETS), trained on
# train, stopped early on dev, scored on test; then the bundle of the last subset judges the test clips from their files.
#
#     examples/meld.sh MELD [OUT]        MODELS="late-fusion conv-attention stars" SUBSETS="text text,video"
#                                        POOLING=mean OPTIONS="--hidden 64" JOBS=2
#
# MELD is the folder with train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv and the clips as their archives
# unpack. It needs emocli[video] and the pulled models all-minilm-l6-v2, whisper-tiny.en, face-detector and
# face-expression (WORDS, VOICE and FACES name other encoders). POOLING=frames keeps voice and face over time. A clip that
# is broken or not there, or in which no face is seen, is a missing modality: a model without any other leaves it out, and
# its cell says on how much of test it is measured. What is in OUT already is not done again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=${1:?the folder of MELD, with train_sent_emo.csv}
out=${2:-$here/out/meld}
options=${OPTIONS-}
models=${MODELS:-late-fusion conv-attention stars}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} EMOCLI_STORE=${EMOCLI_STORE:-$out/store} EMOCLI_QUIET=${EMOCLI_QUIET-1}
mkdir -p "$out"

once() { # FILE COMMAND...: what COMMAND writes, completely or not at all
  [ -e "$1" ] || { "${@:2}" >"$1.part" && mv "$1.part" "$1"; }
}
features() {
  emocli dataset meld "$data" |
    emocli encode --exit-zero --modality text --encoder "${WORDS:-all-minilm-l6-v2}" |
    emocli encode --exit-zero --modality audio --encoder "${VOICE:-whisper-tiny.en}" --pooling "${POOLING:-mean}" |
    emocli encode --exit-zero --modality video --encoder "${FACES:-face-expression}" --pooling "${POOLING:-mean}"
}
part() { # SPLIT
  grep -F "\"split\":\"$1\"" "$out/features.jsonl" || { echo "$data has no $1_sent_emo.csv" >&2 && false; }
}
row() { # MODEL STREAMS
  # shellcheck disable=SC2086 # several options
  [ -e "$out/$1.$2" ] ||
    emocli train "$out/train.jsonl" --dev "$out/dev.jsonl" --model "$1" --streams "$2" --output "$out/$1.$2" $options
  once "$out/$1.$2.jsonl" emocli predict --exit-zero "$out/test.jsonl" --model "$out/$1.$2"
}
export -f once row
export out options

once "$out/features.jsonl" features
for split in train dev test; do
  once "$out/$split.jsonl" part "$split"
done
subsets=${SUBSETS:-text audio video text,audio text,video audio,video text,audio,video}
for model in $models; do
  for streams in $subsets; do echo "$model $streams"; done
done | xargs -P "${JOBS:-2}" -L 1 bash -c 'set -euo pipefail; row "$@"' row

# shellcheck disable=SC2086 # a word for each model
"${PYTHON:-python3}" - "$out" "$subsets" $models <<'END'
import json, subprocess, sys

out, subsets, *models = sys.argv[1:]
subsets = subsets.split()
print("| weighted F1 |", " | ".join(subsets), "|\n| ---", "| --- " * len(subsets) + "|")
for model in models:
    cells = []
    for streams in subsets:
        command = ["emocli", "score", "--cluster", "dialogue", f"{out}/{model}.{streams}.jsonl"]
        score = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        low, high = score["intervals"]["weighted_f1"]
        seen = f" ({score['coverage']:.0%})" if score["coverage"] < 1 else ""
        cells.append(f"{100 * score['weighted_f1']:.0f} [{100 * low:.0f}, {100 * high:.0f}]{seen}")
    print(f"| {model} |", " | ".join(cells), "|")
END

# From the files: the same answers, no features kept.
bundle=$out/${models%% *}.${subsets##* }
emocli dataset meld "$data" --split test | emocli predict --exit-zero --model "$bundle" >"$out/films.jsonl"
emocli score --table "$out/films.jsonl"
