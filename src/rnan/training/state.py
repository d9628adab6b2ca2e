"""Checkpoints of a run: all it needs to go on, as safetensors, written whole or not at all."""

import contextlib
import json
import logging
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from rnan.errors import ConfigError
from rnan.images import write_whole
from rnan.options.mapping import parsed
from rnan.training.optimizers import Optimizer

_log = logging.getLogger(__name__)
_KEEP = 2


def save_state(
    folder: Path,
    *,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: Optimizer,
    facts: dict[str, Any],
) -> Path:
    """Write a checkpoint and prune all but the last two.

    Raises:
        ResourceError: The disk is full; the checkpoints before are still there.
    """
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in average.items()}
    tensors |= {f"optimizer.{key}.{name}": value for name, key, value in optimizer.state()}
    contiguous = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    path = folder / f"step-{facts['step']:09d}.safetensors"
    write_whole(path, save(contiguous, {"facts": json.dumps(facts)}))
    for old in checkpoints(folder)[:-_KEEP]:
        old.unlink()
    return path


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, the newest last."""
    return sorted(folder.glob("step-*.safetensors"))


def load_newest(
    folder: Path, *, model: nn.Module, average: dict[str, Tensor], optimizer: Optimizer
) -> dict[str, Any] | None:
    """Load the newest checkpoint that can be read; an older one when the newest is damaged.

    Returns:
        The facts it was saved with, or ``None`` when there is no checkpoint.

    Raises:
        ConfigError: There are checkpoints, but none of this network can be read.
    """
    files = checkpoints(folder)
    for path in reversed(files):
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                facts: dict[str, Any] = parsed(file.metadata()["facts"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("checkpoint %s is damaged (%s); trying the one before", path.name, error)
            with contextlib.suppress(OSError):  # another process may have been first
                path.rename(path.with_suffix(".damaged"))  # or it would count as one of the last
            continue
        _take(tensors, model, average, optimizer, path)
        return facts
    if files:
        raise ConfigError(f"no checkpoint in {folder} can be read; start the run anew")
    return None


def _take(
    tensors: dict[str, Tensor],
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: Optimizer,
    path: Path,
) -> None:
    try:
        for key, value in model.state_dict().items():
            value.copy_(tensors[f"model.{key}"])
        for key, value in average.items():
            value.copy_(tensors[f"average.{key}"])
    except (KeyError, RuntimeError) as error:
        raise ConfigError(f"{path} is of another network than this run's") from error
    state: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, quantity, name = key.split(".", 2)
            state.setdefault(name, {})[quantity] = value
    optimizer.load_state(state)
