"""White Gaussian noise for batches on a device; see :mod:`rnan.degradations.noise`."""

from torch import Tensor


def add_noise(gt: Tensor, sigma: Tensor, draws: Tensor) -> Tensor:
    """Noise for training, on the device of the batch.

    Args:
        gt: Clean pictures in [0, 1], ``(B, C, H, W)``.
        sigma: Standard deviations on the 0-255 scale, ``(B,)``.
        draws: Standard normal numbers shaped like ``gt``.

    Returns:
        ``gt`` plus noise, neither clipped nor rounded.
    """
    return gt + draws * (sigma / 255.0)[:, None, None, None]
