"""Draw the README's timeline: ten minutes of a made-up interview, as predict would answer it."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson

HERE = Path(__file__).parent
LABELS = ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")
SEED = 13
SECONDS = 600
PER_LETTER_S = 0.07  # slow speech, about twelve letters a second with the pauses in it
PAUSES_S = (0.3, 0.6, 1.2, 2.5, 5.0, -0.4)  # the last is an interruption
SPREAD = 14.0  # of the made-up probabilities: how sure the answers are

# Who speaks, the emotion that is meant, and the words; said again and again until ten minutes end.
SAID = """
Interviewer neutral Thank you for coming. Shall we begin?
Ada joy Yes, gladly! I have been looking forward to this all week.
Interviewer neutral How did you come to this work?
Ada neutral I studied physics, and then I needed a job for the summer.
Ada surprise And suddenly they asked me to lead the whole group!
Ben joy She was brilliant at it from the first day on, really.
Interviewer neutral What was the most difficult moment?
Ada sadness When the laboratory closed. We lost people whom I had known for years.
Ada sadness I still miss them, every single one.
Ben anger And nobody ever told us why! We read it in the newspaper.
Ben anger That still makes me furious.
Interviewer surprise In the newspaper? You are not serious!
Ada neutral It was in the spring, some time before the holidays.
Ada fear I did not sleep that month. I thought that we would lose the house.
Interviewer neutral What did you do then?
Ben neutral We wrote to everybody we knew, and waited.
Ada surprise Then a letter came from Norway, out of nowhere!
Ada joy They wanted all of us. We danced in the kitchen!
Ben joy It was the best day of my life.
Interviewer neutral Would you do it again?
Ada neutral Most of it, yes, but not all of it.
Ben disgust Not the canteen. That soup was revolting.
Ada joy Oh, the soup! He tells everybody about the soup.
Interviewer neutral What do you tell young people today?
Ada neutral To write everything down, and to ask when something is not clear.
Ben neutral And to rest on Sundays.
""".strip().splitlines()


def probabilities(random: np.random.Generator, meant: str) -> dict[str, float]:
    """Return made-up probabilities, most often with what is meant in front."""
    weights = np.full(len(LABELS), 0.35)
    weights[LABELS.index(meant)] += SPREAD * random.uniform(0.15, 1.0)
    weights[0] += 2.0
    shares = random.dirichlet(weights)
    return {name: round(float(share), 4) for name, share in zip(LABELS, shares, strict=True)}


def records() -> list[dict[str, object]]:
    """Return the records of the interview, as predict writes them."""
    random = np.random.default_rng(SEED)
    found: list[dict[str, object]] = []
    at, line = 1.5, 0
    while True:
        speaker, meant, text = SAID[line % len(SAID)].split(" ", 2)
        end = at + len(text) * PER_LETTER_S * random.uniform(0.9, 1.5)
        if end > SECONDS:
            return found
        shares = probabilities(random, meant)
        emotion = max(shares, key=lambda name: shares[name])
        prediction = {"emotion": emotion, "probabilities": shares, "confidence": shares[emotion]}
        where = {"path": "interview.wav", "start": round(at, 2), "end": round(end, 2)}
        name = f"interview.wav#{at:.2f}-{end:.2f}"
        found.append(
            {"id": name, **where, "speaker": speaker, "text": text, "prediction": prediction}
        )
        at = end + float(random.choice(PAUSES_S, p=(0.25, 0.25, 0.2, 0.15, 0.05, 0.1)))
        line += 1


def main() -> None:
    """Write examples/timeline.png, in few colours, so that it stays small."""
    from PIL import Image

    lines = b"".join(orjson.dumps(record) + b"\n" for record in records())
    command = [sys.executable, "-m", "emocli", "plot", "timeline", "-o", "-"]
    done = subprocess.run(command, cwd=HERE.parent, input=lines, capture_output=True, check=True)
    picture = Image.open(io.BytesIO(done.stdout)).convert("RGB").quantize(64)
    picture.save(HERE / "timeline.png", optimize=True)


if __name__ == "__main__":
    main()
