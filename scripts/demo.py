"""Restore a real photograph that was given noise, and say how much nearer it came."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from skimage import data

from rnan.api import load_restorer
from rnan.degradations.noise import noisy
from rnan.images import Picture, write
from rnan.inference.files import FileOptions, restore_file
from rnan.inference.plan import plan
from rnan.metrics import as_eight_bit, psnr

SIGMA = 25.0
FOLDER = Path("demo-output")


def main() -> None:
    """Write ``demo-output`` and print what was gained."""
    photograph = data.coffee()  # by Rachel Michetti, public domain
    clean = photograph.astype(np.float64)
    lq = as_eight_bit(noisy(clean, SIGMA, name="coffee"))
    source, target = FOLDER / "noisy.png", FOLDER / "restored.png"
    write(Picture(pixels=lq.astype(np.uint8)), source, overwrite=True)

    (job,) = plan([source], target, compare=True)
    start = time.perf_counter()
    restorer = load_restorer("denoise-color")
    done = restore_file(lambda _: restorer, job, options=FileOptions(overwrite=True))
    seconds = time.perf_counter() - start
    restored = restorer(lq.astype(np.uint8), level=done.level).astype(np.float64)

    height, width = clean.shape[:2]
    print(f"photograph     {width}x{height}, noise of sigma {SIGMA:g}, clipped to 8 bit")
    print(f"estimated      sigma {done.level:.1f}")
    print(f"PSNR before    {psnr(lq, clean):.2f} dB")
    print(f"PSNR after     {psnr(restored, clean):.2f} dB")
    print(f"time           {seconds:.1f} s, loading the network included")
    print(f"restored       {target.resolve()}")
    print(f"before/after   {job.outputs[1].resolve()}")


if __name__ == "__main__":
    main()
