"""The 3 x 3 convolution of the heads and branches that some methods add to a network."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class HeadStyle:
    """How a backbone's added 3 x 3 convolutions are made.

    Attributes:
        width: channels they make.
        separable: depthwise 3 x 3, batch norm, ReLU, then 1 x 1, as MobileNet is made of; about a
            ninth of the weights.
    """

    width: int = 1024
    separable: bool = False


def conv3x3(channels: int, style: HeadStyle) -> nn.Module:
    """A 3 x 3 convolution from `channels` to the style's width that keeps the map's size."""
    if style.separable:
        return nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            _initialized(nn.Conv2d(channels, style.width, 1)),
        )
    return _initialized(nn.Conv2d(channels, style.width, 3, padding=1))


def _initialized(layer: nn.Conv2d) -> nn.Conv2d:
    """He initialisation, so that features keep their scale through the ReLU that follows."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
