"""Make the README's figure: a part of a photograph with noise, and restored.

python scripts/before_after.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage import data

from rnan.api import load_restorer
from rnan.degradations.noise import noisy
from rnan.evaluation.metrics import as_eight_bit
from rnan.images import Picture, write
from rnan.images.compare import side_by_side

OUT = Path(__file__).parent.parent / "docs" / "figures" / "before-after.png"


def main() -> None:
    """Restore the whole photograph and show the middle."""
    clean = data.coffee().astype(np.float64)
    lq = as_eight_bit(noisy(clean, 25.0, name="coffee")).astype(np.uint8)
    restored = load_restorer("denoise-color")(lq, level="auto")
    part = np.s_[60:340, 170:470]
    figure = side_by_side(Picture(pixels=lq[part]), Picture(pixels=restored[part]))
    write(figure, OUT, overwrite=True)


if __name__ == "__main__":
    main()
