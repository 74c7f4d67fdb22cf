"""Write the file that the BLEMORE challenge wants, from predictions for its test clips.

    emocli predict --model blends test/*.mov | python examples/blemore_submission.py > answers.json

Reads records from files or stdin. A record that cannot be submitted is an error, exit 1; another
number of clips than the challenge's 594 is said on stderr.
"""

import argparse
import fileinput
import json
import sys

from emocli.datasets import blemore
from emocli.errors import MalformedError


def main(paths: list[str]) -> int:
    """Write the submission to stdout; return the exit status."""
    try:
        with fileinput.input(paths, encoding="utf-8") as lines:
            found = blemore.submission(json.loads(line) for line in lines if line.strip())
    except (MalformedError, json.JSONDecodeError, OSError) as error:
        print(f"blemore_submission: {error}", file=sys.stderr)
        return 1
    if (count := len(found["predictions"])) != blemore.TEST_CLIPS:
        print(f"{count} clips, not the test set's {blemore.TEST_CLIPS}", file=sys.stderr)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="predictions, JSON Lines (default: stdin)")
    sys.exit(main(parser.parse_args().files))
