"""Attention in linear memory against the N×N formula."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from rnan.models import attention
from rnan.models.attention import NonLocalBlock, attend


def by_matrix(theta: Tensor, phi: Tensor, g: Tensor, softmax: str) -> Tensor:
    """Eq. 3 written plainly, with the matrix."""
    scores = torch.einsum("bid,bjd->bij", theta, phi)
    weights = scores.softmax(dim=2 if softmax == "keys" else 1)
    return torch.einsum("bij,bjd->bid", weights, g)


def inputs(dtype: torch.dtype, tokens: int) -> list[Tensor]:
    """Logits up to about 30."""
    made = [torch.randn(2, tokens, 32, dtype=torch.float64) for _ in range(3)]
    largest = torch.einsum("bid,bjd->bij", made[0], made[1]).abs().max()
    made[0] = made[0] * (30.0 / largest)
    return [one.to(dtype).requires_grad_() for one in made]


@pytest.mark.parametrize("softmax", ["keys", "queries"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=["f64", "f32"]
)
@pytest.mark.parametrize("tokens", [1, 37, 600])
@pytest.mark.parametrize("fused", [0, 4096], ids=["slabs", "fused"])
def test_equals_the_formula(
    softmax: str,
    dtype: torch.dtype,
    tolerance: float,
    tokens: int,
    fused: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attention, "_SLAB_ELEMENTS", 2 * 600 * 53)  # slabs of 53 tokens, a rest
    monkeypatch.setattr(attention, "_FUSED_TOKENS", fused)
    given = inputs(dtype, tokens)
    exact = [one.detach().double().requires_grad_() for one in given]
    pull = torch.randn(2, tokens, 32, dtype=torch.float64)

    y = attend(*given, softmax=softmax)
    (y * pull.to(dtype)).sum().backward()
    expected = by_matrix(*exact, softmax)
    (expected * pull).sum().backward()

    pairs = [(y, expected), *((a.grad, b.grad) for a, b in zip(given, exact, strict=True))]
    # With one token nothing depends on the scores: their gradients are zero, up to rounding.
    for ours, theirs in ((a.detach(), b.detach()) for a, b in pairs):
        largest = max(float(theirs.abs().max()), 1.0 if tokens == 1 else 0.0)
        assert float((ours.double() - theirs).abs().max()) <= tolerance * largest


def test_gradients_by_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "_FUSED_TOKENS", 0)
    given = [torch.randn(1, 7, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    for softmax in ("keys", "queries"):
        assert torch.autograd.gradcheck(lambda *x, s=softmax: attend(*x, softmax=s), given)


MEMORY = """
import sys, torch
from rnan.bench.alone import peak
from rnan.models.attention import attend
cpu = torch.device("cpu")
small = [torch.randn(1, 64, 32, requires_grad=True) for _ in range(3)]
attend(*small, softmax=sys.argv[1]).sum().backward()
given = [torch.randn(1, 24576, 32, requires_grad=True) for _ in range(3)]
before = peak(cpu)
attend(*given, softmax=sys.argv[1]).square().sum().backward()
print((peak(cpu) - before) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("softmax", ["keys", "queries"])
def test_memory_is_linear(softmax: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, softmax], capture_output=True, text=True, check=True
    )
    # The matrix alone would take 2,304 MiB.
    assert 0 < float(done.stdout) < 300, f"{done.stdout} MiB for 24,576 tokens"


@pytest.mark.parametrize("softmax", ["keys", "queries"])
def test_windows_are_the_formula_in_each_window(softmax: str) -> None:
    block = NonLocalBlock(6, 4, softmax=softmax, window=5).double()
    x = torch.randn(2, 6, 13, 7, dtype=torch.float64)
    expected = x.clone()
    for top in range(0, 13, 5):
        for left in range(0, 7, 5):
            part = x[:, :, top : top + 5, left : left + 5]
            maps = [m(part).flatten(2).mT for m in (block.theta, block.phi, block.g)]
            y = by_matrix(*maps, softmax).mT.reshape(2, 4, *part.shape[2:])
            expected[:, :, top : top + 5, left : left + 5] += block.out(y)
    torch.testing.assert_close(block(x), expected, rtol=1e-10, atol=1e-10)


def test_whole_map_is_one_window() -> None:
    block = NonLocalBlock(6, 4)
    x = torch.randn(1, 6, 9, 14)
    whole = block(x)
    block.window = 14
    torch.testing.assert_close(block(x), whole)
    block.window = 4
    assert (block(x) - whole).abs().max() > 1e-3


def test_zero_output_weights_are_the_identity() -> None:
    """W_z = 0 lets the block stand in a trained network unnoticed (Section 3.2.3)."""
    block = NonLocalBlock(6, 4)
    torch.nn.init.zeros_(block.out.weight)
    torch.nn.init.zeros_(block.out.bias)
    x = torch.randn(1, 6, 5, 8)
    assert torch.equal(block(x), x)
