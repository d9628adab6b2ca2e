"""Pictures to try the page with, made by code."""

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EXAMPLES = {
    "noisy.png": "A noisy picture",
    "compressed.jpg": "A picture that was compressed too much",
    "small.png": "A small picture to enlarge",
}
"""Name of the file, and what it is."""


@lru_cache(maxsize=len(EXAMPLES))
def example(name: str) -> bytes:
    """The file of an example."""
    if name == "noisy.png":
        picture = _scene(320, 480)
        noise = np.random.default_rng(0).normal(0.0, 25.0, picture.shape)
        return _file(picture + noise, "PNG")
    if name == "compressed.jpg":
        return _file(_scene(320, 480), "JPEG", quality=12)
    small = Image.fromarray(np.rint(_scene(320, 480)).astype(np.uint8)).resize((160, 107))
    return _file(np.asarray(small, np.float64), "PNG")


def _scene(height: int, width: int) -> NDArray[np.float64]:
    """Hills under an evening sky with a moon, a lake that mirrors them, and a fence."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    t = (y / height)[:, :, None]
    picture = (1 - t) * np.array([40.0, 60.0, 120.0]) + t * np.array([250.0, 170.0, 110.0])
    moon = np.hypot(x - 0.76 * width, y - 0.22 * height) < 0.075 * height
    picture[moon] = [250.0, 240.0, 210.0]
    for number, colour in enumerate(([92, 84, 130], [60, 66, 96], [34, 48, 52])):
        ridge = height * (0.45 + 0.1 * number) + 18.0 * np.sin(x[0] / (31 + 17 * number) + number)
        ridge += 7.0 * np.sin(x[0] / 9.3 + 2 * number)
        picture[y > ridge[None]] = colour
    shore = int(0.78 * height)
    mirrored = picture[2 * shore - height : shore][::-1] * 0.8
    shift = np.rint(3 * np.sin(np.arange(height - shore) / 2.1)).astype(int)
    for row in range(height - shore):
        picture[shore + row] = np.roll(mirrored[row], shift[row], axis=0)
    posts = (x % 24 < 4) & (y > 0.7 * height) & (y < 0.86 * height)
    rails = (np.abs(y - 0.74 * height) < 2) | (np.abs(y - 0.81 * height) < 2)
    picture[posts | rails] = [206.0, 188.0, 160.0]
    scene: NDArray[np.float64] = picture
    return scene


def _file(picture: NDArray[np.float64], kind: str, **how: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8)).save(buffer, kind, **how)
    return buffer.getvalue()
