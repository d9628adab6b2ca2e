"""Draw the figures of docs/results.md: one a task, in the manner of the paper's Figures 4 to 12.

python scripts/figures.py --data ../shared/data
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rnan.cli.main import cli

FOLDER = Path(__file__).parent.parent / "docs" / "figures"
FIGURES = {
    "denoise-color": ("kodak24/kodim08.png", "50", "312,250,96,72", ["classical:nlm"]),
    "denoise-gray": ("kodak24/kodim19.png", "50", "180,250,96,72", ["classical:nlm"]),
    "demosaic": ("kodak24/kodim19.png", "grbg", "230,420,80,60", ["classical:menon"]),
    "dejpeg": ("classic5/barbara.png", "10", None, ["classical:wavelet"]),
    "dejpeg-color": ("kodak24/kodim23.png", "10", "120,60,128,96", ["classical:wavelet"]),
    "super-resolution": ("set14/zebra.png", "x4", "200,100,96,72", ["classical:bicubic"]),
}
"""Picture, level, crop and what stands beside the bundled network."""


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with test/")
    folder = parser.parse_args().data / "test"
    for task, (picture, level, crop, others) in FIGURES.items():
        models = [word for name in (*others, task) for word in ("--model", name)]
        where = ["--crop", crop] if crop else []
        output = ["-o", str(FOLDER / f"{task}.png"), "--overwrite"]
        arguments = [task, str(folder / picture), "--level", level, *where, *models, *output]
        cli.main(["figure", *arguments], standalone_mode=False)


if __name__ == "__main__":
    main()
