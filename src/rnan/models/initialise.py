"""How a network starts before training."""

import torch

from rnan.models.attention import NonLocalBlock
from rnan.models.blocks import ResidualBlock
from rnan.models.rnan import RNAN


@torch.no_grad()
def near_identity(model: RNAN, *, branch_scale: float = 0.1) -> None:
    """Start where the network does nearly nothing, which makes large learning rates safe.

    The last convolution is zero, so the output is the input (where the network adds it); the
    second convolution of each residual block is scaled by ``branch_scale``; ``W_z`` of each
    non-local block is zero (Section 3.2.3).
    """
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            module.conv2.weight.mul_(branch_scale)
            module.conv2.bias.zero_()  # type: ignore[union-attr]
        elif isinstance(module, NonLocalBlock):
            module.start_as_identity()
    for tail in model.tails.children():
        last = [layer for layer in tail.modules() if isinstance(layer, torch.nn.Conv2d)][-1]
        last.weight.zero_()
        last.bias.zero_()  # type: ignore[union-attr]
