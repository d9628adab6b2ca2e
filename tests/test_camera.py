"""The synthetic camera: what it adds is noise like a camera's, and nothing where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import photo
from rnan.degradations.batched import camera
from rnan.degradations.batched.camera import Cameras, draw, photograph
from rnan.degradations.batched.mosaic import mosaic_batch
from rnan.evaluation.methods import _optional
from rnan.training.photographed import UNKNOWN, photographed, taken


def normal(where: Tensor, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    return torch.randn(len(where), camera.NORMALS, height, width, generator=generator)


def plain(number: int = 1, **changed: float) -> Cameras:
    """Cameras that process nothing and save no JPEG: the noise is a sensor's own."""
    settings = {
        "reading": 0.0,
        "row": 0.0,
        "hot": 0.0,
        "cut_at_black": 0.0,
        "malvar": 1.0,
        "luma_reached": 0.0,
        "chroma_reached": 0.0,
        "chroma_kept": 1.0,
        "sharpening": 0.0,
        "shrunk": 1.0,
        "gray": 0.0,
        "subsampling": 0.0,
        "coarse": 0.0,
        "chroma_coarse": 0.0,
        "softness": 0.0,
        "enlarged": 1.0,
        **changed,
    }
    cameras = draw(torch.rand(number, camera.UNIFORMS))
    values = {name: torch.full((number,), value) for name, value in settings.items()}
    return replace(cameras, **values)


def pictures(number: int, side: int = 64) -> Tensor:
    made = [photo(side, side, seed=seed) for seed in range(number)]
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).float() / 255.0


def test_without_noise_a_picture_stays_as_it_is() -> None:
    gt = pictures(4)
    taken = photograph(gt, plain(4, photon=0.0), normal)
    assert torch.allclose(taken, gt, atol=0.6 / 255.0)


def test_malvars_interpolation_is_the_librarys() -> None:
    mosaic = torch.rand(1, 3, 32, 40, dtype=torch.float64)
    mosaic = mosaic_batch(mosaic).sum(1, keepdim=True)
    ours = camera._demosaiced(mosaic, torch.ones(1))[0].permute(1, 2, 0).numpy()
    library = _optional("colour_demosaicing")
    theirs = library.demosaicing_CFA_Bayer_Malvar2004(mosaic[0, 0].numpy(), "GRBG")
    assert np.allclose(ours[3:-3, 3:-3], theirs[3:-3, 3:-3], atol=1e-12)


def test_bilinear_interpolation_is_the_librarys() -> None:
    mosaic = mosaic_batch(torch.rand(1, 3, 32, 40, dtype=torch.float64)).sum(1, keepdim=True)
    ours = camera._demosaiced(mosaic, torch.zeros(1))[0].permute(1, 2, 0).numpy()
    library = _optional("colour_demosaicing")
    theirs = library.demosaicing_CFA_Bayer_bilinear(mosaic[0, 0].numpy(), "GRBG")
    assert np.allclose(ours[3:-3, 3:-3], theirs[3:-3, 3:-3], atol=1e-12)


def test_the_tone_curve_has_an_inverse() -> None:
    cameras = draw(torch.rand(8, camera.UNIFORMS, dtype=torch.float64))
    value = torch.linspace(0.0, 1.0, 256, dtype=torch.float64).expand(8, 3, 1, 256)
    light = camera._without_tone(value, cameras)
    assert light.min() >= -1e-12
    assert light.max() <= 1 + 1e-12
    assert torch.allclose(camera._with_tone(light, cameras), value, atol=1e-9)


def test_photon_noise_grows_with_the_light() -> None:
    """In the green samples themselves, which interpolation leaves as they are."""
    cameras = plain(2, photon=1e-3)
    dark, bright = torch.full((2, 1, 1, 1), 0.1), torch.full((2, 1, 1, 1), 0.4)
    spread = []
    for light in (dark, bright):
        gt = camera._with_tone(light.expand(2, 3, 64, 64), cameras)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(camera, "_processed", lambda noise, cameras: noise)
            shown = gt + camera._noise(gt, cameras, normal(torch.arange(2), 64, 64))
        noise = camera._without_tone(shown, cameras) - light
        # Rows of the matrix sum to one and the light is gray: the samples' sum has green's noise.
        spread.append(noise.mean(1).var((1, 2)))
    assert torch.all(spread[1] > 2.5 * spread[0])


def test_smoothing_makes_noise_that_neighbours_and_colours_share() -> None:
    gt = torch.full((8, 3, 64, 64), 0.4)
    processed = {"luma_reached": 1.0, "luma_blur": 1.0, "chroma_reached": 1.0, "chroma_blur": 4.0}
    noise = photograph(gt, plain(8, photon=1e-2, **processed), normal) - gt
    a, b = noise[:, 1, :, 1:].flatten().numpy(), noise[:, 1, :, :-1].flatten().numpy()
    assert np.corrcoef(a, b)[0, 1] > 0.5
    r, g = noise[:, 0].flatten().numpy(), noise[:, 1].flatten().numpy()
    assert np.corrcoef(r, g)[0, 1] > 0.4


def test_gray_photographs_have_three_equal_channels() -> None:
    gt = pictures(2)
    cameras = plain(2, photon=1e-2, gray=1.0)
    noisy, truth = photograph(gt, cameras, normal), camera.clean(gt, cameras)
    for picture in (noisy, truth):
        assert torch.allclose(picture[:, :1].expand_as(picture), picture, atol=1e-6)


def test_a_patch_is_a_function_of_its_number() -> None:
    gt = pictures(8)
    index = torch.arange(8)
    whole = photographed(gt, index, seed=3)
    part = photographed(gt[5:], index[5:], seed=3)
    for one, other in zip(whole, part, strict=True):
        assert torch.allclose(one[5:], other, atol=1.5 / 255.0)
    lq, _, level = whole
    assert (level == UNKNOWN).any()
    assert (level != UNKNOWN).any()
    assert torch.equal((lq * 255.0).round(), lq * 255.0) or torch.allclose(
        (lq * 255.0).round(), lq * 255.0, atol=1e-3
    )


def test_what_jpeg_does_without_noise_is_no_noise() -> None:
    textured, flat = pictures(16), torch.full((16, 3, 64, 64), 0.4)
    index = torch.arange(16)
    for gt in (textured, flat):
        lq, truth, noise = taken(gt, index, seed=5)
        harm = 255.0 * (lq - truth).square().mean((1, 2, 3)).sqrt()
        if gt is flat:
            assert torch.allclose(noise, harm, atol=0.1)
        else:
            assert noise.min() < 0.8 * harm[noise.argmin()]


def test_all_that_is_drawn_lies_in_its_range() -> None:
    cameras = draw(torch.rand(2000, camera.UNIFORMS))
    assert torch.allclose(cameras.matrix.sum(2), torch.ones(2000, 3), atol=1e-5)
    diagonal = cameras.matrix.diagonal(dim1=1, dim2=2)
    assert diagonal.min() > 0.9
    assert diagonal.max() < 2.1
    assert 0.01 < (cameras.photon == 0).float().mean() < 0.1
    assert cameras.quality.min() >= 75
    assert cameras.quality.max() <= 100
    assert torch.linalg.inv(cameras.matrix).abs().max() < 10
