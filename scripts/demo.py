"""Restore a real photograph that was given noise, and say how much nearer it came."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnan.degradations.noise import noisy
from rnan.evaluation.metrics import as_eight_bit, psnr
from rnan.images import Picture, read, write
from rnan.options.request import make_request
from rnan.pipeline.pipeline import Pipeline
from rnan.pipeline.plan import plan_files

SIGMA = 25.0
FOLDER = Path("demo-output")
PHOTOGRAPH = Path(__file__).parent.parent / "docs" / "examples" / "coffee.webp"
"""By Rachel Michetti, public domain; scikit-image has it too."""


def main() -> None:
    """Write ``demo-output`` and print what was gained."""
    clean = read(PHOTOGRAPH).pixels.astype(np.float64)
    lq = as_eight_bit(noisy(clean, SIGMA, name="coffee"))
    source, target = FOLDER / "noisy.png", FOLDER / "restored.png"
    write(Picture(pixels=lq.astype(np.uint8)), source, overwrite=True)

    (plan,) = plan_files([source], target, compare=True)
    start = time.perf_counter()
    pipeline = Pipeline(make_request("denoise", {}))
    result = pipeline(replace(plan, overwrite=True))
    seconds = time.perf_counter() - start
    restored = read(target).pixels.astype(np.float64)

    height, width = clean.shape[:2]
    print(f"photograph     {width}x{height}, noise of sigma {SIGMA:g}, clipped to 8 bit")
    print(f"estimated      sigma {result.steps[0].level:.1f}")
    print(f"PSNR before    {psnr(lq, clean):.2f} dB")
    print(f"PSNR after     {psnr(restored, clean):.2f} dB")
    print(f"time           {seconds:.1f} s, loading the network included")
    print(f"restored       {target.resolve()}")
    print(f"before/after   {plan.outputs[1].resolve()}")


if __name__ == "__main__":
    main()
