"""Non-local block (Section 3.2.3, Eq. 3-5, Fig. 3) in linear memory.

Letters in shapes: B batch, C channels, D embedding channels, H and W height and width of the
feature map, N = H·W tokens.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnan.models.config import Softmax
from rnan.models.exported import attend_in_padded_windows

_SLAB_ELEMENTS = 2**22
"""Entries of the part of the N×N matrix that is held at a time."""
_STRIPS, _STRIP_KEYS = 2, 64
"""Strips of a slab that are computed side by side, and the keys in each."""
_FUSED_TOKENS = 4096
"""Up to here the fused kernel's backward pass is as fast as ours; beyond, far slower on a CPU."""


def attend(theta: Tensor, phi: Tensor, g: Tensor, *, softmax: Softmax = "keys") -> Tensor:
    """Embedded-Gaussian attention, unscaled (Eq. 3 and 4), without an N×N matrix.

    Args:
        theta: Queries ``u(x_i)``, ``(B, N, D)``.
        phi: Keys ``v(x_j)``, ``(B, N, D)``.
        g: Values ``g(x_j)``, ``(B, N, D)``.
        softmax: ``"keys"`` normalises over j for each i, as Eq. 5 says; ``"queries"``
            over i for each j, as the authors' program does.

    Returns:
        ``y`` of Eq. 3, ``(B, N, D)``.
    """
    learns = torch.is_grad_enabled() and any(t.requires_grad for t in (theta, phi, g))
    if softmax == "keys" and not (learns and theta.shape[1] > _FUSED_TOKENS):
        # Fused kernels, which never form N×N, take 4-D inputs only.
        y = F.scaled_dot_product_attention(theta[:, None], phi[:, None], g[:, None], scale=1.0)
        return y[:, 0]
    if learns:
        z: Tensor = _Recomputed.apply(theta, phi, g, softmax)  # type: ignore[no-untyped-call]
        return z
    return _in_slabs(theta, phi, g, softmax)


def _slabs(tokens: Tensor) -> Iterator[tuple[slice, slice]]:
    """Parts of the batch, and of the axis over which the softmax does not run.

    As many rows of one matrix as fit come before further matrices: few large products.
    """
    batch, number, _ = tokens.shape
    rows = max(1, min(number, _SLAB_ELEMENTS // number))
    together = max(1, _SLAB_ELEMENTS // (rows * number))
    for first in range(0, batch, together):
        for start in range(0, number, rows):
            yield slice(first, first + together), slice(start, start + rows)


def _slab_weights(rows: Tensor, columns: Tensor) -> Tensor:
    """Softmax over all ``columns`` for a few ``rows``: ``(B, slab, N)``, in 32 bits at least."""
    scores = rows @ columns.mT
    return scores.softmax(dim=2, dtype=torch.promote_types(scores.dtype, torch.float32))


def _in_slabs(theta: Tensor, phi: Tensor, g: Tensor, softmax: Softmax) -> Tensor:
    """:func:`attend` without a gradient, in 32 bits at least, whatever autocast says."""
    work = torch.promote_types(g.dtype, torch.float32)
    with in_full_precision(g.device):
        if softmax == "queries" and len(g) > 1 and g.shape[1] ** 2 <= _SLAB_ELEMENTS:
            return _queries_of_many(theta, phi, g, work)
        rows, columns, values = (tensor.to(work) for tensor in (theta, phi, g))
        if softmax == "queries":
            y = _queries_of_each(rows, columns, values)
        else:
            y = torch.empty_like(values)
            for part, slab in _slabs(rows):
                y[part, slab] = _slab_weights(rows[part, slab], columns[part]) @ values[part]
    return y.to(g.dtype)


def in_full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Without autocast, where there is any (there is none where only shapes are computed)."""
    kind = device.type
    active = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.autocast(kind, enabled=False) if active else nullcontext()


def _queries_of_many(theta: Tensor, phi: Tensor, g: Tensor, work: torch.dtype) -> Tensor:
    """Softmax over queries of many small maps, a few of them at a time."""
    number = g.shape[1]
    together = max(1, _SLAB_ELEMENTS // (2 * number**2))  # scores and their softmax
    y = torch.empty_like(g)
    for first in range(0, len(g), together):
        part = slice(first, first + together)
        rows, columns, values = (tensor[part].to(work) for tensor in (theta, phi, g))
        weights = torch.bmm(columns, rows.mT).softmax(dim=2)
        y[part] = torch.bmm(weights.mT, values)
    return y


def _queries_of_each(theta: Tensor, phi: Tensor, g: Tensor) -> Tensor:
    """Softmax over queries of large maps, one at a time, in slabs of its keys.

    A slab goes in a few equal strips, since one narrow product alone does not keep two cores busy.
    """
    number, size = g.shape[1:]
    # Keys beyond the last have no value, so they add nothing.
    phi, g = (F.pad(tensor, (0, 0, 0, -number % _STRIPS)) for tensor in (phi, g))
    slab = _STRIPS * _STRIP_KEYS
    held = g.new_empty(_STRIPS, _STRIP_KEYS, number)
    y = []
    for queries, keys, values in zip(theta.mT.contiguous(), phi, g, strict=True):
        columns = queries.expand(_STRIPS, size, number)
        sums = g.new_zeros(_STRIPS, number, size)
        for start in range(0, len(keys), slab):
            few = keys[start : start + slab].unflatten(0, (_STRIPS, -1))
            scores = held[:, : few.shape[1]]
            torch.bmm(few, columns, out=scores)
            weights = torch.softmax(scores, dim=2, out=scores)  # in place: they stay in the cache
            sums.baddbmm_(weights.mT, values[start : start + slab].view_as(few))
        y.append(sums.sum(dim=0))
    return torch.stack(y)


class _Recomputed(torch.autograd.Function):
    """Recomputes each slab in the backward pass instead of keeping it."""

    @staticmethod
    def forward(ctx: Any, theta: Tensor, phi: Tensor, g: Tensor, softmax: Softmax) -> Tensor:
        ctx.save_for_backward(theta, phi, g)
        ctx.softmax = softmax
        return _in_slabs(theta, phi, g, softmax)

    @staticmethod
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        saved: tuple[Tensor, Tensor, Tensor] = ctx.saved_tensors
        work = torch.promote_types(saved[0].dtype, torch.float32)
        theta, phi, g = (tensor.to(work) for tensor in saved)
        grad_y = grad_y.to(work)
        over_keys = ctx.softmax == "keys"
        # Rows are cut into slabs, the softmax runs over columns.
        rows, columns = (theta, phi) if over_keys else (phi, theta)
        grad_rows, grad_columns, grad_g = (torch.zeros_like(t) for t in (rows, columns, g))
        for part, slab in _slabs(rows):
            weights = _slab_weights(rows[part, slab], columns[part])
            if over_keys:
                grad_g[part] += weights.mT @ grad_y[part, slab]
                grad_weights = grad_y[part, slab] @ g[part].mT
            else:
                grad_g[part, slab] = weights @ grad_y[part]
                grad_weights = g[part, slab] @ grad_y[part].mT
            mean = (weights * grad_weights).sum(dim=2, keepdim=True)
            grad_scores = grad_weights.sub_(mean).mul_(weights)
            grad_rows[part, slab] = grad_scores @ columns[part]
            grad_columns[part] += grad_scores.mT @ rows[part, slab]
        grads = (grad_rows, grad_columns) if over_keys else (grad_columns, grad_rows)
        dtype = saved[0].dtype
        return grads[0].to(dtype), grads[1].to(dtype), grad_g.to(dtype), None


class NonLocalBlock(nn.Module):
    """Non-local block: ``z = W_z y + x`` (Eq. 5, Fig. 3).

    Args:
        features: Channels of input and output.
        inner: Channels of the three embeddings (32 in the paper).
        softmax: Axis of the softmax, see :func:`attend`.
        window: Side of the windows in which attention works, in pixels of the feature map, on
            the map's own grid from its upper left corner; ``None`` for the whole map.
    """

    def __init__(
        self, features: int, inner: int, *, softmax: Softmax = "keys", window: int | None = None
    ) -> None:
        super().__init__()
        self.softmax: Softmax = softmax
        self.window = window
        self.theta = nn.Conv2d(features, inner, 1)
        self.phi = nn.Conv2d(features, inner, 1)
        self.g = nn.Conv2d(features, inner, 1)
        self.out = nn.Conv2d(inner, features, 1)

    @torch.no_grad()
    def start_as_identity(self) -> None:
        """Make ``W_z`` zero, so that the block changes nothing (Section 3.2.3)."""
        self.out.weight.zero_()
        self.out.bias.zero_()  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to the same shape, any height and width from 1 on."""
        maps = torch.cat((self.theta(x), self.phi(x), self.g(x)), dim=1)
        if torch.compiler.is_exporting():
            y = attend_in_padded_windows(maps, self.window, self.softmax)
        else:
            window = self.window or max(x.shape[-2:])
            rows = [
                torch.cat([self._in_windows(part, side) for part, side in parts], dim=3)
                for parts in _grid(maps, window)
            ]
            y = torch.cat(rows, dim=2)
        z: Tensor = x + self.out(y)
        return z

    def _in_windows(self, maps: Tensor, side: tuple[int, int]) -> Tensor:
        batch, channels, height, width = maps.shape
        down, across = height // side[0], width // side[1]
        # (B, 3D, H, W) -> one row of tokens per window: (B·down·across, side·side, 3D)
        tokens = maps.reshape(batch, channels, down, side[0], across, side[1])
        tokens = tokens.permute(0, 2, 4, 3, 5, 1).reshape(-1, side[0] * side[1], channels)
        theta, phi, g = tokens.chunk(3, dim=2)
        y = attend(theta, phi, g, softmax=self.softmax)
        y = y.reshape(batch, down, across, side[0], side[1], -1).permute(0, 5, 1, 3, 2, 4)
        return y.reshape(batch, -1, height, width)


def _grid(maps: Tensor, window: int) -> list[list[tuple[Tensor, tuple[int, int]]]]:
    """Cut a map into the part that whole windows cover and the narrower last row and column.

    The last windows are smaller, so that a missing key takes no part in the softmax: at most
    four parts, each with the size of its windows.
    """
    rows = []
    for top, bottom, high in _spans(maps.shape[2], window):
        row = maps[:, :, top:bottom]
        rows.append(
            [
                (row[:, :, :, left:right], (high, wide))
                for left, right, wide in _spans(maps.shape[3], window)
            ]
        )
    return rows


def _spans(length: int, window: int) -> list[tuple[int, int, int]]:
    """(start, stop, window side) of the whole windows and of the rest along one axis."""
    whole = length - length % window
    spans = [(0, whole, window), (whole, length, length - whole)]
    return [span for span in spans if span[1] > span[0]]
