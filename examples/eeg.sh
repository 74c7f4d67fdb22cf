#!/usr/bin/env bash
# EEG from recordings to a scored table and pictures: a BIDS folder of made EDF files (eeg_simulation.py) is cleaned,
# measured, taken relative to each subject, and two models judge subjects that they have not seen, and then subjects and
# films that they have not seen (which leaves a third of the trials to train on). A bundle then judges a recording of a
# new subject. Two to five minutes on two cores. Which part of e2-stage1 is worth what: eeg_models.py.
#
#     examples/eeg.sh [OUT]        SUBJECTS=20 TRIALS=8 (of each emotion) SEEDS=1
#
# The simulation has a known answer and says nothing about people. It needs emocli[eeg,plot]. Your own BIDS folder:
# DATA=folder. The "no EEG" row is the majority of the other subjects on the same film: what does not beat it, has read
# the film.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/out/eeg}
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1 EMOCLI_STORE=${EMOCLI_STORE:-$out/store} EMOCLI_QUIET=${EMOCLI_QUIET-1}
mkdir -p "$out"

data=${DATA:-$out/bids}
if [ ! -e "$data" ]; then
  "$python" "$here/eeg_simulation.py" "$data.part" --format bids --subjects "${SUBJECTS:-20}" --trials "${TRIALS:-8}"
  mv "$data.part" "$data"
fi

# Windows of 4 s; differential entropy of five bands; z-scores by subject, without labels.
if [ ! -e "$out/features.jsonl" ]; then
  emocli dataset bids "$data" |
    emocli extract-eeg --rate 128 --overlap 0 |
    emocli encode --modality eeg |
    emocli normalize --by speaker |
    emocli encode --from eeg --as pooled --pooling statistics > "$out/features.part"
  mv "$out/features.part" "$out/features.jsonl"
fi

cat > "$out/linear.toml" <<'END'
[training]
epochs = 60
patience = 12
learning_rate = 3e-3
modality_dropout = 0.0
weight_decay = 0.1
END
cat > "$out/stage1.toml" <<'END'
[training]
epochs = 60
patience = 12
learning_rate = 5e-4
batch_size = 64
modality_dropout = 0.0
balanced = false
END

row() { # NAME MODEL STREAM CONFIG FIELDS FOLDS
  [ ! -e "$out/$1.jsonl" ] || return 0
  emocli train "$out/features.jsonl" --model "$2" --streams "$3" --config "$out/$4.toml" \
    --cv "$5" --folds "$6" --seeds "${SEEDS:-1}" > "$out/$1.part"
  mv "$out/$1.part" "$out/$1.jsonl"
}
export -f row
export out SEEDS
{
  echo linear.speaker linear pooled linear speaker 5
  echo linear.both linear pooled linear speaker,stimulus 4,3
  echo stage1.speaker e2-stage1 eeg stage1 speaker 5
  echo stage1.both e2-stage1 eeg stage1 speaker,stimulus 4,3
} | xargs -P "${JOBS:-2}" -L 1 bash -c 'row "$@"' row

"$python" - "$out" <<'END'
import json, subprocess, sys
out = sys.argv[1]
names = {"linear": "linear, statistics over windows", "stage1": "e2-stage1"}

def shown(score):
    low, high = score["intervals"]["accuracy"]
    return f"{100 * score['accuracy']:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"

print("| accuracy, chance 14 % | unseen subjects | unseen subjects and films |\n| --- | --- | --- |")
controls = {}
for name, words in names.items():
    cells = []
    for way in ("speaker", "both"):
        command = ["emocli", "score", f"{out}/{name}.{way}.jsonl"]
        score = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        cells.append(shown(score))
        controls[way] = shown(score["control"])
    print(f"| {words} | {cells[0]} | {cells[1]} |")
print(f"| no EEG: the other subjects on the same film | {controls['speaker']} | none of that film |")
END

# A bundle of the first subjects judges a recording of another one, piece by piece, relative to itself.
if [ ! -e "$out/bundle" ]; then
  emocli train "$out/features.jsonl" --model e2-stage1 --streams eeg --config "$out/stage1.toml" -o "$out/bundle"
fi
if [ -z "${DATA-}" ]; then
  [ -e "$out/new" ] || "$python" "$here/eeg_simulation.py" "$out/new" --subjects 1 --trials 2 --seed 99
  emocli predict "$out/new/s00.edf" -m "$out/bundle" --segment annotations > "$out/new.jsonl"
  emocli summarize "$out/new.jsonl" --format table
  emocli plot eeg "$out/new.jsonl" -o "$out/eeg.png"
  echo "$out/eeg.png"
fi
