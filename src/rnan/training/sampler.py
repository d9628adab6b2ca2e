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
    whole: bool = False
    """Whole numbers only, as JPEG's quality is."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Patches and what their degradation needs, on the training device."""

    gt: Tensor
    """``(B, C, S, S)`` in [0, 1], S = (patch + 2·margin)·scale: the patch, and around it what its
    degradation reaches for."""
    levels: Tensor
    """``(B,)``."""
    draws: Tensor
    """Standard normal numbers shaped like ``gt``; none where the task has no noise."""
    scale: int = 1
    """Enlargement, one for the whole batch."""


class PatchSampler:
    """Cuts, turns and flips patches as batched operations where the pictures lie.

    Args:
        cache: The pictures.
        patch_size: Side of a patch, in LQ pixels.
        batch_size: Patches of a step.
        levels: How the level is drawn, for each patch.
        seed: Another seed, another stream.
        device: Of the training.
        scales: Enlargements, one of them drawn for each batch.
        margin: LQ pixels around the patch; beyond a picture's border its last pixels are repeated.
        noise: Whether the degradation needs random numbers.
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
        scales: tuple[int, ...] = (1,),
        margin: int = 0,
        noise: bool = True,
    ) -> None:
        self.cache = cache
        self.patch_size = patch_size
        self.batch_size = batch_size
        self.levels = levels
        self.seed = seed
        self.device = device
        self.scales = scales
        self.margin = margin
        self.noise = noise

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
        size, cache = self.batch_size, self.cache
        # Every pixel of every picture is as likely as any other.
        areas = (cache.heights * cache.widths).double()
        picture = torch.multinomial(areas, size, replacement=True, generator=plan)
        place = torch.rand(2, size, generator=plan, dtype=torch.float64)
        turn = torch.randint(8, (size,), generator=plan)
        levels = self._draw_levels(torch.rand(2, size, generator=plan))
        drawn = int(torch.randint(len(self.scales), (1,), generator=plan))
        scale = self.scales[drawn]

        rows = self._along(cache.heights[picture], place[0], scale)
        columns = self._along(cache.widths[picture], place[1], scale)
        gt = self._cut(picture, rows, columns, turn).to(self.device, non_blocking=True)
        gt = gt.permute(0, 3, 1, 2).float().div_(255.0)
        draws = gt.new_empty(0, 0, 0, 0)
        if self.noise:
            source = torch.Generator(self.device).manual_seed(_seed(self.seed, step, "draws"))
            shape = (size, *gt.shape[2:], gt.shape[1])
            draws = torch.randn(shape, generator=source, device=self.device)
        return Batch(
            gt=gt,
            levels=levels.to(self.device, non_blocking=True),
            draws=draws.permute(0, 3, 1, 2),  # channels-last, as gt is
            scale=scale,
        )

    def _along(self, lengths: Tensor, place: Tensor, scale: int) -> Tensor:
        """Positions of the patches along one side, margins included: ``(B, S)``."""
        first = (place * (lengths - self.patch_size * scale + 1)).long()
        margin = self.margin * scale
        steps = torch.arange(-margin, self.patch_size * scale + margin)
        return (first[:, None] + steps).clamp(min=0).minimum(lengths[:, None] - 1)

    def _cut(self, picture: Tensor, rows: Tensor, columns: Tensor, turn: Tensor) -> Tensor:
        """Pixels ``(B, S, S, C)`` under the eight turns and flips: bits of ``turn`` say which."""
        cache = self.cache
        rows = torch.where((turn & 1).bool()[:, None], rows.flip(1), rows)
        columns = torch.where((turn & 2).bool()[:, None], columns.flip(1), columns)
        rows = cache.offsets[picture][:, None] + rows * cache.widths[picture][:, None]
        rows, columns, turn = (one.to(cache.device) for one in (rows, columns, turn))
        index = rows[:, :, None] + columns[:, None, :]
        transposed = rows[:, None, :] + columns[:, :, None]
        return cache.pixels[torch.where((turn & 4).bool()[:, None, None], transposed, index)]

    def _draw_levels(self, uniform: Tensor) -> Tensor:
        rule = self.levels
        high = torch.where(uniform[0] < rule.small_share, min(rule.small, rule.high), rule.high)
        if rule.whole:
            return rule.low + (uniform[1] * (high - rule.low + 1.0)).floor()
        return rule.low + uniform[1] * (high - rule.low)


def _seed(seed: int, step: int, purpose: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{step}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
