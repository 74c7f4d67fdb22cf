#!/usr/bin/env bash
# Video from raw clips to a table of all modalities and to pictures: films of drawn people who speak (video_clips.py)
# are sampled, their faces found and encoded, voice and words encoded; a model per modality and one of all judges people
# that it has not seen; a bundle judges a film of another person, who leaves the picture. A minute on two cores.
#
#     examples/video.sh [OUT]        SPEAKERS=8 TAKES=2 (of each emotion) SEEDS=1
#
# Drawn faces and a synthetic voice say nothing about people: the clips test that the way works. It needs
# emocli[align,plot,video] and pulls 93 MB of models. Your own clips: DATA=labels.csv, with the columns path, emotion,
# speaker and text. With EMOCLI_DATA the shipped predictor also judges the films of people in $EMOCLI_DATA/media.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-$here/out/video}"
out=$(cd "${1:-$here/out/video}" && pwd)
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1 EMOCLI_STORE=${EMOCLI_STORE:-$out/store} EMOCLI_QUIET=${EMOCLI_QUIET-1}
export SEEDS=${SEEDS:-1} out

emocli models pull all-minilm-l6-v2 face-detector face-expression

clips() { # FOLDER ARGUMENT...
  [ ! -e "$out/$1" ] || return 0
  (cd "$here/.." && "$python" -m examples.video_clips "$out/$1.part" "${@:2}")
  mv "$out/$1.part" "$out/$1"
}
[ -n "${DATA-}" ] || clips clips --speakers "${SPEAKERS:-8}" --takes "${TAKES:-2}"

# Two frames a second; 256 features and 7 logits of each face, 109 numbers of the voice, a sentence's vector.
if [ ! -e "$out/features.jsonl" ]; then
  emocli dataset folder "${DATA:-$out/clips/labels.csv}" |
    emocli extract-video |
    emocli encode --modality video |
    emocli encode --modality audio --encoder prosody |
    emocli encode --modality text > "$out/features.part"
  mv "$out/features.part" "$out/features.jsonl"
fi

cat > "$out/train.toml" <<'END'
[training]
epochs = 60
patience = 12
learning_rate = 1e-3
weight_decay = 0.1
modality_dropout = 0.0
END

row() { # STREAMS
  [ ! -e "$out/$1.jsonl" ] || return 0
  emocli train "$out/features.jsonl" --model gated --streams "$1" --config "$out/train.toml" \
    --cv speaker --folds "${FOLDS:-4}" --seeds "$SEEDS" > "$out/$1.part"
  mv "$out/$1.part" "$out/$1.jsonl"
}
export -f row
rows="text audio video text,audio text,audio,video"
echo "$rows" | xargs -n 1 -P "${JOBS:-2}" bash -c 'row "$@"' row

"$python" - "$out" $rows <<'END'
import json, subprocess, sys
from collections import Counter

out, *rows = sys.argv[1:]
print("| streams | accuracy, people not seen |\n| --- | --- |")
for streams in rows:
    command = ["emocli", "score", f"{out}/{streams}.jsonl"]
    score = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    low, high = score["intervals"]["accuracy"]
    name = streams.replace(",", " + ")
    print(f"| {name} | {100 * score['accuracy']:.0f} % [{100 * low:.0f}, {100 * high:.0f}] |")
with open(f"{out}/features.jsonl") as lines:
    labels = Counter((json.loads(line).get("label") or {}).get("emotion") for line in lines)
del labels[None]
most, count = labels.most_common(1)[0]
print(f"| none: always {most} | {100 * count / labels.total():.0f} % |")
END

if [ -z "${DATA-}" ]; then
  echo "Made clips prove the plumbing only: what is in them was put there."
  # A bundle of all people judges a film of another one, piece by piece; between them nobody is seen.
  if [ ! -e "$out/bundle" ]; then
    emocli train "$out/features.jsonl" --model gated --streams text,audio,video --config "$out/train.toml" -o "$out/bundle"
  fi
  clips talk --talk --first 20
  emocli encode "$out/talk/labels.csv" --modality video | emocli predict -m "$out/bundle" > "$out/talk.jsonl"
  emocli plot timeline "$out/talk.jsonl" -o "$out/talk.png"
  emocli extract-video "$out/talk/talk.mp4" --face each | emocli plot faces -o "$out/faces.png"
  echo "$out/talk.png $out/faces.png"
fi

# Films of people, with the shipped predictor; a picture of those in which a face is found.
if [ -n "${EMOCLI_DATA-}" ] && [ -d "$EMOCLI_DATA/media" ]; then
  emocli models pull default
  emocli predict --exit-zero "$EMOCLI_DATA/media" > "$out/people.jsonl"
  "$python" - "$out" <<'END'
import json, pathlib, subprocess, sys

out = pathlib.Path(sys.argv[1])
for line in open(out / "people.jsonl"):
    record = json.loads(line)
    name = pathlib.Path(record["path"]).name
    answer, notes = record.get("prediction") or {}, record.get("missing") or {}
    used = ", ".join(answer.get("modalities") or ["nothing"])
    told = [f"{modality}: {note['message']}" for modality, note in notes.items()]
    told = told or ([record["error"]["message"]] if record.get("error") else [])
    print(f"{name}: {answer.get('emotion')}, by {used}", *[f"({text})" for text in told])
    picture = out / f"{name}.png"
    drawn = subprocess.run(
        ["emocli", "plot", "faces", record["path"], "-o", picture], capture_output=True, text=True
    )
    print(" ", picture if drawn.returncode == 0 else drawn.stderr.strip())
END
fi
