"""The named shapes: the paper's networks, the authors' program, our compact family, ablations."""

import dataclasses
from typing import Any

from rnan.errors import ConfigError
from rnan.models.config import RNANConfig
from rnan.options.mapping import from_mapping, nearest, to_mapping

PAPER = RNANConfig()
"""Section 3.4: ten blocks, two of them non-local, at full resolution."""

RELEASED = dataclasses.replace(
    PAPER, upsample_kernel=6, block_conv=True, body_conv=True, softmax="queries", value_range=255.0
)
"""What the authors' program builds; takes their checkpoints (see ``checkpoints.py``)."""

COMPACT = RNANConfig(
    plan="NL", upsample_kernel=4, window=24, unshuffle=2, level_channel=True, body_skip=True
)
"""Ours: half resolution, attention in windows, one network for all levels of a task."""

_ABLATION: dict[int, dict[str, Any]] = {
    1: {"plan": "L" * 7, "mask_branch": False},
    2: {"plan": "L" * 7},
    3: {"plan": "NLLLLLN", "mask_branch": False},
    4: {"plan": "NLLLLLN"},
    5: {"plan": "NL"},
    6: {"plan": "NLLN"},
    7: {"plan": "NLLLLL"},
    8: {"plan": "NLLLLLLLLN"},
}
"""Table 1. A single non-local block stands first."""

PRESETS: dict[str, RNANConfig] = {
    "paper": PAPER,
    "paper-small": dataclasses.replace(PAPER, plan="NL"),
    "released": RELEASED,
    "compact": COMPACT,
    **{
        f"ablation-{case}": from_mapping(RNANConfig, changes) for case, changes in _ABLATION.items()
    },
}

_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean colour of DIV2K, which the authors' super-resolution networks subtract."""


def preset(name: str, **changes: Any) -> RNANConfig:
    """The configuration of a preset, with some fields changed.

    Args:
        name: A key of :data:`PRESETS`.
        changes: Fields of :class:`~rnan.models.config.RNANConfig` and their values. Scales above 1
            bring what super-resolution has: the authors' upsampler, skip over the body and mean
            for networks of the paper's kind; no unshuffle and no level for ``compact``.

    Raises:
        ConfigError: The preset or a field is unknown, or a value cannot be.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name}{nearest(name, PRESETS)}")
    config = PRESETS[name]
    changed = from_mapping(RNANConfig, {**to_mapping(config), **changes}, where="model")
    if "scales" not in changes or max(changed.scales) == 1:
        return changed
    enlarging = _for_super_resolution(config)
    return from_mapping(RNANConfig, {**to_mapping(enlarging), **changes}, where="model")


def _for_super_resolution(config: RNANConfig) -> RNANConfig:
    if config.level_channel:
        return dataclasses.replace(config, unshuffle=1, level_channel=False, scales=(2, 3, 4))
    return dataclasses.replace(
        config,
        tail="upsampler",
        scales=(2,),
        body_skip=True,
        input_skip=False,
        mean=tuple(value * config.value_range for value in _MEAN),
    )
