"""Train the small network that says how strong a camera's noise is (rnan.estimation.camera_noise).

    python scripts/camera_noise_estimate.py --data ../shared/data --minutes 30
    python scripts/camera_noise_estimate.py --data ../shared/data --minutes 30 --start

It sees crops of training pictures: clean ones (soft, sharpened, enlarged, made smaller, saved as
JPEG once or twice), photographs of the synthetic camera, and white noise, with and without JPEG.
What it says of crops of validation pictures is printed, and the file in the package replaced;
--start goes on from that file. Nothing real is looked at.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor, nn

from rnan.degradations.batched import camera, jpeg
from rnan.degradations.jpeg import Subsampling
from rnan.estimation import camera_noise
from rnan.evaluation.datasets import picture_files, split
from rnan.images import read, write_whole

FOLDERS = ("bsd398", "t91", "cid22")
FILE = Path(camera_noise.__file__).with_suffix(".safetensors")
SIDE, NUMBER, VALIDATION = 256, 6000, 800
"""Side of the crops, and how many there are."""
SCALES, SHARES = (1.0, 0.5, 2 / 3, 1.5, 2.0), (0.45, 0.25, 0.1, 0.1, 0.1)
"""Size of what a crop is of, over the file's, and how often."""
KINDS, OFTEN = ("clean", "camera", "white"), (0.35, 0.45, 0.2)
GRAY = 0.35
"""Share of the crops that are gray: they lack what says most, the noise of colour."""
FLOOR = 0.5
"""Standard deviation that no noise counts as."""
RATE, BATCH = 3e-3, 16
SUBSAMPLINGS: tuple[Subsampling, ...] = ("4:4:4", "4:2:2", "4:2:0")

Generator = np.random.Generator


@dataclass(frozen=True)
class Material:
    """Crops, and what is to be said of them."""

    crops: NDArray[np.uint8]
    """``(N, SIDE, SIDE, 3)``."""
    strength: NDArray[np.float32]
    """Logarithm to base 2 of the noise's standard deviation."""
    white: NDArray[np.float32]
    """1 where it is white."""


class Estimator(nn.Module):
    """What :mod:`rnan.estimation.camera_noise` computes."""

    def __init__(self, filters: int = 24, features: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.fine = nn.Parameter(0.1 * torch.randn(filters, 3, 7, 7))
        self.coarse = nn.Parameter(0.1 * torch.randn(filters, 3, 7, 7))
        self.a = nn.Conv2d(4 * filters + 3, features, 3)
        self.b = nn.Conv2d(features, features, 1)
        self.att = nn.Conv2d(features, heads, 1)
        self.c = nn.Linear(heads * features, features)
        self.last = nn.Linear(features, 2)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Of ``(B, 3, H, W)`` from 0 to 255: strength, and evidence for white noise."""
        seen = [F.avg_pool2d(pictures, 8) / 128 - 1]
        half = F.avg_pool2d(pictures, 2)
        for picture, filters, each in ((pictures, self.fine, 4), (half, self.coarse, 2)):
            energy = F.conv2d(picture, zero_mean(filters), stride=2).square()
            mean, square = F.avg_pool2d(energy, each), F.avg_pool2d(energy.square(), each)
            seen.append(torch.log2(mean + 0.02) / 4)
            seen.append(torch.log2((square + 0.02) / (mean.square() + 0.02)) / 2)
        rows, columns = (min(part.shape[axis] for part in seen) for axis in (2, 3))
        blocks = F.leaky_relu(self.a(torch.cat([x[..., :rows, :columns] for x in seen], 1)), 0.1)
        blocks = F.leaky_relu(self.b(blocks), 0.1)
        belief = torch.softmax(self.att(blocks).flatten(2).clamp(-12, 12), 2)
        pooled = torch.einsum("bhn,bfn->bhf", belief, blocks.flatten(2)).flatten(1)
        said = self.last(F.leaky_relu(self.c(pooled), 0.1))
        return said[:, 0] + 1, said[:, 1]


def zero_mean(filters: Tensor) -> Tensor:
    """Filters that see no brightness."""
    return filters - filters.mean((2, 3), keepdim=True)


def pictures_of(train: Path, *, validation: bool) -> list[Tensor]:
    """``(3, H, W)``, uint8."""
    files = [file for name in FOLDERS for file in split(picture_files(train / name))[validation]]
    pixels = [np.broadcast_to(one, (*one.shape[:2], 3)) for one in (read(f).pixels for f in files)]
    return [torch.from_numpy(one.transpose(2, 0, 1).copy()) for one in pixels]


def material(pictures: list[Tensor], number: int, seed: int) -> Material:
    """Crops of all kinds."""
    random = np.random.default_rng(seed)
    crops = np.empty((number, SIDE, SIDE, 3), np.uint8)
    strength, white = np.empty(number, np.float32), np.empty(number, np.float32)
    kinds = random.choice(len(KINDS), number, p=OFTEN)
    for index, kind in enumerate(kinds):
        clean = crop(pictures, random)
        if KINDS[kind] == "camera":
            lq, sigma = taken(clean, random)
        else:
            if random.random() < 0.5:
                clean = camera.clean(clean, any_camera(random))
            lq, sigma = disturbed(clean, random, white=KINDS[kind] == "white")
        crops[index] = (255 * lq[0]).round().byte().permute(1, 2, 0).numpy()
        strength[index] = math.log2(max(sigma, FLOOR))
        white[index] = KINDS[kind] == "white"
    return Material(crops, strength, white)


def crop(pictures: list[Tensor], random: Generator) -> Tensor:
    """``(1, 3, SIDE, SIDE)`` in [0, 1], some of them gray."""
    while True:
        picture = pictures[random.integers(len(pictures))]
        side = math.ceil(SIDE / random.choice(SCALES, p=SHARES))
        if min(picture.shape[1:]) < side:
            continue
        top, left = (int(random.integers(length - side + 1)) for length in picture.shape[1:])
        part = picture[None, :, top : top + side, left : left + side].float() / 255
        if side != SIDE:
            part = F.interpolate(part, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
        return camera.luma_of(part).expand(-1, 3, -1, -1) if random.random() < GRAY else part


def taken(clean: Tensor, random: Generator) -> tuple[Tensor, float]:
    """What a camera makes of a crop, and how strong the noise is."""
    cameras = any_camera(random)
    if is_gray(clean):
        cameras = replace(cameras, gray=torch.ones(1))

    def normal(where: Tensor, height: int, width: int) -> Tensor:
        draws = random.standard_normal((1, camera.NORMALS, height, width), np.float32)
        return torch.from_numpy(draws)

    lq = camera.photograph(clean, cameras, normal)
    without = camera.saved(rounded(camera.clean(clean, cameras)), cameras)
    return lq, 255 * float((lq - without).square().mean().sqrt())


def is_gray(picture: Tensor) -> bool:
    """Whether its channels say the same."""
    return bool((picture[:, 0] == picture[:, 1]).all())


def any_camera(random: Generator) -> camera.Cameras:
    """One, drawn."""
    return camera.draw(torch.from_numpy(random.random((1, camera.UNIFORMS))).float())


def disturbed(clean: Tensor, random: Generator, *, white: bool) -> tuple[Tensor, float]:
    """What is no camera's noise, and how strong it is."""
    if not white:
        if random.random() < 0.2:
            soft = camera.blurred(clean, torch.ones(1))
            clean = clean + float(random.uniform(0.2, 1.0)) * (clean - soft)
        clean = rounded(clean)
        for _ in range(2):
            if random.random() < 0.5:
                clean = saved(clean, int(random.integers(30, 101)), int(random.integers(3)))
        return clean, 0.0
    draws = torch.from_numpy(random.standard_normal(tuple(clean.shape))).float()
    if is_gray(clean):
        draws = draws[:, :1].expand_as(draws)
    noisy = rounded(clean + math.exp(random.uniform(0.0, math.log(60))) / 255 * draws)
    clean = rounded(clean)
    if random.random() < 0.3:
        how = int(random.integers(70, 101)), int(random.integers(3))
        noisy, clean = saved(noisy, *how), saved(clean, *how)
    return noisy, 255 * float((noisy - clean).square().mean().sqrt())


def rounded(picture: Tensor) -> Tensor:
    """As in 8 bits."""
    return (255 * picture.clamp(0, 1)).round() / 255


def saved(picture: Tensor, quality: int, subsampling: int) -> Tensor:
    """Through JPEG."""
    return jpeg.compress_batch(
        picture, torch.tensor([float(quality)]), subsampling=SUBSAMPLINGS[subsampling]
    )


def fit(network: Estimator, known: Material, held_out: Material, minutes: float) -> Estimator:
    """The mean of the weights along the way."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    mean = torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)  # type: ignore[no-untyped-call]
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=mean)
    random, start, step = np.random.default_rng(0), time.monotonic(), 0
    while (passed := (time.monotonic() - start) / 60 / minutes) < 1:
        factor = min(1.0, step / 100 + 0.01) * (0.5 + 0.5 * math.cos(math.pi * passed))
        optimizer.param_groups[0]["lr"] = RATE * factor
        chosen = random.integers(len(known.crops), size=BATCH)
        strength, evidence = network(turned(known.crops[np.sort(chosen)], random))
        told, white = (
            torch.from_numpy(values[np.sort(chosen)]) for values in (known.strength, known.white)
        )
        loss = F.smooth_l1_loss(strength, told, beta=0.25)
        noisy = told > 0
        if noisy.any():
            loss = loss + 0.5 * F.binary_cross_entropy_with_logits(evidence[noisy], white[noisy])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        if step % 1000 == 0:
            print(step, f"loss {loss.item():.3f}", *report(average.module, held_out), sep="\n  ")
    fitted = average.module
    assert isinstance(fitted, Estimator)
    return fitted


def turned(crops: NDArray[np.uint8], random: Generator) -> Tensor:
    """A part of each crop, mirrored, turned, its colours exchanged."""
    side = int(random.choice([128, 192, 256]))
    top, left = random.integers(SIDE - side + 1, size=2)
    parts = crops[:, top : top + side, left : left + side]
    parts = parts[:, :: random.choice([-1, 1]), :: random.choice([-1, 1])]
    parts = parts[..., :: random.choice([-1, 1])]
    if random.random() < 0.5:
        parts = parts.transpose(0, 2, 1, 3)
    return as_tensor(parts)


def as_tensor(crops: NDArray[np.uint8]) -> Tensor:
    """``(B, 3, H, W)``, from 0 to 255."""
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float()


@torch.no_grad()
def report(network: nn.Module, held_out: Material) -> list[str]:
    """How often noise is seen where there is none, and not seen where there is some."""
    said = [network(as_tensor(held_out.crops[i : i + 16])) for i in range(0, VALIDATION, 16)]
    strength, evidence = (torch.cat(part).numpy() for part in zip(*said, strict=True))
    sigma, true, white = 2.0**strength, 2.0**held_out.strength, held_out.white > 0
    is_camera = (sigma > camera_noise.VISIBLE) & (evidence <= 0)
    clean = ~white & (true <= FLOOR)
    lines = [f"clean taken for noisy: {100 * is_camera[clean].mean():.1f} %"]
    for low, high in ((2, 3), (3, 4.5), (4.5, 8), (8, 90)):
        some = ~white & (true > low) & (true <= high)
        ratio = " ".join(f"{one:.2f}" for one in np.percentile((sigma / true)[some], (10, 50, 90)))
        missed = 100 * (~is_camera)[some].mean()
        lines.append(f"camera, {low} to {high}: missed {missed:.1f} %, over the truth {ratio}")
    strong = white & (true > 5)
    lines.append(f"white above 5 taken for a camera's: {100 * is_camera[strong].mean():.1f} %")
    return lines


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1, help="of the crops")
    parser.add_argument("--start", action="store_true", help="go on from the package's file")
    options = parser.parse_args()
    train = options.data / "train"
    torch.manual_seed(0)
    network = Estimator()
    if options.start:
        shapes = network.state_dict()
        known = {name: value.float() for name, value in load_file(FILE).items()}
        network.load_state_dict({name: known[name].view(shapes[name].shape) for name in shapes})
    held_out = material(pictures_of(train, validation=True), VALIDATION, seed=2)
    network = fit(
        network,
        material(pictures_of(train, validation=False), NUMBER, seed=options.seed),
        held_out,
        options.minutes,
    )
    print(*report(network, held_out), sep="\n")
    state = network.state_dict()
    for name in ("fine", "coarse"):
        state[name] = zero_mean(state[name])
    flat = {name: value.half().reshape(len(value), -1).squeeze(-1) for name, value in state.items()}
    write_whole(FILE, save({name: value.contiguous() for name, value in flat.items()}))


if __name__ == "__main__":
    main()
