"""rnan as a library: pictures of any kind go in and come back as what they were."""

from pathlib import Path

import numpy as np
from PIL import Image

import rnan

# One picture: the same kind, shape and depth comes back.
noisy = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
restored = rnan.restore(noisy, task="denoise", sigma=25)
assert (restored.shape, restored.dtype) == (noisy.shape, noisy.dtype)

# Many pictures: load the network once. It is safe to use from several threads.
restorer = rnan.load_restorer("denoise-color", tile=256)
picture = Image.fromarray(noisy)
for sigma in (10, 25, "auto"):
    better = restorer(picture, sigma=sigma)
    assert better.size == picture.size

# Very many pictures: in their order, a few of them in memory at a time.
for better in restorer.stream((noisy for _ in range(3)), sigma=25, ahead=2):
    assert better.shape == noisy.shape

# More noise on the right than on the left: σ for each pixel.
sigma = np.broadcast_to(np.linspace(5, 40, 160, dtype=np.float32), (120, 160))
restored = restorer(noisy, sigma=sigma)


# Progress, and stopping: anything with is_set() will do, such as threading.Event().
def show(done: int, total: int) -> None:
    print(f"{done} of {total} tiles")


restorer(noisy, sigma=25, progress=show)

# Errors are children of RnanError, each one line that says what to do.
try:
    rnan.restore(noisy, task="denoise", sigma=400)
except rnan.RnanError as error:
    print(error, error.option, error.value)

# Files, with profile, EXIF and depth.
from rnan.images import read, write  # noqa: E402

Image.fromarray(noisy).save("in.png")
write(restorer(read(Path("in.png")), sigma=25), Path("out.png"), overwrite=True)
