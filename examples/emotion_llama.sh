#!/usr/bin/env bash
# Emotion-LLaMAv2 from raw clips to a scored table with controls: frames of the voice, of the face and one frame of the
# face become soft tokens of a language model, beside what conv-attention fuses of them; voice and face are described in
# words by what was measured; stage 1 (perception: labels, the voice or the picture alone), stage 2 (cognition: labels,
# reasons, thoughts). Speakers of the table were seen by no stage.
#
#     examples/emotion_llama.sh [--budget MINUTES] [--backbone NAME] [OUT]
#
# --budget (15) is the time of both stages together; the rest takes five minutes on two cores. Made clips (video_clips.py)
# prove the plumbing only; DATA=labels.csv are your own films (path, emotion, speaker, text), and $EMOCLI_DATA/ravdess is
# heard alone. It needs emocli[align,llm,video] and jq. On GPUs, with `shard = true` in [training] of the settings:
#     torchrun --nproc-per-node 4 -m emocli train perception.jsonl --model language --soft emotion-llama \
#       --backbone Qwen/Qwen2.5-7B-Instruct --dtype bfloat16 --config one.toml -o stage1
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
out=${out:-$here/out/emotion_llama}
mkdir -p "$out"
out=$(cd "$out" && pwd)
python=${PYTHON:-python3}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} EMOCLI_STORE=${EMOCLI_STORE:-$out/store} EMOCLI_QUIET=${EMOCLI_QUIET-1}
[ "$backbone" != smollm2-135m-instruct ] || emocli models pull "$backbone" > /dev/null

# Two frames a second of sound and of the face, a frame of the face as picture; then what was measured in words.
frames() { emocli encode --modality audio --encoder whisper-tiny.en --layer 2 --pooling frames/25 "$@"; }
mean() { emocli encode --from "$1" --as "$2" --pooling mean; }
worded() { emocli prosody --exit-zero | emocli describe --exit-zero | "$python" "$here/emotion_llama_table.py" told; }
if [ ! -e "$out/features.jsonl" ]; then
  if [ -n "${EMOCLI_DATA-}" ] && [ -z "${DATA-}" ]; then
    emocli dataset ravdess "$EMOCLI_DATA/ravdess" | frames | mean audio sound | worded > "$out/features.part"
  else
    if [ -z "${DATA-}" ] && [ ! -e "$out/clips" ]; then
      (cd "$here/.." && "$python" -m examples.video_clips "$out/clips.part" --speakers "${SPEAKERS:-12}" \
        --takes "${TAKES:-2}")
      mv "$out/clips.part" "$out/clips"
    fi
    emocli models pull face-detector face-expression > /dev/null
    emocli dataset folder "${DATA:-$out/clips/labels.csv}" | frames | mean audio sound |
      emocli encode --modality video --key-frame --pooling frames --as image |
      emocli encode --modality video --pooling frames | mean video seen |
      worded > "$out/features.part"
  fi
  mv "$out/features.part" "$out/features.jsonl"
fi

cat > "$out/head.toml" <<'END'
[training]
epochs = 60
patience = 12
learning_rate = 1e-3
weight_decay = 0.1
END
cat > "$out/template.toml" <<'END'
name = "emotion"
labels = ["neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise"]
system = "What does the speaker feel: $labels?"
[format]
plain = ""
thought = "First <think>what points to it</think>, then <answer>emotion</answer>."
[answer]
plain = "Answer: $answer"
END
settings() { # RATE RANK
  printf '[training]\nepochs = 40\nlearning_rate = %s\nrank = %s\n' "$1" "$2"
  printf 'weight_decay = 0.1\nbatch_size = 16\npart_size = 16\n'
  printf 'alpha = 16\nmodality_dropout = 0.1\nevaluations = 3\npatience = 3\ndev_records = 56\n'
}
# In minutes on a CPU an adapter learns the training speakers by heart: stage 1 trains the tokens alone (our choice).
settings 1e-3 "${RANK:-0}" > "$out/one.toml"
settings 2e-4 8 > "$out/two.toml"

"$python" "$here/soft_split.py" "$out/features.jsonl" --by speaker --folds 4 --train "$out/train.jsonl" \
  --test "$out/test.jsonl" --shuffled "$out/moved.jsonl" --most "${TEST:-112}"

judge() { # FILE FLAG... RECORDS
  [ -e "$1" ] || { emocli predict --exit-zero "${@:2}" > "$1.part" && mv "$1.part" "$1"; }
}
own() { # MODEL STREAMS
  [ -e "$out/$1/config.json" ] ||
    emocli train "$out/train.jsonl" --model "$1" --streams "$2" --config "$out/head.toml" -o "$out/$1"
  judge "$out/$1.jsonl" -m "$out/$1" "$out/test.jsonl"
}
has() { # STREAM...: those that records have
  "$python" -c 'import json, sys
found = {name for line in open(sys.argv[1]) for name in json.loads(line)["features"]}
print(",".join(name for name in sys.argv[2:] if name in found))' "$out/train.jsonl" "$@"
}
own conv-attention "$(has audio image video)"
own linear "$(has seen sound)"

# Labelled records are asked by the template, those of a curriculum as `instruct` asks.
mixed() { # CURRICULUM
  [ ! -e "$out/$1.jsonl" ] || return 0
  emocli instruct "$out/train.jsonl" --curriculum "$1" --prosody none --draw "$(wc -l < "$out/train.jsonl")" |
    cat "$out/train.jsonl" - > "$out/$1.part"
  mv "$out/$1.part" "$out/$1.jsonl"
}
learn() { # FOLDER RECORDS FLAG...
  [ -e "$1/config.json" ] || emocli train "$2" --model language --dtype "${DTYPE:-bfloat16}" --log "$1.log" -o "$1" \
    --budget "$("$python" -c "print($budget / 2)")" "${@:3}"
}
mixed perception
mixed cognition
learn "$out/stage1" "$out/perception.jsonl" --backbone "$backbone" --template "$out/template.toml" \
  --soft "${SOFT:-emotion-llama=8:$out/conv-attention}" --config "$out/one.toml"
learn "$out/stage2" "$out/cognition.jsonl" --start "$out/stage1" --config "$out/two.toml"

asked=(--dtype "${DTYPE:-bfloat16}")
for stage in stage1 stage2; do judge "$out/$stage.jsonl" -m "$out/$stage" "${asked[@]}" "$out/test.jsonl"; done
judge "$out/shuffled.jsonl" -m "$out/stage2" "${asked[@]}" "$out/moved.jsonl"
for control in none random; do
  judge "$out/$control.jsonl" -m "$out/stage2" "${asked[@]}" --control $control "$out/test.jsonl"
done
# Thoughts are slow: some records are asked for theirs. A film, or a sound, is judged from its file.
[ -e "$out/questions.jsonl" ] || jq -c . "$out/test.jsonl" | sed "$((${THOUGHTS:-28} + 1)),\$d" |
  emocli instruct --task think --prosody none --neutral-out 0 > "$out/questions.jsonl"
judge "$out/thoughts.jsonl" -m "$out/stage2" "${asked[@]}" --instructed "$out/questions.jsonl"
"$python" "$here/emotion_llama_table.py" table "$out" | tee "$out/table.md"
clip=$(jq -rs '.[0].path' "$out/test.jsonl")
emocli predict -m "$out/stage2" "${asked[@]}" "$clip" > "$out/clip.jsonl"
jq -r '"\(.path | sub(".*/"; "")): \(.prediction.emotion), by \(.prediction.modalities | keys | join(", "))"' "$out/clip.jsonl"
