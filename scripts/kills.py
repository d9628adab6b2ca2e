"""Kill a folder's work again and again: at the end the results are those of an undisturbed run.

    python scripts/kills.py --kills 200

Turns of one process, of one with --jobs 2, and of two at once on one output folder; the clock is
set back between turns, as far as files can tell. Says how many kills there were, and fails where a
result differs or something is left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

COMMAND = [sys.executable, "-m", "rnan", "denoise", "--sigma", "20", "--quiet", "--resume"]
WAYS: dict[str, list[list[str]]] = {
    "one process": [[]],
    "--jobs 2": [["--jobs", "2"]],
    "two processes at once": [[], []],
}
"""What each process of a turn is given."""
_PICTURES = 16
_YEAR = 365 * 86_400


def make_pictures(folder: Path) -> None:
    """Noise of several sizes."""
    folder.mkdir()
    for number in range(_PICTURES):
        rng = np.random.default_rng(number)
        side = 48 + 16 * (number % 5)
        pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
        ending = ("png", "tif", "jpg", "webp")[number % 4]
        Image.fromarray(pixels).save(folder / f"{number:02}.{ending}")


def started(album: Path, out: Path, given: list[list[str]]) -> list[subprocess.Popen[bytes]]:
    """The processes of a turn."""
    return [
        subprocess.Popen(
            [*COMMAND, *more, str(album), "-o", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for more in given
    ]


def results(out: Path) -> dict[str, bytes]:
    """The pictures of an output folder."""
    return {path.name: path.read_bytes() for path in out.iterdir() if not path.name.startswith(".")}


def disturbed(
    album: Path, out: Path, given: list[list[str]], kills: int, rng: random.Random
) -> int:
    """Work that is killed so many times, then done; how many kills came while it ran."""
    whole = time.monotonic()
    for process in started(album, out.with_name("timed"), given):
        process.wait()
    whole = time.monotonic() - whole
    hit = turns = 0
    while hit < kills and turns < 4 * kills:
        turns += 1
        if turns % 10 == 0 and out.exists():  # or nothing would be left to do
            for path in out.iterdir():
                if not path.name.startswith(".") and rng.random() < 0.7:
                    path.unlink()
        processes = started(album, out, given)
        time.sleep(whole * (0.2 + 0.8 * rng.random()))
        for process in processes:
            hit += process.poll() is None
            process.kill()
            process.wait()
        if out.exists():
            for path in out.iterdir():  # the clock was set back
                os.utime(path, (time.time() - _YEAR * rng.random(),) * 2)
    for process in started(album, out, given):
        process.wait()
    return hit


def main() -> None:
    """Kill, finish, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    found: dict[str, object] = {}
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        album = Path(name) / "album"
        make_pictures(album)
        for number, (way, more) in enumerate(WAYS.items()):
            undisturbed = Path(name) / f"undisturbed{number}"  # bits depend on the threads of each
            (only,) = started(album, undisturbed, more[:1])
            only.wait()
            right = results(undisturbed)
            if len(right) != _PICTURES:
                raise SystemExit("the undisturbed run is not complete")
            out = Path(name) / f"out{number}"
            hit = disturbed(album, out, more, -(-given.kills // len(WAYS)), rng)
            got = results(out)
            wrong += [f"{way}: {key}" for key in right if got.get(key) != right[key]]
            left = sum(1 for path in out.iterdir() if path.name.startswith(".")) - 1
            found[way] = {"kills": hit, "results": len(got), "temporary files left": left}
    print(json.dumps({**found, "wrong": wrong}, indent=1))
    if wrong:
        raise SystemExit("results differ")


if __name__ == "__main__":
    main()
