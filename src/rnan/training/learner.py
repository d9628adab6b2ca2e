"""One step of learning: degrade, restore, compare, move the weights."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rnan.models import RNAN
from rnan.tasks import Task
from rnan.training.config import TrainConfig
from rnan.training.distributed import Processes
from rnan.training.optimizers import Optimizer
from rnan.training.photographed import photographed
from rnan.training.sampler import Batch
from rnan.training.saved import saved
from rnan.training.sensed import sensed


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """What the network is shown, and what it should answer."""

    lq: Tensor
    """``(B, C, patch, patch)`` in [0, 1], noise beyond."""
    gt: Tensor
    """``(B, C, patch·scale, patch·scale)`` in [0, 1]."""
    level: Tensor | None
    """``(B,)`` or a map ``(B, 1, patch, patch)``, as the network takes it."""
    scale: int
    encoded: Callable[[Tensor], Tensor] | None = None
    """Makes of an answer what is compared with ``gt``, where that is encoded otherwise than ``lq``
    is."""


class Learner:
    """A network, the moving average of its weights, and what moves them."""

    def __init__(
        self,
        config: TrainConfig,
        task: Task,
        model: RNAN,
        *,
        device: torch.device,
        dtype: torch.dtype,
        processes: Processes,
    ) -> None:
        self.config = config
        self.task = task
        self.device = device
        self.dtype = dtype
        self.model: RNAN = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if dtype == torch.float64:
            self.model = self.model.double()
        self.average = {
            key: value.detach().clone() for key, value in self.model.state_dict().items()
        }
        self.optimizer = Optimizer(self.model, config.optimizer)
        self.step = 0
        self.skipped = torch.zeros((), device=device)
        """Steps that were not finite."""
        self.skipped_in_a_row = torch.zeros((), device=device)
        self._processes = processes
        self._parameters = list(self.model.parameters())
        # Each step uses the tail of one scale.
        self._network = processes.wrap(self.model, unused=len(self.model.config.scales) > 1)
        if config.compile:
            # Not the whole network, which would be compiled for each scale anew.
            for block in self.model.body:
                block.compile()

    def pairs(self, batch: Batch) -> Pairs:
        """Degrade a batch, unless its pictures came with LQ pictures."""
        task = self.task
        gt = batch.gt.to(self._work_dtype)
        level = batch.levels
        if self.config.data.sensor:
            measured = sensed(gt, batch.index, seed=self.config.seed)
            return Pairs(
                lq=measured.mosaic,
                gt=measured.gt,
                level=measured.level,
                scale=batch.scale,
                encoded=measured.encoded,
            )
        if self.config.data.camera:
            lq, gt, level = photographed(gt, batch.index, seed=self.config.seed)
        elif batch.lq is None:
            levels, draws = batch.levels.to(gt.dtype), batch.draws.to(gt.dtype)
            lq = task.degrade_batch(gt, levels, draws, batch.scale)
            if batch.quality is not None:
                lq = saved(lq, batch.quality)
            lq, gt = _inside(lq, task.margin), _inside(gt, task.margin * batch.scale)
        else:
            lq = batch.lq.to(self._work_dtype)
        channel = level / task.level_scale if self.model.config.level_channel else None
        return Pairs(lq=lq, gt=gt, level=channel, scale=batch.scale)

    def learn(self, pairs: Pairs, factor: float) -> tuple[Tensor, Tensor]:
        """One step.

        Returns:
            Mean loss over the processes, 0 where the step was skipped, and norm of the gradient:
            scalars on the device, so that nothing waits for them.
        """
        config = self.config
        white = self.model.config.value_range
        with self._autocast():
            lq = pairs.lq * white if white != 1.0 else pairs.lq
            restored = self._network(lq, pairs.level, pairs.scale)
        answer = restored.to(self._work_dtype) / white
        error = (answer if pairs.encoded is None else pairs.encoded(answer)) - pairs.gt
        loss = _loss(error, config.loss)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        clip = config.optimizer.clip
        norm = nn.utils.clip_grad_norm_(
            self._parameters, clip if clip is not None else float("inf")
        )
        # A loss that is not finite in one process must stop all of them.
        sound = self._processes.mean_(loss.detach().clone())
        bad = (~(norm.isfinite() & sound.isfinite())).float()
        self.optimizer.step(factor, bad)
        self.step += 1
        self.skipped += bad
        self.skipped_in_a_row = (self.skipped_in_a_row + 1) * bad
        self._average()
        return torch.where(bad > 0, torch.zeros_like(sound), sound), norm.detach()

    @torch.no_grad()
    def _average(self) -> None:
        # A short memory at first, so that the start is soon forgotten.
        decay = min(self.config.ema, self.step / (9 + self.step))
        torch._foreach_lerp_(
            list(self.average.values()), list(self.model.state_dict().values()), 1.0 - decay
        )

    @property
    def _work_dtype(self) -> torch.dtype:
        return torch.float64 if self.dtype == torch.float64 else torch.float32

    def _autocast(self) -> contextlib.AbstractContextManager[None]:
        if self.dtype in (torch.float32, torch.float64):
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)


PERFECT = 1e-6
"""Mean square, 60 dB: what the loss ``psnr`` makes little of."""


def _loss(error: Tensor, kind: str) -> Tensor:
    """Scalar, of errors ``(B, C, S, S)`` of values 0-1."""
    if kind == "l1":
        return error.abs().mean()
    squares = error.square()
    if kind == "l2":
        return squares.mean()
    # Half of it: its gradient is then near that of l1 in size.
    return 0.5 * (squares.mean((1, 2, 3)) + PERFECT).log().mean()


def _inside(x: Tensor, margin: int) -> Tensor:
    return x[..., margin:-margin, margin:-margin] if margin else x
