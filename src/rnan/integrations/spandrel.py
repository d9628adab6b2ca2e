"""Our networks in spandrel, and so in chaiNNer and whatever else loads models through it.

    import rnan.integrations.spandrel
    rnan.integrations.spandrel.install()
    model = spandrel.ModelLoader().load_from_file("denoise-color.safetensors")

spandrel reads tensors and nothing else of a file: the shape follows from their names and sizes, the
task from the weights themselves where they are bundled ones, else from the shape. A level is
estimated for each picture, as ``level="auto"`` does.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rnan.engines.peer import import_spandrel
from rnan.engines.torch import TorchEngine
from rnan.errors import ConfigError
from rnan.inference import RestoreOptions, Restorer
from rnan.models import RNAN
from rnan.models.checkpoints import Checkpoint
from rnan.models.recognise import config_of, is_ours
from rnan.models.released import from_released
from rnan.tasks import Task, get_task
from rnan.weights import registry

ID = "RNAN"
"""Name of the architecture in spandrel."""

_AUTHORS = "body_nl_low.0.body.0.RA_MB.0.MB_RB1.0.theta.weight"
"""The authors' checkpoints have it; EDSR and RCAN, from which their program grew, do not."""


def detect(state: Mapping[str, Any]) -> bool:
    """Whether tensors are of a network of ours or of the authors'."""
    return is_ours(state) or _AUTHORS in state


def install(*, scale: int | None = None, task: str | None = None) -> None:
    """Register the architecture; calling it again changes what it was given.

    Args:
        scale: Enlargement of networks that have several; by default their largest.
        task: What networks are for that are not bundled and whose shape leaves it open; by default
            denoising.

    Raises:
        MissingExtraError: spandrel is not installed.
        ConfigError: There is no such task.
    """
    spandrel = import_spandrel()
    if task is not None:
        get_task(task)
    chosen = {"scale": scale, "task": task}
    if ID in spandrel.MAIN_REGISTRY:
        spandrel.MAIN_REGISTRY[ID].architecture.chosen = chosen
        return

    class RnanArch(spandrel.Architecture[RNAN]):  # type: ignore[misc,name-defined]
        """Residual non-local attention network (Zhang et al., ICLR 2019)."""

        def __init__(self) -> None:
            super().__init__(id=ID, detect=detect)
            self.chosen: dict[str, Any] = chosen

        def load(self, state_dict: dict[str, Any]) -> Any:
            return _descriptor(self, state_dict, **self.chosen)

    spandrel.MAIN_REGISTRY.add(spandrel.ArchSupport.from_architecture(RnanArch()))


def _descriptor(
    architecture: Any, state: dict[str, Any], scale: int | None, task: str | None
) -> Any:
    spandrel = import_spandrel()
    checkpoint = (
        Checkpoint(config=config_of(state), state=state) if is_ours(state) else from_released(state)
    )
    config = checkpoint.config
    chosen_task = _task(checkpoint, task)
    scale = scale or max(config.scales)
    if scale not in config.scales:
        raise ConfigError(f"the network enlarges by {config.scales}, not by {scale}")
    return spandrel.ImageModelDescriptor(
        checkpoint.build(),
        {key: tensor.float() for key, tensor in checkpoint.state.items()},
        architecture=architecture,
        purpose="SR" if scale > 1 else "Restoration",
        tags=[config.plan, f"{config.features}nf", chosen_task.name],
        supports_half=False,
        supports_bfloat16=True,
        scale=scale,
        input_channels=config.channels_in,
        output_channels=config.channels_out,
        tiling=spandrel.ModelTiling.INTERNAL,
        call_fn=_Call(chosen_task, scale),
    )


class _Call:
    """Restores as ``rnan`` does, in its own tiles."""

    def __init__(self, task: Task, scale: int) -> None:
        self._task, self._scale = task, scale
        self._made: tuple[tuple[torch.device, torch.dtype], Restorer] | None = None

    def __call__(self, model: RNAN, image: Tensor) -> Tensor:
        place = (image.device, image.dtype)
        if self._made is None or self._made[0] != place:
            engine = TorchEngine(model.float(), device=image.device, dtype=image.dtype)
            self._made = (place, Restorer(self._task, engine, RestoreOptions()))
        level = self._scale if self._task.enlarges else "auto"
        restored: Tensor = self._made[1](image.float(), level=level)
        return restored.to(image.dtype)


def _task(checkpoint: Checkpoint, given: str | None) -> Task:
    """The task of bundled weights; else what was given, or what the shape allows."""
    for name in registry.names():
        bundled = registry.load(name)
        if bundled.config == checkpoint.config and torch.equal(
            bundled.state["head.weight"].float(), checkpoint.state["head.weight"].float()
        ):
            return get_task(str(bundled.info["task"]))
    if checkpoint.config.scales != (1,):
        return get_task("super-resolution")
    if given is not None:
        return get_task(given)
    return get_task("denoise-gray" if checkpoint.config.channels_in == 1 else "denoise-color")
