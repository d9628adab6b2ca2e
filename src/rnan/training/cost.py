"""What a step of a recipe costs: work, memory and time, tried on the machine itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from rnan.engines.torch_device import choose_dtype
from rnan.tasks import get_task
from rnan.training.config import TrainConfig
from rnan.training.distributed import Processes
from rnan.training.learner import Learner
from rnan.training.preparation import new_model, shape_of
from rnan.training.sampler import Batch


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """One step of a whole batch."""

    parameters: int
    flops: int
    """Operations of convolutions and attention, both ways; multiply and add are two."""
    kept_bytes: int
    """Weights, gradients, moving average and what the optimiser remembers."""
    passing_bytes: int
    """What the forward pass keeps for the backward pass."""
    seconds: float
    """The fastest of a few, as on a machine that does nothing else."""


def try_steps(config: TrainConfig, device: torch.device, *, steps: int = 3) -> StepCost:
    """Do a few steps on made-up pictures; nothing is read or written."""
    task = get_task(config.task)
    shape = shape_of(config, task)
    dtype = torch.float64 if config.dtype == "float64" else choose_dtype(config.dtype, device)
    learner = Learner(
        config,
        task,
        new_model(config, shape),
        device=device,
        dtype=dtype,
        processes=Processes(device),
    )
    scale = max(shape.scales)
    side = (config.data.patch_size + 2 * task.margin) * scale
    gt = torch.rand(config.data.batch_size, side, side, task.channels, device=device)
    gt = gt.permute(0, 3, 1, 2)
    low, high = task.level_range
    batch = Batch(
        gt=gt,
        levels=torch.full((len(gt),), (low + high) // 2, device=device),
        draws=torch.randn_like(gt) if task.noisy else gt.new_empty(0),
        index=torch.arange(len(gt)),
        scale=scale,
    )
    pairs = learner.pairs(batch)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        learner.learn(pairs, 0.0)
    seconds = [timed(lambda: learner.learn(pairs, 0.0), device) for _ in range(steps)]
    parameters = list(learner.model.parameters())
    weights = sum(p.numel() * p.element_size() for p in parameters)
    remembered = sum(t.numel() * t.element_size() for _, _, t in learner.optimizer.state())
    return StepCost(
        parameters=sum(p.numel() for p in parameters),
        flops=counter.get_total_flops(),
        kept_bytes=3 * weights + remembered,
        passing_bytes=sum(kept.values()),
        seconds=min(seconds),
    )


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that ``work`` takes, on the device as well."""
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
