"""The paper's Figures 4 to 12: a picture, a crop marked in it, and the crop side by side."""

import importlib.util
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError, MissingExtraError
from rnan.evaluation.metrics import as_eight_bit
from rnan.images import write_whole
from rnan.images.write import check_writable

Array = NDArray[np.float64]

_PANEL = 2.2
"""Width of a panel in inches."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture of a figure, ``(H, W, C)`` on the 0-255 scale."""

    title: str
    picture: Array
    psnr: float | None = None


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A part of the reference, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: Array, reference: Array) -> Array:
        """The same part of a picture, also of one that is smaller by a whole scale."""
        scale = reference.shape[0] // picture.shape[0]
        top, left = self.top // scale, self.left // scale
        bottom, right = (self.top + self.height) // scale, (self.left + self.width) // scale
        return picture[top : max(bottom, top + 1), left : max(right, left + 1)]


def liveliest_crop(gt: Array, side: int) -> Crop:
    """The square in which the picture changes most: a start where no crop was chosen."""
    height, width = (min(side, length) for length in gt.shape[:2])
    gray = gt.mean(axis=2)
    change = np.abs(np.diff(gray, axis=0))[:, :-1] + np.abs(np.diff(gray, axis=1))[:-1]
    sums = np.pad(change, ((1, 1), (1, 1))).cumsum(0).cumsum(1)
    inside = sums[height:, width:] - sums[:-height, width:]
    inside = inside - sums[height:, :-width] + sums[:-height, :-width]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    top, left = min(int(top), gt.shape[0] - height), min(int(left), gt.shape[1] - width)
    return Crop(left=left, top=top, width=width, height=height)


def check_crop(crop: Crop, gt: Array) -> None:
    """Refuse a crop that is not inside the picture."""
    fits = (
        crop.width >= 4
        and crop.height >= 4
        and 0 <= crop.left <= gt.shape[1] - crop.width
        and 0 <= crop.top <= gt.shape[0] - crop.height
    )
    if not fits:
        raise InputError(
            f"the crop {crop.left},{crop.top},{crop.width},{crop.height} does not lie inside the "
            f"picture, {gt.shape[1]}x{gt.shape[0]}"
        )


def check_figure(path: Path) -> None:
    """Refuse a figure that could not be written, before any work is done for it.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: The ending is unknown, or the folder cannot be written.
    """
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise InputError(f"cannot write {path.name}: a figure ends in .png, .pdf or .svg")
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "eval")
    check_writable(path)


def write_figure(path: Path, title: str, gt: Array, crop: Crop, panels: Sequence[Panel]) -> None:
    """Draw the whole picture with the crop marked, and the crop of each panel with its PSNR.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: The ending is unknown, or the file cannot be written.
    """
    check_figure(path)
    from matplotlib.figure import Figure

    columns = len(panels) if len(panels) <= 3 else math.ceil(len(panels) / 2)
    rows = -(-len(panels) // columns)
    panel_height = _PANEL * crop.height / crop.width + 0.35
    height = rows * panel_height + 0.1
    whole_width = height * gt.shape[1] / gt.shape[0]
    figure = Figure(figsize=(whole_width + columns * _PANEL, height), layout="constrained")
    ratios = [whole_width, *[_PANEL] * columns]
    grid = figure.add_gridspec(rows, columns + 1, width_ratios=ratios)
    whole = figure.add_subplot(grid[:, 0])
    _show(whole, gt)
    whole.add_patch(_frame(crop))
    whole.set_xlabel(title, fontsize=9)
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(grid[number // columns, 1 + number % columns])
        _show(axes, crop.of(panel.picture, gt))
        psnr = "" if panel.psnr is None else f"\n{panel.psnr:.2f} dB"
        axes.set_xlabel(panel.title + psnr, fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format=path.suffix.lower().removeprefix("."), dpi=150)
    write_whole(path, out.getvalue())


def _show(axes: Any, picture: Array) -> None:
    pixels = as_eight_bit(picture).astype(np.uint8)
    axes.imshow(pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels, interpolation="none")
    axes.set(xticks=[], yticks=[])


def _frame(crop: Crop) -> Any:
    from matplotlib.patches import Rectangle

    corner = (crop.left - 0.5, crop.top - 0.5)
    return Rectangle(corner, crop.width, crop.height, fill=False, edgecolor="red", linewidth=1.5)
