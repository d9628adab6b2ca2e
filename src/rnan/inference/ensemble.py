"""Self-ensemble: the mean over the eight turns and flips (the paper's "+")."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Restore = Callable[[Tensor, Tensor | None], Tensor]


def self_ensemble(restore: Restore, lq: Tensor, level: Tensor | None) -> Tensor:
    """Mean of the restored turns and flips, each turned back.

    Args:
        restore: ``(lq, level)`` to the restored picture.
        lq: ``(B, C, H, W)``.
        level: ``(B,)`` or a map ``(B, K, H, W)``, which is turned with the picture.
    """
    total: Tensor | None = None
    for turns in range(4):
        for flip in (False, True):
            turned_level = level if level is None or level.ndim == 1 else _turn(level, turns, flip)
            back = _turn_back(restore(_turn(lq, turns, flip), turned_level), turns, flip)
            total = back if total is None else total.add_(back)
    assert total is not None
    return total / 8


def _turn(x: Tensor, turns: int, flip: bool) -> Tensor:
    x = torch.rot90(x, turns, (-2, -1))
    return (x.flip(-1) if flip else x).contiguous()


def _turn_back(x: Tensor, turns: int, flip: bool) -> Tensor:
    return torch.rot90(x.flip(-1) if flip else x, -turns, (-2, -1)).contiguous()
