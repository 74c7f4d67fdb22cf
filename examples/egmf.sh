#!/usr/bin/env bash
# EGMF from raw files to a scored table with controls: three experts and their gates make eight pseudo tokens of the
# features of a voice and its words, and one language model answers with a class or with a number. Beside it stand a
# linear head and the experts' own head on the same features, the language model with the words alone, and controls.
#
#     examples/egmf.sh [--budget MINUTES] [--backbone NAME] [OUT]
#
# --budget (15) is the time of all trainings of language models together; the rest takes four minutes on two cores.
# Classes are the emotions of made clips (voice_clips.py, which prove the plumbing only), or of $EMOCLI_DATA/ravdess;
# numbers the valence that these emotions have, or the valence of sentences in $EMOCLI_DATA/emobank (COUNT=2000 of them).
# On GPUs: --backbone Qwen/Qwen2.5-7B-Instruct DTYPE=bfloat16. It needs emocli[llm].
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
budget=15 backbone=smollm2-135m-instruct out=
while [ $# -gt 0 ]; do
  case $1 in
    --budget) budget=$2 && shift 2 ;;
    --backbone) backbone=$2 && shift 2 ;;
    *) out=$1 && shift ;;
  esac
done
out=${out:-$here/out/egmf}
mkdir -p "$out"
out=$(cd "$out" && pwd)
python=${PYTHON:-python3}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} EMOCLI_STORE=${EMOCLI_STORE:-$out/store} EMOCLI_QUIET=${EMOCLI_QUIET-1}
[ "$backbone" != smollm2-135m-instruct ] || emocli models pull "$backbone" > /dev/null

# Records with features of the words and, where there is a voice, of the sound.
if [ ! -e "$out/classes.jsonl" ]; then
  if [ -n "${EMOCLI_DATA-}" ]; then
    emocli dataset ravdess "$EMOCLI_DATA/ravdess" | "$python" "$here/egmf_table.py" told > "$out/raw.jsonl"
  else
    (cd "$here/.." && "$python" -m examples.voice_clips "$out/clips" --speakers 8 --takes 3)
    emocli dataset folder "$out/clips/labels.csv" > "$out/raw.jsonl"
  fi
  emocli encode "$out/raw.jsonl" > "$out/classes.part"
  mv "$out/classes.part" "$out/classes.jsonl"
fi
if [ ! -e "$out/numbers.jsonl" ]; then
  if [ -n "${EMOCLI_DATA-}" ]; then
    emocli dataset emobank "$EMOCLI_DATA/emobank" |
      "$python" "$here/egmf_table.py" some --count "${COUNT:-2000}" |
      emocli encode --modality text > "$out/numbers.part"
  else
    "$python" "$here/egmf_table.py" valence < "$out/classes.jsonl" > "$out/numbers.part"
  fi
  mv "$out/numbers.part" "$out/numbers.jsonl"
fi

cat > "$out/head.toml" <<'END'
[training]
epochs = 60
patience = 12
learning_rate = 1e-3
weight_decay = 0.1
END
cat > "$out/language.toml" <<'END'
[training]
epochs = 40
learning_rate = 3e-4
weight_decay = 0.1
batch_size = 16
part_size = 16
rank = 8
alpha = 16
modality_dropout = 0.2
evaluations = 4
patience = 4
dev_records = 84
END

# First the pseudo tokens of experts that were trained before, then an adapter as well.
sed 's/^rank = .*/rank = 0/; s/^learning_rate = .*/learning_rate = 1e-3/' "$out/language.toml" > "$out/frozen.toml"

learn() { # FOLDER MINUTES RECORDS FLAG...
  [ -e "$1/config.json" ] || emocli train --model language --dtype "${DTYPE:-bfloat16}" \
    --budget "$2" --log "$1.log" -o "$1" "${@:3}"
}
judge() { # FILE FLAG... RECORDS
  [ -e "$1" ] || { emocli predict --exit-zero "${@:2}" > "$1.part" && mv "$1.part" "$1"; }
}

for kind in classes numbers; do
  f=$out/$kind
  mkdir -p "$f"
  by=speaker target=emotion template=emotion
  [ $kind = classes ] || { target=valence template=valence; }
  [ $kind = classes ] || [ -z "${EMOCLI_DATA-}" ] || by=document
  "$python" "$here/soft_split.py" "$out/$kind.jsonl" --by $by --folds 4 --train "$f/train.jsonl" --test "$f/test.jsonl" \
    --shuffled "$f/moved.jsonl" --most "${TEST:-240}"
  for model in linear expert-gating; do
    [ -e "$f/$model/config.json" ] ||
      emocli train "$f/train.jsonl" --model $model --target $target --config "$out/head.toml" -o "$f/$model"
    judge "$f/$model.jsonl" -m "$f/$model" "$f/test.jsonl"
  done
  part=$("$python" -c "print($budget / 6)")
  asked=(--backbone "$backbone" --template $template)
  learn "$f/words" "$part" "$f/train.jsonl" "${asked[@]}" --config "$out/language.toml"
  learn "$f/frozen" "$part" "$f/train.jsonl" "${asked[@]}" --config "$out/frozen.toml" --soft "egmf:$f/expert-gating"
  learn "$f/egmf" "$part" "$f/train.jsonl" --start "$f/frozen" --config "$out/language.toml"
  for model in words frozen egmf; do judge "$f/$model.jsonl" -m "$f/$model" --dtype "${DTYPE:-bfloat16}" "$f/test.jsonl"; done
  judge "$f/shuffled.jsonl" -m "$f/egmf" --dtype "${DTYPE:-bfloat16}" "$f/moved.jsonl"
  for control in none random; do
    judge "$f/$control.jsonl" -m "$f/egmf" --dtype "${DTYPE:-bfloat16}" --control $control "$f/test.jsonl"
  done
done
"$python" "$here/egmf_table.py" table "$out" | tee "$out/table.md"
