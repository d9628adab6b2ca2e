"""The plain network that speed is measured against."""

from itertools import pairwise

from torch import Tensor, nn


class PlainNet(nn.Module):
    """20 layers of 64 features at full resolution, conv 3×3 and ReLU: DnCNN's shape (TIP 2017).

    Batch normalisation is left out, as it can be folded into the convolutions.
    """

    def __init__(self, channels: int = 3, features: int = 64, layers: int = 20) -> None:
        super().__init__()
        widths = [channels, *[features] * (layers - 1)]
        body: list[nn.Module] = []
        for before, after in pairwise(widths):
            body += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*body, nn.Conv2d(features, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to the same shape."""
        y: Tensor = x - self.body(x)
        return y
