from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from conftest import photo
from rnan.errors import InputError
from rnan.evaluation.metrics import as_eight_bit, measured, psnr, ssim
from rnan.tasks import Protocol


def pair(channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    gt = photo(41, 37, channels=channels).astype(np.float64)
    noisy = gt + np.random.default_rng(1).normal(0, 12, gt.shape)
    return (noisy, gt) if channels == 3 else (noisy[:, :, 0], gt[:, :, 0])


@pytest.mark.parametrize("channels", [1, 3])
def test_agree_with_scikit_image(channels: int) -> None:
    noisy, gt = pair(channels)
    assert psnr(noisy, gt) == pytest.approx(peak_signal_noise_ratio(gt, noisy, data_range=255))
    _, whole = structural_similarity(
        noisy,
        gt,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=2 if channels == 3 else None,
        full=True,
    )
    assert ssim(noisy, gt) == pytest.approx(whole[5:-5, 5:-5].mean(), abs=1e-9)


def test_known_values() -> None:
    gt = np.zeros((16, 16))
    assert psnr(gt + 1, gt) == pytest.approx(20 * np.log10(255))
    assert psnr(gt, gt) == 100.0
    assert psnr(gt + 255, gt) == pytest.approx(0.0)
    c1 = (0.01 * 255) ** 2
    # Flat pictures: only the means differ, so SSIM is its luminance term.
    assert ssim(gt + 100, gt + 50) == pytest.approx((2 * 5000 + c1) / (12500 + c1))


def test_identity_and_symmetry() -> None:
    noisy, gt = pair()
    assert ssim(gt, gt) == pytest.approx(1.0)
    assert psnr(noisy, gt) == psnr(gt, noisy)
    assert ssim(noisy, gt) == pytest.approx(ssim(gt, noisy))


def under(protocol: Protocol, restored: np.ndarray, gt: np.ndarray, scale: int = 1) -> float:
    return psnr(*(measured(protocol, one, scale=scale) for one in (restored, gt)))


def test_protocol_cuts_the_border() -> None:
    gt = np.zeros((30, 30, 1))
    spoilt = gt.copy()
    spoilt[:4] = 255
    assert under(Protocol(name="x", crop_border=4), spoilt, gt) == 100.0
    assert under(Protocol(name="x", crop_border=3), spoilt, gt) < 20
    with pytest.raises(InputError, match="nothing inside"):
        under(Protocol(name="x", crop_border=15), gt, gt)
    assert under(Protocol(name="x", crop_border=1), spoilt, gt, scale=4) == 100.0


def test_protocol_on_luma() -> None:
    gt = photo(30, 40).astype(np.float64)
    one = Protocol(name="x", luma=True)
    # 1 more in every channel is 219/255 more in luma.
    assert under(one, gt + 1, gt) == pytest.approx(20 * np.log10(255 * 255 / 219))
    assert under(one, gt[:, :, :1] + 1, gt[:, :, :1]) == pytest.approx(20 * np.log10(255))


def test_a_second_formula_for_ssim() -> None:
    """The definition, pixel by pixel, with a two-dimensional window."""
    noisy, gt = pair(1)
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for row in range(gt.shape[0] - 10):
        for column in range(gt.shape[1] - 10):
            x, y = (p[row : row + 11, column : column + 11] for p in (noisy, gt))
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            cov = (window * (x - mx) * (y - my)).sum()
            c1, c2 = 2.55**2, 7.65**2
            top = (2 * mx * my + c1) * (2 * cov + c2)
            values.append(top / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    assert ssim(noisy, gt) == pytest.approx(np.mean(values), abs=1e-10)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="differ in shape"):
        psnr(np.zeros((4, 4)), np.zeros((4, 5)))
    with pytest.raises(InputError, match="at least 11"):
        ssim(np.zeros((10, 20)), np.zeros((10, 20)))


def test_eight_bit_clips_and_rounds() -> None:
    assert as_eight_bit(np.array([-3.0, 1.4, 1.6, 300.0])).tolist() == [0.0, 1.0, 2.0, 255.0]
