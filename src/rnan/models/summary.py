"""What a network is, in figures: blocks, parameters, depth, receptive field, work for a pixel."""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from rnan.models.config import RNANConfig
from rnan.models.rnan import RNAN

_SIDE = 96
"""Side of the input on which work is counted."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Figures of one network."""

    blocks: list[str]
    """One line for each part, in order."""
    parameters: int
    depth: int
    """Convolutions on the longest way from input to output."""
    receptive_field: int
    """Side, in input pixels, of what the convolutions of one output pixel see."""
    mflop_per_pixel: float
    """Convolutions, for one input pixel; a multiplication and an addition are two."""
    attention_mflop_per_pixel: float
    """Attention, for one input pixel; for attention over the whole picture on 96x96."""


def summarise(config: RNANConfig) -> Summary:
    """Count and measure a network without computing it."""
    with torch.device("meta"):
        model = RNAN(config)
        inputs = torch.zeros(1, config.channels_in, _SIDE, _SIDE)
        level = torch.zeros(1) if config.level_channel else None
    with FlopCounterMode(display=False) as counter:
        model(inputs, level, config.scales[0])
    by_kind = counter.get_flop_counts()["Global"]
    convolutions = sum(n for kind, n in by_kind.items() if "convolution" in str(kind))
    depth, radius = _walk(config)
    return Summary(
        blocks=_plan(config),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        depth=depth,
        receptive_field=2 * radius + 1,
        mflop_per_pixel=convolutions / _SIDE**2 / 1e6,
        attention_mflop_per_pixel=(sum(by_kind.values()) - convolutions) / _SIDE**2 / 1e6,
    )


def _plan(config: RNANConfig) -> list[str]:
    head = f"head       {config.channels_in} channels"
    if config.unshuffle > 1:
        head += f", pixel-unshuffle {config.unshuffle}"
    if config.level_channel:
        head += ", level"
    lines = [head + f" -> {config.features} features"]
    attention = f"softmax over {config.softmax}, " + (
        f"windows of {config.window}" if config.window else "whole map"
    )
    mask = "" if config.mask_branch else ", no mask branch"
    for number, kind in enumerate(config.plan, start=1):
        what = f"non-local ({attention})" if kind == "N" else "local"
        lines.append(f"block {number:<4} {what}{mask}")
    for scale in config.scales:
        shuffle = config.unshuffle * scale
        how = f", pixel-shuffle {shuffle}" if shuffle > 1 else ""
        lines.append(f"tail x{scale:<4} {config.features} features -> {config.channels_out}{how}")
    return lines


def _walk(config: RNANConfig) -> tuple[int, int]:
    """Convolutions on the longest way, and how far it sees on one side, in input pixels."""
    pixel = config.unshuffle  # one pixel of the feature map, in input pixels
    depth, radius = 1, pixel
    for kind in config.plan:
        trunk = 2 * config.trunk_blocks
        trunk_reach = trunk * pixel
        if not config.mask_branch:
            branch, reach = trunk + 2 * (kind == "N"), trunk_reach
        else:
            low = 4 * config.mask_blocks
            around = 4 * config.mask_blocks
            branch = around + 1 + low + 1 + 1 + 2 * (kind == "N")
            up_reach = {3: 1, 4: 2, 6: 3}[config.upsample_kernel] * pixel
            reach = around * pixel + pixel + low * 2 * pixel + up_reach
            branch, reach = max(branch, trunk), max(reach, trunk_reach)
        ends = 2 * (config.blocks_before + config.blocks_after) + config.block_conv
        depth += branch + ends
        radius += reach + ends * pixel
    depth += config.body_conv
    radius += config.body_conv * pixel
    tail = 1 if config.tail == "direct" else (3 if max(config.scales) == 4 else 2)
    # The last pixel of an unshuffled cell reaches one cell less one pixel further.
    return depth + tail, radius + pixel * min(tail, 2) + (pixel - 1)
