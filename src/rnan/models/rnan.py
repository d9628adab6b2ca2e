"""The residual non-local attention network (Section 3, Fig. 1) and its configuration."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnan.errors import ConfigError
from rnan.models.attention import NonLocalBlock, Softmax, in_full_precision
from rnan.models.blocks import AttentionBlock

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
            raise ConfigError(f"plan must be a row of N and L, got {self.plan!r}")
        if len(self.plan) > 200:
            raise ConfigError(f"plan must have at most 200 blocks, got {len(self.plan)}")
        for name, (low, high) in _BOUNDS.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} must be {low} to {high}, got {getattr(self, name)}")
        if not 0.0 < self.value_range < float("inf"):
            raise ConfigError(f"value_range must be positive, got {self.value_range}")
        if self.upsample_kernel not in (3, 4, 6):
            raise ConfigError(f"upsample_kernel must be 3, 4 or 6, got {self.upsample_kernel}")
        if self.window is not None and self.window < 1:
            raise ConfigError(f"window must be at least 1, got {self.window}")
        if not self.scales or not 1 <= min(self.scales) <= max(self.scales) <= 16:
            raise ConfigError(f"scales must be numbers from 1 to 16, got {self.scales}")
        if len(set(self.scales)) != len(self.scales):
            raise ConfigError(f"scales must be different numbers, got {self.scales}")
        if self.tail == "upsampler" and set(self.scales) - {2, 3, 4}:
            raise ConfigError(f"an upsampler tail enlarges by 2, 3 or 4, got {self.scales}")
        if self.mean and len(self.mean) != self.channels_in:
            raise ConfigError(f"mean needs {self.channels_in} values, got {len(self.mean)}")


class RNAN(nn.Module):
    """Residual non-local attention network (Fig. 1).

    The parts are ``head``, ``body`` (the attention blocks), ``body_conv`` and ``tails``.
    """

    def __init__(self, config: RNANConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels_in * config.unshuffle**2 + config.level_channel
        self.head = nn.Conv2d(channels, config.features, 3, padding=1)
        self.body = nn.ModuleList(
            AttentionBlock(
                config.features,
                config.inner,
                is_nonlocal=kind == "N",
                mask_branch=config.mask_branch,
                keep_input=config.keep_input,
                blocks_before=config.blocks_before,
                blocks_after=config.blocks_after,
                trunk_blocks=config.trunk_blocks,
                mask_blocks=config.mask_blocks,
                upsample_kernel=config.upsample_kernel,
                softmax=config.softmax,
                window=config.window,
                last_conv=config.block_conv,
            )
            for kind in config.plan
        )
        self.body_conv = (
            nn.Conv2d(config.features, config.features, 3, padding=1) if config.body_conv else None
        )
        self.tails = nn.ModuleDict({f"x{scale}": _tail(config, scale) for scale in config.scales})

    def forward(self, x: Tensor, level: Tensor | None = None, scale: int | None = None) -> Tensor:
        """Restore a batch of pictures.

        Args:
            x: ``(B, channels_in, H, W)`` in [0, ``value_range``]; any height and width from 1 on.
            level: The level over its scale (σ/255, quality/100): ``(B,)``, or a map
                ``(B, 1, H, W)``; only for networks with a level channel.
            scale: One of the configured scales; needed where there are several.

        Returns:
            ``(B, channels_out, H·scale, W·scale)``, neither clipped nor rounded.

        Raises:
            ConfigError: ``level`` is missing or superfluous, or ``scale`` is not configured.
        """
        config = self.config
        scale = self._scale(scale)
        height, width = x.shape[-2:]
        x = _to_multiple(x, config.unshuffle)
        mean = torch.tensor(config.mean, dtype=x.dtype, device=x.device)[:, None, None]
        shifted = x - mean if config.mean else x
        unshuffled = self._with_level(F.pixel_unshuffle(shifted, config.unshuffle), level)
        # Pixels rounded to the 8 bits of bfloat16 would bring noise of their own; and from here on
        # the residual stream stays in 32 bits.
        with in_full_precision(x.device):
            shallow = self.head(unshuffled)
        deep = shallow
        for index, block in enumerate(self.body):
            if self.body_conv is not None and index == len(self.body) - 1:
                deep = self.body_conv(deep)
            deep = block(deep)
        if config.body_skip:
            deep = deep + shallow
        y = self._through_tail(self.tails[f"x{scale}"], deep)
        if config.mean:
            y = y + mean
        if config.input_skip:
            y = y + (x if scale == 1 else F.interpolate(x, scale_factor=scale, mode="nearest"))
        return y[:, :, : height * scale, : width * scale]

    def set_window(self, window: int | None) -> None:
        """Let the non-local blocks attend in other windows than the network was trained with.

        Args:
            window: Side in pixels of the feature map; none for the whole map.
        """
        for module in self.modules():
            if isinstance(module, NonLocalBlock):
                module.window = window

    def _scale(self, scale: int | None) -> int:
        scales = self.config.scales
        if scale is None and len(scales) == 1:
            return scales[0]
        if scale not in scales:
            raise ConfigError(f"scale must be one of {', '.join(map(str, scales))}, got {scale}")
        return scale

    def _through_tail(self, tail: nn.Module, deep: Tensor) -> Tensor:
        """The last convolution in 32 bits: half a gray level is lost in the 8 bits of bfloat16."""
        assert isinstance(tail, nn.Sequential)
        if self.config.tail == "upsampler":
            deep, tail = tail[0](deep), tail[1:]
        with in_full_precision(deep.device):
            y: Tensor = tail(deep.to(self.head.weight.dtype))
        return y

    def _with_level(self, x: Tensor, level: Tensor | None) -> Tensor:
        if self.config.level_channel != (level is not None):
            raise ConfigError(
                "this network needs a level" if level is None else "this network takes no level"
            )
        if level is None:
            return x
        level = level.to(x.dtype)
        if level.ndim == 1:
            plane = level[:, None, None, None].expand(-1, 1, *x.shape[-2:])
        else:
            unshuffle = self.config.unshuffle
            plane = F.avg_pool2d(_to_multiple(level, unshuffle), unshuffle)
        return torch.cat((x, plane), dim=1)


def _to_multiple(x: Tensor, of: int) -> Tensor:
    """Repeat the last row and column until both sides are a multiple of ``of``."""
    bottom, right = -x.shape[-2] % of, -x.shape[-1] % of
    # A graph for all sizes cannot ask whether there is something to do.
    if of > 1 and (torch.compiler.is_exporting() or bottom or right):
        return F.pad(x, (0, right, 0, bottom), mode="replicate")
    return x


def _tail(config: RNANConfig, scale: int) -> nn.Sequential:
    if config.tail == "upsampler":
        return nn.Sequential(
            _upsampler(config.features, scale),
            nn.Conv2d(config.features, config.channels_out, 3, padding=1),
        )
    factor = config.unshuffle * scale
    return nn.Sequential(
        nn.Conv2d(config.features, config.channels_out * factor**2, 3, padding=1),
        nn.PixelShuffle(factor),
    )


def _upsampler(features: int, scale: int) -> nn.Sequential:
    steps = (2, 2) if scale == 4 else (scale,)
    layers: list[nn.Module] = []
    for step in steps:
        layers += [nn.Conv2d(features, features * step**2, 3, padding=1), nn.PixelShuffle(step)]
    return nn.Sequential(*layers)
