"""What a network attends to: the masks of its blocks, and one pixel's non-local weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnan.degradations.mosaic import PATTERNS
from rnan.engines.torch import TorchEngine
from rnan.errors import ConfigError, InputError, OptionRef
from rnan.evaluation.methods import Network
from rnan.images import Picture, write
from rnan.inference import Restorer
from rnan.inference.blocks import before_the_first
from rnan.inference.tiled import UNCUT
from rnan.models.attention import NonLocalBlock
from rnan.options.levels import LevelOptions
from rnan.tasks.level import Level

_SLAB = 1024
"""Rows of the matrix of scores that are held at a time."""


@dataclass(frozen=True)
class AttentionMaps:
    """What a network attends to in a picture: ``(H, W)`` at the resolution of its body.

    They cover what the picture was filled up with below and to the right as well.
    """

    masks: dict[str, NDArray[np.float64]]
    """Mean over the channels of each block's mask (Fig. 2), in (0, 1); by ``1-nonlocal`` and so
    on, blocks counted from 1."""
    weights: dict[str, NDArray[np.float64]]
    """How much each position counts in the non-local mean at the pixel (Eq. 3); sums to 1 where
    the softmax is over keys."""


def attention_maps(
    network: Network, lq: NDArray[np.float64], level: Level, pixel: tuple[int, int]
) -> AttentionMaps:
    """Restore a picture in one piece and keep what the network attended to.

    Args:
        network: A network of this program, and the level that it is given.
        lq: ``(H, W, C)`` on the 0-255 scale.
        level: Of the picture.
        pixel: Row and column whose weights are wanted.

    Raises:
        InputError: The pixel lies outside the picture.
        ConfigError: The engine is not PyTorch.
    """
    restorer = network.restorer
    engine = restorer.engine
    if not isinstance(engine, TorchEngine):
        engine_ref = OptionRef("engine", "torch")
        raise ConfigError("masks are read from networks that PyTorch runs; pass ", engine_ref)
    height, width = lq.shape[:2]
    row, column = pixel
    if not (0 <= row < height and 0 <= column < width):
        raise InputError(f"the pixel {column},{row} lies outside the picture, {width}x{height}")
    options = replace(restorer.options, tile=UNCUT, self_ensemble=False, overlap=0)
    whole = Restorer(restorer.task, engine, options)
    unshuffle = engine.model.config.unshuffle
    seen = AttentionMaps(masks={}, weights={})
    asked = restorer.task.asked(**network.arguments(level))
    down, across = _put_before(restorer, lq, asked)
    position = ((row + down) // unshuffle, (column + across) // unshuffle)
    with _watching(engine.model, seen, position):
        whole((lq / 255.0).astype(np.float32), **network.arguments(level))
    return seen


def _put_before(
    restorer: Restorer, lq: NDArray[np.float64], asked: LevelOptions
) -> tuple[int, int]:
    """Rows and columns that the network sees before the picture's first ones."""
    prepared = restorer.prepare((lq / 255.0).astype(np.float32), asked)
    condition = prepared.conditions[0]
    if restorer.task.takes == "mosaic":
        return PATTERNS[condition.pattern]  # it does not read GRBG
    return before_the_first(condition.grid)  # nor do a JPEG's blocks begin there


def save_attention_maps(
    network: Network,
    lq: NDArray[np.float64],
    level: Level,
    folder: Path,
    *,
    pixel: tuple[int, int] | None = None,
) -> None:
    """Write the maps as pictures: ``mask-1-nonlocal.png``, ``weights-1-nonlocal.png`` and so on.

    Masks are stretched from their smallest to their largest value. Weights lie in red over the
    picture, the pixel (by default the middle) is marked in green.

    Raises:
        InputError: A picture cannot be written, or the pixel lies outside.
    """
    height, width = lq.shape[:2]
    row, column = pixel if pixel is not None else (height // 2, width // 2)
    maps = attention_maps(network, lq, level, (row, column))
    folder.mkdir(parents=True, exist_ok=True)
    for name, mask in maps.masks.items():
        span = max(float(np.ptp(mask)), 1e-9)
        gray = _enlarged(255.0 * (mask - mask.min()) / span, height, width)[:, :, None]
        _write(gray, folder / f"mask-{name}.png")
    for name, weights in maps.weights.items():
        strength = _enlarged(np.sqrt(weights / weights.max()), height, width)[:, :, None]
        base = np.clip(lq if lq.shape[2] == 3 else np.repeat(lq, 3, axis=2), 0, 255)
        shown = (1.0 - strength) * 0.6 * base + strength * np.array([255.0, 32.0, 32.0])
        shown[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = (32.0, 255.0, 32.0)
        _write(shown, folder / f"weights-{name}.png")


def _write(pixels: NDArray[np.float64], path: Path) -> None:
    write(Picture(pixels=np.rint(pixels).astype(np.uint8)), path, overwrite=True)


def _enlarged(values: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    factor = max(-(-height // values.shape[0]), -(-width // values.shape[1]))
    return values.repeat(factor, axis=0).repeat(factor, axis=1)[:height, :width]


@contextmanager
def _watching(model: nn.Module, seen: AttentionMaps, position: tuple[int, int]) -> Iterator[None]:
    """Fill ``seen`` while the network runs."""
    handles = []
    for number, block in enumerate(model.get_submodule("body").children(), start=1):
        attention = [part for part in block.modules() if isinstance(part, NonLocalBlock)]
        name = f"{number}-{'nonlocal' if attention else 'local'}"
        mask = getattr(block, "mask", None)
        if isinstance(mask, nn.Module):
            handles.append(mask.register_forward_hook(_keep_mask(seen, name)))
        if attention:
            keep = _keep_weights(seen, name, position)
            handles.append(attention[0].register_forward_hook(keep))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _keep_mask(seen: AttentionMaps, name: str) -> Any:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], mask: Tensor) -> None:
        seen.masks[name] = mask[0].float().mean(dim=0).cpu().double().numpy()

    return hook


def _keep_weights(seen: AttentionMaps, name: str, position: tuple[int, int]) -> Any:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, NonLocalBlock)
        x = inputs[0].float()
        theta, phi = (conv(x)[0].float().cpu() for conv in (module.theta, module.phi))
        seen.weights[name] = _weights(theta, phi, position, module)

    return hook


def _weights(
    theta: Tensor, phi: Tensor, position: tuple[int, int], block: NonLocalBlock
) -> NDArray[np.float64]:
    """Weights over the map, zero outside the window that the position lies in."""
    _, height, width = theta.shape
    side = block.window or max(height, width)
    top, left = (place // side * side for place in position)
    inside = (slice(top, top + side), slice(left, left + side))
    queries = theta[:, *inside].flatten(1).T
    keys = phi[:, *inside].flatten(1).T
    columns = min(side, width - left)
    own = (position[0] - top) * columns + position[1] - left
    scores = keys @ queries[own]
    if block.softmax == "keys":
        values = scores.softmax(dim=0)
    else:  # each key's weights over all queries sum to 1
        sums = [(part @ queries.T).logsumexp(dim=1) for part in torch.split(keys, _SLAB)]
        values = (scores - torch.cat(sums)).exp()
    out = torch.zeros(height, width, dtype=torch.float64)
    out[inside] = values.reshape(-1, columns).double()
    return out.numpy()
