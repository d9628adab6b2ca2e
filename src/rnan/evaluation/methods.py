"""What can be measured: nothing at all, a network, or a classical method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.resize import resize
from rnan.errors import ConfigError, MissingExtraError
from rnan.evaluation import libraw, raws
from rnan.images.raw.libraw import library
from rnan.inference import Restorer
from rnan.options.mapping import nearest
from rnan.tasks import Level, Task, restoration_of

Array = NDArray[np.float64]

Method = Callable[[Array, Level], Array]
"""``(lq, level)`` to the restored picture; ``(H, W, C)`` on the 0-255 scale, neither clipped nor
rounded."""


def nothing(lq: Array, level: Level) -> Array:
    """The input itself, enlarged by bicubic interpolation where the task enlarges."""
    return lq if level.scale == 1 else bicubic(lq, level)


@dataclass(frozen=True)
class Network:
    """A network, given the true level (or the nearest that it knows) or another."""

    restorer: Restorer
    assume: Level | str | None = None
    """The level that it is given instead of the true one; ``"auto"`` lets it estimate."""

    def arguments(self, level: Level) -> dict[str, Any]:
        """What the restorer is asked for at a level."""
        arguments = dict(self.restorer.task.nearest_known(level).arguments)
        if isinstance(self.assume, Level):
            arguments = dict(self.assume.arguments)
        elif self.assume is not None:
            arguments[self.restorer.task.level_name] = self.assume
        return arguments

    def __call__(self, lq: Array, level: Level) -> Array:
        """See :data:`Method`."""
        x = (lq / 255.0).astype(np.float32)
        asked = self.restorer.task.asked(**self.arguments(level))
        restored: NDArray[np.float32] = self.restorer.run(self.restorer.prepare(x, asked)).picture
        return restored.astype(np.float64) * 255.0


def network_for(
    task: Task, restorer: Restorer, assume: Level | str | None = None
) -> Network | raws.RawNetwork:
    """How a network is measured on a task, told the true level unless another is assumed."""
    kind = raws.RawNetwork if task.networks and task.takes == "mosaic" else Network
    return kind(restorer, assume)


def bicubic(lq: Array, level: Level) -> Array:
    """MATLAB's bicubic enlargement, rounded between its passes as for 8-bit pictures."""
    eight_bit = np.rint(np.clip(lq, 0, 255)).astype(np.uint8)
    scale = level.scale
    large = resize(eight_bit, lq.shape[0] * scale, lq.shape[1] * scale)
    return large.astype(np.float64)


def menon(lq: Array, level: Level) -> Array:
    """Menon, Andriani and Calvagno (TIP 2007), by ``colour-demosaicing``."""
    demosaicing = _optional("colour_demosaicing")
    restored: Array = demosaicing.demosaicing_CFA_Bayer_Menon2007(
        lq.sum(axis=2), level.pattern.upper()
    )
    return restored


def ahd(lq: Array, level: Level) -> Array:
    """Hirakawa and Parks (TIP 2005), by LibRaw: what raw converters take by default."""
    return libraw.demosaic(lq.sum(axis=2), level.pattern, "AHD")


def dht(lq: Array, level: Level) -> Array:
    """DHT of A. Ponomarev, by LibRaw."""
    return libraw.demosaic(lq.sum(axis=2), level.pattern, "DHT")


def non_local_means(lq: Array, level: Level) -> Array:
    """Non-local means (Buades et al., CVPR 2005), by scikit-image, given σ.

    For JPEG, whose noise no estimator sees, σ is what served validation pictures best: 9 at quality
    10, 4 at 40.
    """
    restoration = _optional("skimage.restoration")
    jpeg = "quality" in level.arguments
    sigma = 4.0 * (40.0 / level.value) ** 0.6 if jpeg else level.value
    colour = lq.shape[2] == 3
    restored: Array = restoration.denoise_nl_means(
        lq if colour else lq[:, :, 0],
        patch_size=5,
        patch_distance=6,
        h=0.8 * max(sigma, 1e-3),
        sigma=sigma,
        channel_axis=2 if colour else None,
    )
    return restored if colour else restored[:, :, None]


def wavelet(lq: Array, level: Level) -> Array:
    """BayesShrink wavelet thresholding (Chang et al., TIP 2000), by scikit-image, given σ.

    For JPEG σ is 3, which served validation pictures best; they gain next to nothing.
    """
    restoration = _optional("skimage.restoration")
    sigma = 3.0 if "quality" in level.arguments else level.value
    colour = lq.shape[2] == 3
    restored: Array = restoration.denoise_wavelet(
        lq / 255.0 if colour else lq[:, :, 0] / 255.0,
        sigma=max(sigma, 1e-3) / 255.0,
        method="BayesShrink",
        rescale_sigma=True,
        convert2ycbcr=colour,
        channel_axis=2 if colour else None,
    )
    return 255.0 * (restored if colour else restored[:, :, None])


CLASSICAL: dict[str, tuple[Method, tuple[str, ...]]] = {
    "bicubic": (bicubic, ("upscale",)),
    "menon": (menon, ("demosaic",)),
    "ahd": (ahd, ("demosaic",)),
    "dht": (dht, ("demosaic",)),
    "nlm": (non_local_means, ("denoise", "dejpeg", "camera")),
    "wavelet": (wavelet, ("denoise", "dejpeg", "camera")),
    "libraw": (raws.libraw_plain, ("raw",)),
    "libraw-fbdd": (raws.libraw_fbdd, ("raw",)),
    "libraw-denoise": (raws.libraw_denoise, ("raw",)),
    "rawtherapee": (raws.rawtherapee, ("raw",)),
}
"""Method and the restorations that it is for."""


def classical(name: str, task: Task) -> Method:
    """A classical method by name.

    Raises:
        ConfigError: It is unknown, or is not for this task.
        MissingExtraError: The library that has it is not installed.
    """
    if name not in CLASSICAL:
        raise ConfigError(
            f"unknown method classical:{name}{nearest(name, CLASSICAL)}; "
            f"known are {', '.join(CLASSICAL)}"
        )
    method, restorations = CLASSICAL[name]
    if name in ("ahd", "dht") or name.startswith("libraw"):
        library()
    elif name not in ("bicubic", "rawtherapee"):
        _optional("colour_demosaicing" if name == "menon" else "skimage.restoration")
    wanted = restoration_of(task) or task.name
    if wanted not in restorations:
        fitting = [other for other, (_, fits) in CLASSICAL.items() if wanted in fits]
        raise ConfigError(f"classical:{name} is not for {task.name}; try {', '.join(fitting)}")
    return method


def _optional(module: str) -> Any:
    import importlib
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # colour says which of its own extras are absent
            return importlib.import_module(module)
    except ImportError as error:
        package = {"skimage": "scikit-image", "colour_demosaicing": "colour-demosaicing"}
        raise MissingExtraError(package[module.split(".")[0]], "eval") from error
