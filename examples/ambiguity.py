"""Print the tables of examples/ambiguity.sh: simulated raters, EmoBank's readers, CREMA-D's."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from examples import ambiguity_crema_d, ambiguity_emobank, ambiguity_raters


def main() -> None:
    """Run what there is data for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for what may be used again")
    parser.add_argument("--quick", action="store_true", help="a seed, few records: does it run")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    ambiguity_raters.main(chosen.quick)
    if not (data := os.environ.get("EMOCLI_DATA")):
        sys.stderr.write("EMOCLI_DATA is not set: no EmoBank, no CREMA-D\n")
        return
    ambiguity_emobank.main(Path(data), chosen.out, chosen.quick)
    ambiguity_crema_d.main(Path(data), chosen.quick)


if __name__ == "__main__":
    main()
