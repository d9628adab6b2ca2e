"""What a picture went through, read off its pixels and what its file says: one answer for all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.estimation.camera_noise import VISIBLE, estimate_camera_noise
from rnan.estimation.jpeg_blocks import noise_in_luma
from rnan.estimation.jpeg_noise import estimate_sigma_before_jpeg
from rnan.estimation.noise_map import estimate_noise
from rnan.estimation.photographic import Mask, bounds, is_drawn, photographic
from rnan.estimation.quality import estimate_grid, estimate_jpeg, quality_of_table
from rnan.estimation.sigma import estimate_sigma
from rnan.images import Picture, to_float
from rnan.images.alpha import filled, visible
from rnan.images.colour import is_gray, is_toned, jpeg_luma, one_channel

_HIDES_NOTHING = 95
"""From this quality of JPEG on, the noise of the luma is seen as it was."""
_INDEPENDENT, _LEAST_IN_COMMON = 1.0, 6.0
"""σ between the channels of a toned picture up to which theirs is one, and what that has to be:
below it texture looks the same."""
_FLOATS = (-255.0, 1020.0)
"""Where floating point is looked at; lamps and holes beyond would outweigh all else."""


class Traces:
    """Noise and JPEG of one picture; each is looked for once, when it is asked for.

    Args:
        image: ``(H, W, C)`` with one or three channels, on the 0-255 scale, any size.
        clipped: Whether values were limited to 0-255 and rounded, as in files of whole numbers.
        visible: Which pixels are seen at all, ``(H, W)``; none for all.
        jpeg_table: Luma quantisation table, 64 entries row by row, where it was a JPEG file.
        jpeg_grid: Rows and columns before the first whole block of the file.
    """

    def __init__(
        self,
        image: NDArray[Any],
        *,
        clipped: bool,
        visible: Mask | None = None,
        jpeg_table: Sequence[int] | None = None,
        jpeg_grid: tuple[int, int] | None = None,
    ) -> None:
        if not clipped:
            image = image.clip(*_FLOATS)
        self._image = one_channel(image) if is_gray(image, step=1.0) else image
        self._clipped = clipped
        self._visible = visible
        self._table = jpeg_table
        self._grid = jpeg_grid

    @classmethod
    def of(cls, picture: Picture) -> Traces:
        """Those of a picture as it was read."""
        whole = picture.pixels.dtype.kind == "u"
        image = to_float(picture.pixels)
        if picture.alpha is not None:
            image = filled(image, picture.alpha)
        return cls(
            np.multiply(image, np.float32(255.0), out=image if whole else None),
            clipped=whole,
            visible=visible(picture.alpha),
            jpeg_table=picture.metadata.jpeg_table,
            jpeg_grid=picture.metadata.jpeg_grid,
        )

    @cached_property
    def noise(self) -> float | NDArray[np.float32]:
        """σ of white noise on the 0-255 scale, a map ``(H, W)`` where it differs between places.

        It does where it depends on the brightness, and where a part is no photograph and has none.
        Of a JPEG file it is the noise before compression, where that hides some.
        """
        sigma = self._of_photograph
        if self._photographic is None or np.max(sigma) == 0.0:
            return sigma
        unseen = False if self._visible is None else ~self._visible
        return np.where(self._photographic | unseen, sigma, np.float32(0.0)).astype(np.float32)

    @property
    def sigma(self) -> float:
        """White noise of the photograph as one number: the root of its mean square."""
        sigma = self._of_photograph
        if isinstance(sigma, np.ndarray) and self._photographic is not None:
            sigma = sigma[self._photographic]
        return float(np.sqrt(np.mean(np.square(sigma)))) if np.size(sigma) else 0.0

    @cached_property
    def camera_sigma(self) -> float:
        """Standard deviation of noise that a camera has processed.

        0 for white noise, and for what is hard to see.
        """
        image, mask = self._image, self._photographic
        if self._clipped and self._table is None and is_drawn(image, mask):
            return 0.0
        found = estimate_camera_noise(image, mask=mask)
        return 0.0 if found.is_white or found.sigma < VISIBLE else found.sigma

    @property
    def of_camera(self) -> float | NDArray[np.float32]:
        """The same, or a map ``(H, W)`` with 0 where a part is no photograph."""
        if self._photographic is None:
            return self.camera_sigma
        return np.where(self._photographic, np.float32(self.camera_sigma), np.float32(0.0))

    @cached_property
    def _of_photograph(self) -> float | NDArray[np.float32]:
        image, mask = self._image, self._photographic
        if self._clipped and self._table is None and is_drawn(image, mask):
            return 0.0
        sigma = estimate_noise(image, clipped=self._clipped, mask=mask)
        toned = is_toned(image)
        if toned and self._table is None and np.max(sigma) < _INDEPENDENT:
            # One noise in all channels, which is none between them.
            in_common = estimate_noise(jpeg_luma(image), clipped=self._clipped, mask=mask)
            return in_common if np.mean(in_common) >= _LEAST_IN_COMMON else sigma
        if self._table is None:
            return sigma
        image = jpeg_luma(image) if toned else image
        hidden = estimate_sigma_before_jpeg(image, self._table, self._grid or (0, 0), mask=mask)
        if hidden and quality_of_table(self._table) >= _HIDES_NOTHING:
            # All but the chroma, which may be halved, is seen as it was.
            luma = jpeg_luma(image) if image.shape[2] == 3 else image
            seen = estimate_sigma(luma, clipped=self._clipped, mask=mask)
            hidden = min(hidden, seen / noise_in_luma(image.shape[2]))
        return hidden if hidden > np.mean(sigma) else sigma

    @property
    def quality(self) -> float:
        """Quality of JPEG, 1 to 100, in the file or read off the pixels; 100 without a trace."""
        if self._table is not None:
            return float(quality_of_table(self._table))
        return float(self._seen[0])

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Rows and columns before JPEG's first whole block."""
        if self._grid is not None:
            return self._grid
        if "_seen" in vars(self):
            return self._seen[1]
        part, offset = self._inside
        return _moved(estimate_grid(part), offset)

    @cached_property
    def _seen(self) -> tuple[int, tuple[int, int]]:
        part, offset = self._inside
        quality, grid = estimate_jpeg(part)
        return quality, _moved(grid, offset)

    @cached_property
    def _photographic(self) -> Mask | None:
        return photographic(self._image, self._visible)

    @property
    def _inside(self) -> tuple[NDArray[Any], tuple[int, int]]:
        """The part that holds all of the photograph, and where it begins."""
        if self._photographic is None:
            return self._image, (0, 0)
        rows, columns = bounds(self._photographic)
        return self._image[rows, columns], (rows.start, columns.start)


def _moved(grid: tuple[int, int], offset: tuple[int, int]) -> tuple[int, int]:
    """The grid of a part as that of the whole."""
    row, column = ((first + start) % 8 for first, start in zip(grid, offset, strict=True))
    return row, column
