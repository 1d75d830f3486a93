"""`python -m wmenv.studies.teaching.controls CARD...`: what several critics have, on average over their seeds.

For critics that were taught by targets dealt out at random: each errs in a direction of its own, so that one of them
may lie off chance on clips with right targets, but not all of them together.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wmenv.core.statistics import Estimate, bootstrap_mean
from wmenv.studies.blocks import markdown


def over_seeds(cards: Sequence[Mapping[str, Any]]) -> Mapping[str, Estimate]:
    """Balanced accuracy, mean over criteria, by exam: mean over cards, expanded 95 % interval over them."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for card in cards:
        for name, exam in card["exam"].items():
            known = [one["balanced"] for one in exam["criteria"].values() if one["balanced"] is not None]
            if known:
                found[name][int(card["course"]["seed"])] = float(np.mean(known))
    made = {
        name: bootstrap_mean(list(of.values()), [str(seed) for seed in of], expanded=True) for name, of in found.items()
    }
    return {name: one for name, one in made.items() if one is not None}


def main(paths: Sequence[str]) -> None:
    """Print the table of the cards at some paths."""
    rows = [
        [name, str(one.clusters), f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]"]
        for name, one in over_seeds([json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]).items()
    ]
    print(markdown(["held", "seeds", "balanced accuracy, mean over criteria"], rows))


if __name__ == "__main__":
    main(sys.argv[1:])
