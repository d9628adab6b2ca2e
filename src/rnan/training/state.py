"""Checkpoints of a run: all it needs to go on, as safetensors, written whole or not at all."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from rnan.errors import ConfigError
from rnan.images import write_whole

_log = logging.getLogger(__name__)
_KEEP = 2


def save_state(
    folder: Path,
    *,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    facts: dict[str, Any],
) -> Path:
    """Write a checkpoint and prune all but the last two.

    Args:
        folder: Of the checkpoints.
        model: The network.
        average: Moving average of its weights; empty for none.
        optimizer: Its state is kept.
        facts: ``step`` and whatever else the run needs to go on; JSON values.

    Raises:
        ResourceError: The disk is full; the checkpoints before are still there.
    """
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in average.items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{key}.{name}"] = value
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
    folder: Path,
    *,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
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
                facts: dict[str, Any] = json.loads(file.metadata()["facts"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("checkpoint %s is damaged (%s); trying the one before", path.name, error)
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
    optimizer: torch.optim.Optimizer,
    path: Path,
) -> None:
    try:
        for key, value in model.state_dict().items():
            value.copy_(tensors[f"model.{key}"])
        for key, value in average.items():
            value.copy_(tensors[f"average.{key}"])
    except (KeyError, RuntimeError) as error:
        raise ConfigError(f"{path} is of another network than this run's") from error
    for name, parameter in model.named_parameters():
        state: dict[str, Tensor] = {}
        for key in ("exp_avg", "exp_avg_sq", "step"):
            saved = tensors.get(f"optimizer.{key}.{name}")
            if saved is None:
                continue
            # In the parameter's own memory order, so that sums run in the same order as before.
            like = parameter.detach() if saved.shape == parameter.shape else saved
            state[key] = torch.empty_like(like, dtype=saved.dtype, device=parameter.device)
            state[key].copy_(saved)
        if state:
            optimizer.state[parameter] = state
