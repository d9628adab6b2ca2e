"""The residual non-local attention network (Section 3, Fig. 1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnan.errors import ConfigError
from rnan.models.attention import NonLocalBlock, in_full_precision
from rnan.models.blocks import AttentionBlock
from rnan.models.config import RNANConfig


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
            AttentionBlock(config, is_nonlocal=kind == "N") for kind in config.plan
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
