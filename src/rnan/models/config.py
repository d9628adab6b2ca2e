"""The shape of a network; every weights file carries its own."""

from dataclasses import dataclass
from typing import Literal

from rnan.errors import ConfigError
from rnan.options.mapping import shown

Softmax = Literal["keys", "queries"]
"""Axis of the attention's softmax."""

ROWS = 64
"""Queries of each window whose scores stand in memory at once in an exported network."""

_BOUNDS = {
    "channels_in": (1, 64),
    "channels_out": (1, 64),
    "features": (1, 1024),
    "inner": (1, 1024),
    "unshuffle": (1, 16),
    "blocks_before": (0, 16),
    "blocks_after": (0, 16),
    "trunk_blocks": (0, 16),
    "mask_blocks": (0, 16),
}
"""So that a weights file cannot ask for a network that no machine holds."""


@dataclass(frozen=True, kw_only=True)
class RNANConfig:
    """Shape of a network; every weights file carries its own."""

    plan: str = "NLLLLLLLLN"
    """Blocks of the body in order: ``N`` non-local, ``L`` local."""
    channels_in: int = 3
    """Channels of the input picture, without the level channel."""
    channels_out: int = 3
    """Channels of the restored picture."""
    features: int = 64
    """Channels of the body."""
    inner: int = 32
    """Channels inside a non-local block (C in Fig. 3)."""
    blocks_before: int = 1
    """Residual blocks before the branches of an attention block."""
    blocks_after: int = 2
    """Residual blocks after them (q)."""
    trunk_blocks: int = 2
    """Residual blocks of the trunk branch (t)."""
    mask_blocks: int = 1
    """Residual blocks of the mask branch (m); twice as many at half resolution."""
    mask_branch: bool = True
    """Off for the ablation (Table 1, cases 1 and 3)."""
    keep_input: bool = True
    """Eq. 8, ``T·M + x``; off: Eq. 7, ``T·(M + 1)``."""
    upsample_kernel: int = 3
    """Side of the transposed convolution's kernel in the mask branch: 3, 4 or 6."""
    block_conv: bool = False
    """A convolution at the end of each block, as the authors' program has it."""
    body_conv: bool = False
    """A plain convolution before the last block, as the authors' program has it."""
    softmax: Softmax = "keys"
    """Axis of the attention's softmax: keys as in Eq. 5, queries as in the authors' program."""
    window: int | None = None
    """Side of the attention windows in pixels of the feature map; none: the whole map."""
    unshuffle: int = 1
    """Pixel-unshuffle of the input: the body works at 1/unshuffle of its resolution."""
    level_channel: bool = False
    """One more input channel holds the level, scaled to about 0-1 (σ/255, quality/100)."""
    scales: tuple[int, ...] = (1,)
    """Enlargements; the network has a tail for each."""
    tail: Literal["direct", "upsampler"] = "direct"
    """One convolution and a pixel-shuffle, or the authors' upsampler and a convolution."""
    input_skip: bool = True
    """The input is added to the output (pixels repeated when it is enlarged)."""
    body_skip: bool = False
    """The head's features are added to the body's."""
    mean: tuple[float, ...] = ()
    """Subtracted from the input and added to the output, one value a channel."""
    value_range: float = 1.0
    """The value of white: 1, or 255 as in the authors' program."""

    @property
    def multiple(self) -> int:
        """What the sides of a picture are best a multiple of: the mask branches halve them."""
        return 2 * self.unshuffle

    def __post_init__(self) -> None:
        if not self.plan or set(self.plan) - {"N", "L"}:
            raise ConfigError(f"plan must be a row of N and L, got {shown(self.plan)}")
        if len(self.plan) > 200:
            raise ConfigError(f"plan must have at most 200 blocks, got {len(self.plan)}")
        for name, (low, high) in _BOUNDS.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(
                    f"{name} must be {low} to {high}, got {shown(getattr(self, name))}"
                )
        if not 0.0 < self.value_range < float("inf"):
            raise ConfigError(f"value_range must be positive, got {shown(self.value_range)}")
        if self.upsample_kernel not in (3, 4, 6):
            raise ConfigError(
                f"upsample_kernel must be 3, 4 or 6, got {shown(self.upsample_kernel)}"
            )
        if self.window is not None and self.window < 1:
            raise ConfigError(f"window must be at least 1, got {shown(self.window)}")
        if not self.scales or not 1 <= min(self.scales) <= max(self.scales) <= 16:
            raise ConfigError(f"scales must be numbers from 1 to 16, got {shown(self.scales)}")
        if len(set(self.scales)) != len(self.scales):
            raise ConfigError(f"scales must be different numbers, got {shown(self.scales)}")
        if self.tail == "upsampler" and set(self.scales) - {2, 3, 4}:
            raise ConfigError(f"an upsampler tail enlarges by 2, 3 or 4, got {shown(self.scales)}")
        if self.mean and len(self.mean) != self.channels_in:
            raise ConfigError(f"mean needs {self.channels_in} values, got {len(self.mean)}")
