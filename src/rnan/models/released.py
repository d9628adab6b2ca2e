"""The authors' checkpoints (yulunzhang/RNAN): pickled tensors under their own names."""

import io
import re
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rnan.errors import WeightsError
from rnan.models.checkpoints import Checkpoint, released_keys
from rnan.models.config import RNANConfig
from rnan.models.presets import preset

_MEAN_SHIFT = re.compile(r"^(sub|add)_mean\.")


def released_from_bytes(data: bytes, *, name: str = "the file") -> Checkpoint:
    """Read a checkpoint of the authors' program; only tensors are ever loaded.

    Raises:
        WeightsError: The bytes are no checkpoint, or of another network.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that then turn out to be no checkpoints
            loaded: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch fails in many ways over damaged files
        brief = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise WeightsError(
            f"{name} is no weights file that can be read safely ({brief})"
        ) from error
    if not isinstance(loaded, Mapping) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise WeightsError(f"{name} holds something else than named tensors")
    return from_released({str(key): value for key, value in loaded.items()}, name=name)


def from_released(state: Mapping[str, Tensor], *, name: str = "the file") -> Checkpoint:
    """A checkpoint under our names, from the authors' names; the shape is read off the tensors."""
    tensors = {key: value for key, value in state.items() if not _MEAN_SHIFT.match(key)}
    try:
        config = _config(tensors)
        names = released_keys(config)
    except (KeyError, ValueError, IndexError) as error:
        raise WeightsError(f"{name} is of another network than the authors' ({error})") from error
    unknown = sorted(tensors.keys() - names.values())
    missing = sorted(names.values() - tensors.keys())
    if unknown or missing:
        what = f"it lacks {missing[0]}" if missing else f"it holds an unknown {unknown[0]}"
        raise WeightsError(f"{name} is of another network than the authors': {what}")
    return Checkpoint(config=config, state={ours: tensors[their] for ours, their in names.items()})


def _config(tensors: Mapping[str, Tensor]) -> RNANConfig:
    head = tensors["head.0.weight"]
    local = {key.split(".")[1] for key in tensors if re.match(r"body\.\d+\.body\.", key)}
    plan = "N" + "L" * len(local) + ("N" if "body_nl_high.0.body.1.weight" in tensors else "")
    inner = tensors["body_nl_low.0.body.0.RA_MB.0.MB_RB1.0.theta.weight"].shape[0]
    fields: dict[str, Any] = {
        "plan": plan,
        "features": head.shape[0],
        "inner": inner,
        "channels_in": head.shape[1],
    }
    if "tail.1.weight" in tensors:
        square = tensors["tail.0.0.weight"].shape[0] // head.shape[0]
        fields["scales"] = [4 if "tail.0.2.weight" in tensors else round(square**0.5)]
        fields["channels_out"] = tensors["tail.1.weight"].shape[0]
    else:
        fields["channels_out"] = tensors["tail.0.weight"].shape[0]
    return preset("released", **fields)
