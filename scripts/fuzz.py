"""Damaged files for an hour, or as many as you like: what became of them.

    python scripts/fuzz.py --minutes 60
    python scripts/fuzz.py --number 2000 --seed 3

Files are made by tests/mutations.py and read as strangers' files are; docs/security.md says what
each may take. Counts are printed as they go, and at the end the histogram of time and memory.
Fails where an error is none of ours, or a picture takes more than a gigabyte.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fuzzing import Tally, fuzz

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_MEGABYTES = (80, 100, 150, 200, 300, 500, 1000)


def histogram(values: list[float], edges: tuple[float, ...]) -> dict[str, int]:
    """How many lie below each edge, and above the last."""
    counts = np.histogram(values, bins=[0.0, *edges, np.inf])[0]
    names = [*(f"up to {edge:g}" for edge in edges), f"above {edges[-1]:g}"]
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count}


def summary(tally: Tally) -> dict[str, Any]:
    """For people and programs."""
    memory = [peak / 1e6 for peak in tally.memory]
    return {
        "files": len(tally.seconds),
        "counts": {kind: dict(counts) for kind, counts in tally.counts.items()},
        "seconds": histogram(tally.seconds, _SECONDS),
        "megabytes of files under one": histogram(memory, _MEGABYTES),
        "largest": {"seconds": round(max(tally.seconds), 2), "megabytes": round(max(memory))},
        "over a limit": tally.over,
        "lost": tally.lost,
    }


def main() -> None:
    """Make and read files, and say what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    given = parser.parse_args()
    if given.number is None and given.minutes is None:
        given.number = 2000
    found = summary(fuzz(given.seed, number=given.number, minutes=given.minutes, first=given.first))
    print(json.dumps(found, indent=1))
    if found["lost"] or found["largest"]["megabytes"] > 1000:
        raise SystemExit("not every file ended as it should")


if __name__ == "__main__":
    main()
