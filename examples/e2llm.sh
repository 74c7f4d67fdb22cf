#!/usr/bin/env bash
# E2-LLM from EEG recordings to a scored table with controls: made EDF files (eeg_simulation.py) or your own BIDS folder,
# stage 1 (a transformer over windows that is told emotions), stage 2 (its vector becomes 8 soft tokens of a language
# model that stays as it is), stage 3 (questions, with an adapter). Subjects of the table were seen by no stage.
#
#     examples/e2llm.sh [--budget MINUTES] [--backbone NAME] [--folds N] [OUT]
#
# --budget (15) is the time of all trainings of language models together; the rest takes four minutes on two cores.
# On GPUs: torchrun --nproc-per-node 4 -m emocli train ... --backbone Qwen/Qwen3-8B, with `shard = true` in [training].
# DATA=folder is your own BIDS folder. The simulation says nothing about people. It needs emocli[eeg,llm].
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
budget=15 backbone=smollm2-135m-instruct folds=1 out=
while [ $# -gt 0 ]; do
  case $1 in
    --budget) budget=$2; shift 2 ;;
    --backbone) backbone=$2; shift 2 ;;
    --folds) folds=$2; shift 2 ;;
    *) out=$1; shift ;;
  esac
done
out=${out:-$here/out/e2llm}
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1 EMOCLI_STORE=${EMOCLI_STORE:-$out/store} EMOCLI_QUIET=${EMOCLI_QUIET-1}
mkdir -p "$out"
case $backbone in smollm2-135m-instruct) emocli models pull "$backbone" > "$out/backbone.json" ;; esac

data=${DATA:-$out/bids}
if [ ! -e "$data" ]; then
  "$python" "$here/eeg_simulation.py" "$data.part" --format bids --subjects "${SUBJECTS:-20}" --trials "${TRIALS:-8}"
  mv "$data.part" "$data"
fi
if [ ! -e "$out/features.jsonl" ]; then
  emocli dataset bids "$data" |
    emocli extract-eeg --rate 128 --overlap 0 |
    emocli encode --modality eeg |
    emocli normalize --by speaker |
    emocli encode --from eeg --as pooled --pooling statistics > "$out/features.part"
  mv "$out/features.part" "$out/features.jsonl"
fi

cat > "$out/stage1.toml" <<'END'
[training]
epochs = 60
patience = 12
learning_rate = 5e-4
batch_size = 64
modality_dropout = 0.0
balanced = false
END
cat > "$out/linear.toml" <<'END'
[training]
epochs = 60
patience = 12
learning_rate = 3e-3
modality_dropout = 0.0
weight_decay = 0.1
END
cat > "$out/template.toml" <<'END'
name = "emotion"
labels = ["neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise"]
system = "You read the EEG of a person. What does the person feel: $labels?"
[format]
plain = ""
thought = "First <think>what points to it</think>, then <answer>emotion</answer>."
[answer]
plain = "Answer: $answer"
END
layout() { # [START]: up to three segments; they share what the first one has
  local name
  printf 'prompt = "EEG: <eeg><second><third>\\n"\nwords = false\noptional = true\n'
  for name in eeg second third; do
    printf '[slots.%s]\ntokens = 8\nstreams = ["%s"]\nprojector = "low-rank"\n' "$name" "$name"
    if [ "$name" = eeg ]; then
      printf 'fusion = "e2-stage1"\n'
      [ -z "${1-}" ] || printf 'start = "%s"\n' "$1"
    else
      printf 'like = "eeg"\n'
    fi
  done
}
settings() { # RANK RATE
  printf '[training]\nepochs = 200\nlearning_rate = %s\nbatch_size = 16\npart_size = 16\nrank = %s\nalpha = 32\n' "$2" "$1"
  printf 'weight_decay = 0.1\nevaluations = 3\npatience = 3\ndev_records = 84\n'
}
settings 0 1e-3 > "$out/two.toml"
settings 16 3e-4 > "$out/three.toml"

learn() { # OUT SHARE-OF-BUDGET RECORDS FLAG...
  [ ! -e "$1/config.json" ] || return 0
  local minutes folder=$1 share=$2 records=$3
  minutes=$("$python" -c "print($budget * $share / $folds)")
  shift 3
  emocli train --model language --dtype "${DTYPE:-bfloat16}" --budget "$minutes" --log "$folder.log" -o "$folder" \
    "$records" "$@"
}
judge() { # OUT FLAG... RECORDS
  [ ! -e "$1" ] || return 0
  local file=$1
  shift
  emocli predict --dtype "${DTYPE:-bfloat16}" "$@" --exit-zero > "$file.part"
  mv "$file.part" "$file"
}

for fold in $(seq "$folds"); do
  f=$out/fold$fold
  mkdir -p "$f"
  "$python" "$here/soft_split.py" "$out/features.jsonl" --folds 4 --fold "$fold" --train "$f/train.jsonl" \
    --test "$f/test.jsonl" --shuffled "$f/shuffled.jsonl"
  [ -e "$f/stage1/config.json" ] ||
    emocli train "$f/train.jsonl" --model e2-stage1 --streams eeg --config "$out/stage1.toml" -o "$f/stage1"
  [ -e "$f/linear/config.json" ] ||
    emocli train "$f/train.jsonl" --model linear --streams pooled --config "$out/linear.toml" -o "$f/linear"
  "$python" "$here/e2llm_tasks.py" "$f/train.jsonl" --tasks compare,rank,match --count 600 > "$f/tasks.jsonl"
  cat "$f/train.jsonl" "$f/tasks.jsonl" > "$f/stage3.jsonl"
  "$python" "$here/e2llm_tasks.py" "$f/test.jsonl" --tasks compare,rank,match --count 180 --seed 1 > "$f/asked.jsonl"
  "$python" "$here/e2llm_tasks.py" "$f/test.jsonl" --tasks match --count 90 --seed 2 --scenarios new > "$f/new.jsonl"

  layout "$f/stage1" > "$f/layout.toml"
  layout > "$f/scratch.toml"
  asked=(--backbone "$backbone" --template "$out/template.toml")
  learn "$f/two" 0.2 "$f/stage3.jsonl" "${asked[@]}" --soft "$f/layout.toml" --config "$out/two.toml"
  learn "$f/three" 0.5 "$f/stage3.jsonl" --start "$f/two" --config "$out/three.toml"
  learn "$f/without" 0.3 "$f/stage3.jsonl" "${asked[@]}" --soft "$f/scratch.toml" --config "$out/three.toml"

  judge "$f/linear.jsonl" -m "$f/linear" "$f/test.jsonl"
  judge "$f/stage1.jsonl" -m "$f/stage1" "$f/test.jsonl"
  for stage in two three without; do judge "$f/$stage.jsonl" -m "$f/$stage" "$f/test.jsonl"; done
  judge "$f/shuffled.three.jsonl" -m "$f/three" "$f/shuffled.jsonl"
  for control in none random; do
    judge "$f/$control.jsonl" -m "$f/three" --control "$control" "$f/test.jsonl"
    judge "$f/asked.$control.jsonl" -m "$f/three" --instructed --control "$control" "$f/asked.jsonl"
    judge "$f/new.$control.jsonl" -m "$f/three" --instructed --control "$control" "$f/new.jsonl"
  done
  judge "$f/asked.three.jsonl" -m "$f/three" --instructed "$f/asked.jsonl"
  judge "$f/new.three.jsonl" -m "$f/three" --instructed "$f/new.jsonl"
done
"$python" "$here/e2llm_table.py" "$out"/fold*/ | tee "$out/table.md"

# A recording of a new subject is judged from its file, relative to itself, with the streams that the answer used.
if [ -z "${DATA-}" ]; then
  [ -e "$out/new" ] || "$python" "$here/eeg_simulation.py" "$out/new" --subjects 1 --trials 2 --seed 99
  emocli predict "$out/new/s00.edf" -m "$out/fold1/three" --segment annotations > "$out/new.jsonl"
  emocli summarize "$out/new.jsonl" --format table
fi
