"""Several processes that train one network: PyTorch's own, started by ``torchrun``."""

from __future__ import annotations

import datetime
import os
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from rnan.errors import ConfigError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

T = TypeVar("T")

_PATIENCE = datetime.timedelta(hours=2)
"""The others wait while the first process measures whole pictures."""
_PAUSE = 0.02
"""Between two looks into the store, in seconds."""


class Processes:
    """What this process is among those that train together; alone, every method does nothing.

    ``torchrun --nproc-per-node N -m rnan train …`` says so in environment variables.
    """

    def __init__(self, device: torch.device) -> None:
        self.number = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
        """Whether ``torchrun`` started it again after one of them had died."""
        self._device = device
        self._control: dist.ProcessGroup | None = None
        if self.number > 1:
            from torch.distributed.rendezvous import rendezvous

            store, rank, number = next(iter(rendezvous("env://")))
            dist.init_process_group(
                "nccl" if device.type == "cuda" else "gloo",
                store=unused_part(store, rank, number),
                rank=rank,
                world_size=number,
                timeout=_PATIENCE,
            )
            # Beside the gradients, so that a word between processors never waits for a GPU.
            self._control = dist.new_group(backend="gloo", timeout=_PATIENCE)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def check_batch(self, batch_size: int) -> None:
        """Refuse a batch that cannot be shared."""
        if batch_size % self.number:
            raise ConfigError(
                f"data.batch_size must be a multiple of the {self.number} processes, "
                f"got {batch_size}"
            )

    def wrap(self, model: nn.Module, *, unused: bool) -> nn.Module:
        """The network with gradients that are means over all processes."""
        if self.number == 1:
            return model
        return DistributedDataParallel(
            model,
            device_ids=[self._device] if self._device.type == "cuda" else None,
            find_unused_parameters=unused,
        )

    def largest(self, *values: float) -> list[float]:
        """The largest of each value over all processes, so that all decide alike."""
        if self.number == 1:
            return list(values)
        together = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(together, dist.ReduceOp.MAX, group=self._control)
        return [float(value) for value in together]

    def mean_(self, value: Tensor) -> Tensor:
        """``value`` itself, made the mean over all processes, where the gradients travel."""
        if self.number > 1:
            dist.all_reduce(value, dist.ReduceOp.SUM)
            value /= self.number
        return value

    def first_does(self, work: Callable[[], T]) -> T | None:
        """Let the first process work while the others wait for it; they get nothing."""
        result = work() if self.is_first else None
        self.wait()
        return result

    def wait(self) -> None:
        """Until all are here."""
        if self.number > 1:
            dist.barrier(group=self._control)

    def close(self) -> None:
        """Part."""
        if self.number > 1 and dist.is_initialized():
            dist.destroy_process_group()


def unused_part(store: Store, rank: int, number: int) -> Store:
    """A part of the launcher's store that no process of an earlier start has written to.

    ``torchrun`` keeps its store when it starts processes again, so that one could find the address
    of another that is dead (pytorch/pytorch#135712). Its count of restarts differs between
    machines. So the first process names the part, and answers what each of the others has just
    written, until each of them has seen its own word.
    """
    from torch.distributed.distributed_c10d import PrefixStore

    if rank != 0:
        word = uuid.uuid4().hex
        store.set(f"rnan/word/{rank}", word)
        while word not in (answer := store.get("rnan/answer").decode().split()):
            time.sleep(_PAUSE)
        store.set(f"{answer[0]}/{rank}", word)
        return PrefixStore(answer[0], store)
    name = f"rnan/{uuid.uuid4().hex}"
    others = range(1, number)
    while not store.check([f"{name}/{other}" for other in others]):
        words = [store.get(f"rnan/word/{other}").decode() for other in others]
        store.set("rnan/answer", " ".join([name, *words]))
        time.sleep(_PAUSE)
    return PrefixStore(name, store)


def own_device(device: torch.device) -> torch.device:
    """The GPU of this process, where several on one machine share ``cuda``."""
    if str(device) == "cuda" and "LOCAL_RANK" in os.environ:
        own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(own)
        return own
    return device
