"""Residual block, trunk and mask branch, attention block (Section 3.2 and 3.3, Fig. 2, Eq. 6-8)."""

import torch
from torch import Tensor, nn

from rnan.models.attention import NonLocalBlock
from rnan.models.config import RNANConfig


class ResidualBlock(nn.Module):
    """conv 3×3, ReLU, conv 3×3, plus the input; no batch normalisation (Section 3.2.1)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to the same shape."""
        y: Tensor = x + self.conv2(torch.relu_(self.conv1(x)))
        return y


def residual_blocks(features: int, number: int) -> nn.Sequential:
    """``number`` residual blocks in a row."""
    return nn.Sequential(*(ResidualBlock(features) for _ in range(number)))


class MaskBranch(nn.Module):
    """Local or non-local mask branch (Section 3.2.2, Fig. 2).

    Residual blocks at full, half and full resolution give every position a wide view; the
    features before the stride are added back after the transposed convolution, and a sigmoid
    (Eq. 6) ends in a weight for each channel and position.

    Args:
        features: Channels.
        blocks: m, the residual blocks before the stride and after it (2m at half resolution).
        upsample_kernel: Side of the transposed convolution's kernel: 3, 4 or 6.
        nonlocal_block: Stands first in a non-local mask branch.
    """

    def __init__(
        self,
        features: int,
        blocks: int,
        upsample_kernel: int,
        nonlocal_block: NonLocalBlock | None = None,
    ) -> None:
        super().__init__()
        self.nonlocal_block = nonlocal_block
        self.before = residual_blocks(features, blocks)
        self.down = nn.Conv2d(features, features, 3, stride=2, padding=1)
        self.low = residual_blocks(features, 2 * blocks)
        padding, output_padding = {3: (1, 1), 4: (1, 0), 6: (2, 0)}[upsample_kernel]
        self.up = nn.ConvTranspose2d(
            features,
            features,
            upsample_kernel,
            stride=2,
            padding=padding,
            output_padding=output_padding,
        )
        self.after = residual_blocks(features, blocks)
        self.last = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to a mask in (0, 1) of the same shape."""
        if self.nonlocal_block is not None:
            x = self.nonlocal_block(x)
        x = self.before(x)
        height, width = x.shape[-2:]
        # An odd side comes back one longer; the surplus row or column is cut.
        up = self.up(self.low(self.down(x)))[:, :, :height, :width]
        mask: Tensor = torch.sigmoid(self.last(self.after(x + up)))
        return mask


class AttentionBlock(nn.Module):
    """Residual local or non-local attention block (Fig. 2).

    Without a mask branch, for the ablation, it is ``T(x) + x``, and a non-local block stands before
    the trunk (Table 1, case 3).
    """

    def __init__(self, config: RNANConfig, *, is_nonlocal: bool) -> None:
        super().__init__()
        features, attention = config.features, None
        if is_nonlocal:
            softmax, window = config.softmax, config.window
            attention = NonLocalBlock(features, config.inner, softmax=softmax, window=window)
        self.keep_input = config.keep_input
        self.before = residual_blocks(features, config.blocks_before)
        self.trunk = residual_blocks(features, config.trunk_blocks)
        self.mask = None
        if config.mask_branch:
            kernel = config.upsample_kernel
            self.mask = MaskBranch(features, config.mask_blocks, kernel, attention)
        self.trunk_attention = None if config.mask_branch else attention
        self.after = residual_blocks(features, config.blocks_after)
        self.last = nn.Conv2d(features, features, 3, padding=1) if config.block_conv else None

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to the same shape."""
        x = self.before(x)
        if self.mask is None:
            y: Tensor = (
                self.trunk(x if self.trunk_attention is None else self.trunk_attention(x)) + x
            )
        elif self.keep_input:
            y = self.trunk(x) * self.mask(x) + x  # Eq. 8
        else:
            y = self.trunk(x) * (self.mask(x) + 1)  # Eq. 7
        y = self.after(y)
        if self.last is not None:
            y = self.last(y)
        return y
