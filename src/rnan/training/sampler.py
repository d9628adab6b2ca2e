"""Batches of training patches: a function of the seed and the step, nothing else.

So a resumed run goes on with the very patches that an uninterrupted one would have seen, and
processes that share a batch each compute the whole plan and take their part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from rnan.training.cache import PictureCache


@dataclass(frozen=True, kw_only=True)
class Levels:
    """How the level of a patch is drawn."""

    low: float
    high: float
    small_share: float
    small: float


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Patches and what their degradation needs, on the training device."""

    gt: Tensor
    """``(B, C, P, P)`` in [0, 1]."""
    levels: Tensor
    """``(B,)``."""
    draws: Tensor
    """Standard normal numbers shaped like ``gt``."""


class PatchSampler:
    """Cuts, turns and flips patches as batched operations where the pictures lie.

    Args:
        cache: The pictures.
        patch_size: Side of a patch.
        batch_size: Patches of a step.
        levels: How the level is drawn, for each patch.
        seed: Another seed, another stream.
        device: Of the training.
    """

    def __init__(
        self,
        cache: PictureCache,
        *,
        patch_size: int,
        batch_size: int,
        levels: Levels,
        seed: int,
        device: torch.device,
    ) -> None:
        self.cache = cache
        self.patch_size = patch_size
        self.batch_size = batch_size
        self.levels = levels
        self.seed = seed
        self.device = device
        self._turns = _turned_grids(patch_size).to(cache.device)  # (8, 2, P, P)

    def stream(self, first_step: int) -> Iterator[Batch]:
        """Batches from a step on, without end.

        Where a GPU trains on pictures that are not in its memory, a thread cuts the next batch
        meanwhile.
        """
        step = first_step
        while self.cache.device == self.device:
            yield self.batch(step)
            step += 1
        with ThreadPoolExecutor(1, thread_name_prefix="patches") as pool:
            coming = pool.submit(self.batch, step)
            while True:
                batch = coming.result()
                step += 1
                coming = pool.submit(self.batch, step)
                yield batch

    def batch(self, step: int) -> Batch:
        """The batch of one step."""
        plan = torch.Generator().manual_seed(_seed(self.seed, step, "plan"))
        size, side = self.batch_size, self.patch_size
        cache = self.cache
        # Every pixel of every picture is as likely as any other.
        areas = (cache.heights * cache.widths).double()
        picture = torch.multinomial(areas, size, replacement=True, generator=plan)
        place = torch.rand(2, size, generator=plan, dtype=torch.float64)
        top = (place[0] * (cache.heights[picture] - side + 1)).long()
        left = (place[1] * (cache.widths[picture] - side + 1)).long()
        turn = torch.randint(8, (size,), generator=plan)
        levels = self._draw_levels(torch.rand(2, size, generator=plan))

        where = cache.device
        rows, columns = self._turns[turn.to(where)].unbind(1)
        corner = (cache.offsets[picture] + top * cache.widths[picture] + left).to(where)
        width = cache.widths[picture].to(where)
        index = corner[:, None, None] + rows * width[:, None, None] + columns
        patches = cache.pixels[index]  # (B, P, P, C)
        gt = patches.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255.0)
        noise = torch.Generator(self.device).manual_seed(_seed(self.seed, step, "draws"))
        draws = torch.randn(size, side, side, gt.shape[1], generator=noise, device=self.device)
        return Batch(
            gt=gt,
            levels=levels.to(self.device, non_blocking=True),
            draws=draws.permute(0, 3, 1, 2),  # channels-last, as gt is
        )

    def _draw_levels(self, uniform: Tensor) -> Tensor:
        rule = self.levels
        high = torch.where(uniform[0] < rule.small_share, min(rule.small, rule.high), rule.high)
        return rule.low + uniform[1] * (high - rule.low)


def _turned_grids(side: int) -> Tensor:
    """Row and column of each pixel of a patch under the eight turns and flips: ``(8, 2, P, P)``."""
    steps = torch.arange(side)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="ij"))
    turned = [torch.rot90(grid, turns, (1, 2)) for turns in range(4)]
    return torch.stack([*turned, *(one.flip(2) for one in turned)])


def _seed(seed: int, step: int, purpose: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{step}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
