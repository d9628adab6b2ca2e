"""Batches of training patches: a function of the seed and of each patch's number in the stream.

So a resumed run goes on with the very patches that an uninterrupted one would have seen, and
processes that share a batch each cut their own part of it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rnan.training import counter, saved
from rnan.training.cache import PictureCache
from rnan.training.colours import vivid
from rnan.training.gratings import DRAWS, with_gratings


@dataclass(frozen=True, kw_only=True)
class Levels:
    """How the level of a patch is drawn."""

    low: float
    high: float
    small_share: float = 0.0
    small: float = 0.0
    whole: bool = False
    """Whole numbers only, as JPEG's quality is."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The part of each batch that one of several processes cuts."""

    rank: int = 0
    of: int = 1


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
    lq: Tensor | None = None
    """``(B, C, patch, patch)`` where the pictures came with LQ pictures."""
    quality: Tensor | None = None
    """``(B,)`` on the processor: of the JPEG that the noisy patch is saved as, 0 for none."""
    index: Tensor
    """``(B,)`` on the processor: numbers of the patches in the stream."""
    scale: int = 1
    """Enlargement, one for the whole batch."""


@dataclass(kw_only=True, eq=False)
class PatchSampler:
    """Cuts, turns and flips patches as batched operations where the pictures lie."""

    cache: PictureCache = field(kw_only=False)
    patch_size: int
    """Side of a patch, in LQ pixels."""
    batch_size: int
    """Patches of a step, over all processes."""
    levels: Levels
    """How the level is drawn, for each patch."""
    seed: int
    """Another seed, another stream."""
    device: torch.device
    """Device of the training."""
    scales: tuple[int, ...] = (1,)
    """Enlargements, one of them drawn for each step."""
    margin: int = 0
    """LQ pixels around the patch; beyond a picture's border its last pixels are repeated."""
    noise: bool = True
    """Whether the degradation needs random numbers."""
    vivid_share: float = 0.0
    """Share of the patches whose colours are made stronger."""
    grating_share: float = 0.0
    """Share of the patches that are gray stripes."""
    jpeg_share: float = 0.0
    """Share of the patches that are saved as JPEGs with their noise."""
    multiple: int = 1
    """Where the pictures came with LQ pictures: patches begin at multiples of this."""
    part: Part = Part()
    """What this process cuts of each batch."""

    def __post_init__(self) -> None:
        # Every pixel of every picture is as likely as any other.
        self._until = torch.cumsum(self.cache.heights * self.cache.widths, 0)

    def stream(self, first_step: int) -> Iterator[Batch]:
        """Batches from a step on, without end.

        Where a GPU trains, a thread cuts the next batch meanwhile.
        """
        step = first_step
        while self.device.type == "cpu":
            yield self.batch(step)
            step += 1
        with ThreadPoolExecutor(1, thread_name_prefix="patches") as pool:
            coming = pool.submit(self.batch, step)
            while True:
                batch = coming.result()
                step += 1
                coming = pool.submit(self.batch, step)
                yield batch

    def indices(self, step: int) -> Tensor:
        """Numbers in the stream of this process's patches of a step."""
        number = self.batch_size // self.part.of
        return step * self.batch_size + self.part.rank * number + torch.arange(number)

    def batch(self, step: int) -> Batch:
        """This process's part of the batch of one step."""
        index = self.indices(step)
        plan = counter.uniform(counter.keys(self.seed, "plan", index), 6).T
        picture = torch.searchsorted(self._until, (plan[0] * self._until[-1]).long(), right=True)
        turn = (plan[3] * 8).long()
        levels = self._draw_levels(plan[4], plan[5]).float()
        chosen = counter.uniform(counter.keys(self.seed, "scale", torch.tensor([step])), 1)
        scale = self.scales[int(chosen * len(self.scales))]

        lq = None
        if self.cache.lq is not None:
            lq = self._cut(self.cache.lq, picture, plan[1:3], turn, scale=1)
        gt = self._cut(self.cache, picture, plan[1:3], turn, scale=scale)
        if self.vivid_share:
            colour = counter.uniform(counter.keys(self.seed, "colour", index), 3)
            gt = vivid(gt, colour, share=self.vivid_share)
        if self.grating_share:
            stripes = counter.uniform(counter.keys(self.seed, "grating", index), DRAWS)
            gt = with_gratings(gt, stripes, share=self.grating_share)
        quality = None
        if self.jpeg_share:
            kept = counter.uniform(counter.keys(self.seed, "jpeg", index), saved.DRAWS)
            quality = saved.qualities(kept, share=self.jpeg_share)
        draws = gt.new_empty(0, 0, 0, 0)
        if self.noise and lq is None:
            noise = counter.keys(self.seed, "noise", index).to(self.device, non_blocking=True)
            flat = counter.normal(noise, gt[0].numel())
            # Channels-last, as gt is.
            draws = flat.view(len(index), *gt.shape[2:], gt.shape[1]).permute(0, 3, 1, 2)
        return Batch(
            gt=gt,
            levels=levels.to(self.device, non_blocking=True),
            draws=draws,
            lq=lq,
            quality=quality,
            index=index,
            scale=scale,
        )

    def _cut(
        self, cache: PictureCache, picture: Tensor, place: Tensor, turn: Tensor, *, scale: int
    ) -> Tensor:
        """Patches ``(B, C, S, S)`` under the eight turns and flips: bits of ``turn`` say which."""
        rows = self._along(self.cache.heights[picture], place[0], scale)
        columns = self._along(self.cache.widths[picture], place[1], scale)
        rows = torch.where((turn & 1).bool()[:, None], rows.flip(1), rows)
        columns = torch.where((turn & 2).bool()[:, None], columns.flip(1), columns)
        rows = cache.offsets[picture][:, None] + rows * cache.widths[picture][:, None]
        rows, columns, turn = (
            one.to(cache.device, non_blocking=True) for one in (rows, columns, turn)
        )
        index = rows[:, :, None] + columns[:, None, :]
        transposed = rows[:, None, :] + columns[:, :, None]
        pixels = cache.pixels[torch.where((turn & 4).bool()[:, None, None], transposed, index)]
        on_device = pixels.to(self.device, non_blocking=True)
        return on_device.permute(0, 3, 1, 2).float().div_(255.0)

    def _along(self, lengths: Tensor, place: Tensor, scale: int) -> Tensor:
        """Positions of the patches along one side, margins included: ``(B, S)``."""
        side = self.patch_size * scale
        if self.cache.lq is None:
            first = (place * (lengths - side + 1)).long()
        else:
            lengths = lengths * scale // self.scales[0]
            choices = (lengths - side) // (scale * self.multiple) + 1
            first = (place * choices).long() * self.multiple * scale
        margin = self.margin * scale
        steps = torch.arange(-margin, side + margin)
        return (first[:, None] + steps).clamp(min=0).minimum(lengths[:, None] - 1)

    def _draw_levels(self, kind: Tensor, place: Tensor) -> Tensor:
        rule = self.levels
        high = torch.where(kind < rule.small_share, min(rule.small, rule.high), rule.high)
        if rule.whole:
            return rule.low + (place * (high - rule.low + 1.0)).floor()
        return rule.low + place * (high - rule.low)
