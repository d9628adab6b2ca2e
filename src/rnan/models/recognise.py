"""The shape of a network from its tensors alone, for programs that keep nothing else of a file."""

import dataclasses
import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import torch
from torch import Tensor

from rnan.errors import WeightsError
from rnan.models.config import RNANConfig
from rnan.models.presets import PRESETS, preset
from rnan.models.rnan import RNAN

_KEY = "body.0.before.0.conv1.weight"
"""Ours have it; networks of EDSR's line (RCAN, the authors' RNAN) call theirs otherwise."""


def is_ours(state: Mapping[str, Tensor]) -> bool:
    """Whether the tensors carry our names."""
    return _KEY in state and "head.weight" in state


def config_of(state: Mapping[str, Tensor]) -> RNANConfig:
    """The shape of a network of ours.

    What tensors do not show (windows, skips, the softmax) is the preset's: ``compact`` where the
    network unshuffles, takes a level or enlarges by several scales, ``released`` where its blocks
    end in a convolution, ``paper`` else.
    """
    try:
        for config in _candidates(state):
            if _shapes(config) == {key: tuple(tensor.shape) for key, tensor in state.items()}:
                return config
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(f"the tensors are of another network ({error})") from error
    raise WeightsError("the tensors are of another network")


def _candidates(state: Mapping[str, Tensor]) -> list[RNANConfig]:
    """Shapes that may have such tensors; what is left open is tried."""
    features, inputs = state["head.weight"].shape[:2]
    scales = tuple(sorted({int(number) for number in _numbers(state, r"tails\.x(\d+)\.")}))
    blocks = 1 + max(_numbers(state, r"body\.(\d+)\."))
    plan = "".join("N" if _nonlocal(state, index) else "L" for index in range(blocks))
    first = "body.0"
    masked = f"{first}.mask.down.weight" in state
    upsampler = any(re.match(r"tails\.x\d+\.0\.0\.", key) for key in state)
    inner = next((len(t) for key, t in state.items() if key.endswith(".theta.weight")), 32)
    common: dict[str, Any] = {
        "plan": plan,
        "features": features,
        "inner": inner,
        "scales": scales,
        "tail": "upsampler" if upsampler else "direct",
        "blocks_before": _count(state, f"{first}.before"),
        "blocks_after": _count(state, f"{first}.after"),
        "trunk_blocks": _count(state, f"{first}.trunk"),
        "mask_branch": masked,
        "block_conv": f"{first}.last.weight" in state,
        "body_conv": "body_conv.weight" in state,
    }
    if masked:
        common["mask_blocks"] = _count(state, f"{first}.mask.before")
        common["upsample_kernel"] = state[f"{first}.mask.up.weight"].shape[2]
    candidates = []
    for channels, unshuffle, leveled in product((3, 1), (1, 2, 3, 4), (False, True)):
        if channels * unshuffle**2 + leveled != inputs:
            continue
        own: dict[str, Any] = {
            "channels_in": channels,
            "channels_out": channels,
            "unshuffle": unshuffle,
        }
        base = _base(common, compact=unshuffle > 1 or leveled or len(scales) > 1)
        candidates.append(dataclasses.replace(base, **common, **own))
    return candidates


def _base(common: Mapping[str, Any], *, compact: bool) -> RNANConfig:
    """The preset that says what tensors do not show."""
    name = "compact" if compact else "released" if common["block_conv"] else "paper"
    scales = common["scales"]
    return preset(name, scales=scales) if scales != (1,) else PRESETS[name]


def _shapes(config: RNANConfig) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(t.shape) for key, t in RNAN(config).state_dict().items()}


def _nonlocal(state: Mapping[str, Tensor], index: int) -> bool:
    return any(key.startswith(f"body.{index}.") and ".theta." in key for key in state)


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    """Residual blocks in a row."""
    return 1 + max(_numbers(state, re.escape(prefix) + r"\.(\d+)\."), default=-1)


def _numbers(state: Mapping[str, Tensor], pattern: str) -> list[int]:
    matches = (re.match(pattern, key) for key in state)
    return [int(match[1]) for match in matches if match]
