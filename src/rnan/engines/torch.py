"""PyTorch: channels-last, bfloat16 convolutions where the hardware has them."""

import logging
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from rnan.engines.allocator import keep_freed_memory
from rnan.engines.engine import Array, BaseEngine
from rnan.engines.torch_device import choose_device, choose_dtype
from rnan.errors import ConfigError, OptionRef, WeightsError
from rnan.models import RNAN
from rnan.models.checkpoints import Checkpoint
from rnan.options.restoring import Attention, RestoreOptions
from rnan.runtimes.threads import limit

_log = logging.getLogger(__name__)
_LARGEST_TILE = 768
"""Beyond this side a larger tile is no faster."""
_WINDOW = {"keys": 48, "queries": 24}
"""Side of the windows, in pixels of the feature map, for networks that were trained with none: the
paper's patches, and fewer for the softmax of the authors' program, which costs more."""
_GPU_BATCH = 4
"""Tiles at once on a GPU; a processor is busy with one."""
_LIVE_MAPS = 10
"""Feature maps that are alive at once, in float32, as measured at 1024x1024."""


class TorchEngine(BaseEngine):
    """Runs an :class:`~rnan.models.RNAN`; safe to call from several threads."""

    def __init__(
        self,
        model: RNAN,
        *,
        device: torch.device,
        dtype: torch.dtype,
        attention: Attention = "auto",
        compiled: bool = False,
    ) -> None:
        if (number := limit()) is not None:
            torch.set_num_threads(number)
        if device.type == "cpu":
            keep_freed_memory()
        config = model.config
        window = config.window
        if attention == "window" or (attention == "auto" and config.softmax == "keys"):
            window = window or _WINDOW[config.softmax]
        elif attention in ("whole", "released"):
            window = None
        if attention == "released" and config.softmax != "queries":
            raise ConfigError(
                OptionRef("attention", "released"), " is for the authors' checkpoints; leave it out"
            )
        model.set_window(window)
        # The picture itself has one tile shape after another, which channels-last suits best.
        self.model = model.to(device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._forward: Callable[..., Tensor] = torch.compile(self.model) if compiled else self.model
        self.device = str(device)
        self.dtype = dtype
        self.channels = config.channels_in
        self.scales = config.scales
        self.takes_level = config.level_channel
        # The authors' softmax runs over all queries of a quarter: another cut, another network.
        self.as_released = attention == "released" or (
            attention == "auto" and config.softmax == "queries" and window is None
        )
        self.attention = (
            "released" if self.as_released else f"windows of {window}" if window else "whole tile"
        )
        self.grid = config.unshuffle * math.lcm(2, window or 1)
        self.multiple = config.multiple
        self.largest_tile: int | None = _LARGEST_TILE
        if window is None and "N" in config.plan:
            self.largest_tile = None
        self.bytes_per_pixel = 4 * _LIVE_MAPS * config.features // config.unshuffle**2
        self.batch = _GPU_BATCH if device.type == "cuda" else 1
        self._warned = False

    def __call__(self, lq: Array, level: Array | None, scale: int) -> Array:
        try:
            restored = self._run(lq, level, scale, self.dtype)
            if restored.isfinite().all():
                return restored.numpy()
            if self.dtype != torch.float32:
                if not self._warned:
                    self._warned = True
                    _log.warning("%s overflowed; computing such tiles in float32", self.dtype)
                restored = self._run(lq, level, scale, torch.float32)
                if restored.isfinite().all():
                    return restored.numpy()
        except RuntimeError as error:
            if _is_out_of_memory(error):
                raise MemoryError(str(error)) from error
            raise
        raise WeightsError("the network gives values that are not finite; its weights are broken")

    @torch.inference_mode()
    def _run(self, lq: Array, level: Array | None, scale: int, dtype: torch.dtype) -> Tensor:
        white = self.model.config.value_range
        x = self._to_device(lq).to(memory_format=torch.channels_last)
        given = None if level is None else self._to_device(level)
        kind = torch.device(self.device).type
        with torch.autocast(kind, dtype, enabled=dtype != torch.float32):
            y = self._forwarded(x * white if white != 1.0 else x, given, scale)
        return (y.float() / white if white != 1.0 else y.float()).cpu()

    def _to_device(self, array: Array) -> Tensor:
        return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(self.device)

    def _forwarded(self, x: Tensor, level: Tensor | None, scale: int) -> Tensor:
        """The compiled network, or the network itself where it cannot be compiled here."""
        try:
            return self._forward(x, level, scale)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # compilers fail in many ways: none there, a blank in a path
            if self._forward is self.model:
                raise
            message = (str(error).splitlines() or [""])[0]
            _log.warning("the network cannot be compiled here, going on without: %s", message[:160])
            self._forward = self.model
            return self._forward(x, level, scale)


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether PyTorch says, in one of its ways, that memory ran out."""
    message = str(error)
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "can't allocate memory" in message
        or "not enough memory" in message
    )


def torch_engine(checkpoint: Checkpoint, options: RestoreOptions) -> TorchEngine:
    """PyTorch with a network in it.

    Raises:
        WeightsError: The tensors do not fit the network.
        ConfigError: The device is not there, or an option does not suit the network.
    """
    device = choose_device(options.device)
    return TorchEngine(
        checkpoint.build(),
        device=device,
        dtype=choose_dtype(options.dtype, device),
        attention=options.attention,
        compiled=options.compile,
    )
