"""Ways of developing camera raw with noise, on inputs that :mod:`rnan.tasks.raw` makes."""

import io
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.sensor import GAINS
from rnan.errors import InputError
from rnan.estimation.sensor_noise import noise_of
from rnan.evaluation.libraw import dng
from rnan.images.raw import Raw, SensorNoise
from rnan.images.raw.colours import XYZ_TO_SRGB, developed
from rnan.images.raw.libraw import library
from rnan.inference import Restorer
from rnan.inference.raws import restore_raw
from rnan.tasks import Level

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RawNetwork:
    """A network for mosaics, behind the curve for the sensor's noise."""

    restorer: Restorer
    assume: Level | str | None = None
    """Noise that it is told instead of the true one; ``"auto"`` lets it be measured."""

    def __call__(self, lq: Array, level: Level) -> Array:
        """See :data:`rnan.evaluation.methods.Method`."""
        raw = raw_of(lq, level)
        if self.assume == "auto":
            noise, _ = noise_of(raw)
        else:
            known = self.assume if isinstance(self.assume, Level) else level
            noise = SensorNoise.of(*known.arguments["noise"])
        light = restore_raw(self.restorer, raw, noise)
        return developed(light, raw, "srgb").pixels / 257.0


def raw_of(lq: Array, level: Level) -> Raw:
    """The raw file that a zero-filled mosaic of linear samples would be."""
    samples = (lq.sum(axis=2) / 255.0).astype(np.float32)
    return Raw(
        samples=samples,
        pattern=level.pattern,
        crop=(0, 0, *samples.shape),
        white_balance=GAINS,
        xyz_to_camera=np.diag(1.0 / np.array(GAINS)) @ XYZ_TO_SRGB,
        orientation=1,
    )


def libraw_plain(lq: Array, level: Level) -> Array:
    """LibRaw's AHD without any denoising."""
    return _by_libraw(lq, level)


def libraw_fbdd(lq: Array, level: Level) -> Array:
    """FBDD of J. Gozdz and L. Sanz, full, before LibRaw's AHD."""
    rawpy = library()
    return _by_libraw(lq, level, fbdd_noise_reduction=rawpy.FBDDNoiseReductionMode.Full)


def libraw_denoise(lq: Array, level: Level) -> Array:
    """LibRaw's AHD, then ``rnan denoise``, which estimates what noise is left."""
    developed_by_it = _by_libraw(lq, level)
    restored = _denoise()((developed_by_it / 255.0).astype(np.float32))
    return 255.0 * np.asarray(restored, np.float64)


def rawtherapee(lq: Array, level: Level) -> Array:
    """RawTherapee with its automatic denoising, without sharpening and tone curve.

    Raises:
        InputError: It is not installed, or gave no picture.
    """
    program = shutil.which("rawtherapee-cli")
    if program is None:
        raise InputError("rawtherapee-cli is not installed (Debian's package is rawtherapee)")
    import tifffile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.dng").write_bytes(_dng(lq, level))
        (folder / "a.pp3").write_text(_PROFILE)
        command: list[str | Path] = [program, "-o", folder / "a.tif", "-t", "-b16", "-Y"]
        command += ["-p", folder / "a.pp3", "-c", folder / "a.dng"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if not (folder / "a.tif").exists():
            raise InputError(f"RawTherapee gave no picture: {done.stderr.strip()[-200:]}")
        pixels = tifffile.imread(folder / "a.tif")[..., :3] / 257.0
    # It cuts a border, the same on all sides.
    down, across = (
        (whole - side) // 2 for whole, side in zip(lq.shape[:2], pixels.shape[:2], strict=True)
    )
    result = np.zeros(lq.shape)
    result[down : down + pixels.shape[0], across : across + pixels.shape[1]] = pixels
    return result


_PROFILE = """[Version]
AppVersion=5.9
Version=349
[Exposure]
Auto=false
HistogramMatching=false
[Directional Pyramid Denoising]
Enabled=true
Method=Lab
CMethod=AUT
[RAW]
CA=false
HotPixelFilter=false
DeadPixelFilter=false
[RAW Bayer]
Method=amaze
Border=4
[Color Management]
InputProfile=(cameraICC)
ToneCurve=false
ApplyLookTable=false
ApplyBaselineExposureOffset=false
ApplyHueSatMap=false
WorkingProfile=ProPhoto
OutputProfile=RTv4_sRGB
"""


@lru_cache(maxsize=1)
def _denoise() -> Restorer:
    from rnan.inference.restorers import Restorers

    return Restorers("denoise").for_channels(3)


def _by_libraw(lq: Array, level: Level, **options: Any) -> Array:
    rawpy = library()
    with rawpy.imread(io.BytesIO(_dng(lq, level))) as raw:
        pixels = raw.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            adjust_maximum_thr=0.0,
            output_bps=16,
            gamma=(2.4, 12.92),
            output_color=rawpy.ColorSpace.sRGB,
            **options,
        )
    result: Array = pixels.astype(np.float64) / 257.0
    return result


def _dng(lq: Array, level: Level) -> bytes:
    matrix = np.diag(1.0 / np.array(GAINS)) @ XYZ_TO_SRGB
    return dng(lq.sum(axis=2) / 255.0, level.pattern, matrix=matrix, gains=GAINS, black=512)
