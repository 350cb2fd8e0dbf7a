"""Convolutional Block Attention Module (Woo et al., ECCV 2018): a channel gate, then a spatial one.

The gates have weights and stay at test time. They learn from image labels only, like everything
here. The module stands behind a whole block, so on ResNet it also gates the shortcut.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dfm_viz.methods.convolution import HeadStyle
from dfm_viz.methods.insertion import Insertion
from dfm_viz.methods.params import Params, number
from dfm_viz.shapes import ChannelVector, FeatureMap, SpatialMap

KERNEL = 7
"""Side of the spatial gate's convolution, as in the paper."""

OPEN = 4.0
"""What the gates' biases add up to at the start: sigmoid(4) = .98.

Our choice. With biases of 0 both gates start near one half, so every module quarters its features,
and behind the 13 blocks of MobileNetV1 nothing is left of what ImageNet weights mean (0 of 24
pictures keep their top class; with 4 it is 7, with 6 it is 19, but there a sigmoid hardly learns).
"""


@dataclass(frozen=True)
class CBAMParams(Params):
    """CBAM's one number; it decides the shapes of the weights."""

    reduction: float = number(
        16,
        symbol="r",
        label="channels per hidden unit of the channel gate",
        source="CBAM paper: 16",
        low=1,
        high=64,
        step=1,
    )


@dataclass(frozen=True)
class CBAMTrace:
    """One call: both gates are between 0 and 1."""

    F_in: FeatureMap
    channel_gate: ChannelVector
    spatial_gate: SpatialMap
    F_out: FeatureMap


def channel_gate(features: FeatureMap, mlp: nn.Module) -> ChannelVector:
    """sigmoid(MLP(mean) + MLP(max)), means and maxima over all positions, one MLP for both."""
    return (mlp(features.mean(dim=(2, 3))) + mlp(features.amax(dim=(2, 3)))).sigmoid()


def spatial_gate(features: FeatureMap, convolution: nn.Module) -> SpatialMap:
    """sigmoid(BN(conv([max, mean]))), maxima and means over all channels.

    The batch norm is in the authors' published code, not in their equation.
    """
    pooled = torch.stack([features.amax(dim=1), features.mean(dim=1)], dim=1)
    gate: Tensor = convolution(pooled)
    return gate[:, 0].sigmoid()


class CBAM(Insertion):
    """Multiply the features by the channel gate, the product by its spatial gate."""

    def __init__(self, channels: int, params: CBAMParams | None = None) -> None:
        """Make the gates for features with `channels` channels, nearly open (see `OPEN`)."""
        super().__init__()
        self.params: CBAMParams = params or CBAMParams()
        hidden = max(1, channels // round(self.params.reduction))
        last = nn.Linear(hidden, channels)
        self.mlp = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), last)
        norm = nn.BatchNorm2d(1, momentum=0.01)
        self.conv = nn.Sequential(nn.Conv2d(2, 1, KERNEL, padding=KERNEL // 2, bias=False), norm)
        nn.init.constant_(last.bias, OPEN / 2)  # counts twice: mean and maximum
        nn.init.constant_(norm.bias, OPEN)

    @classmethod
    def build(cls, params: CBAMParams, channels: int, classes: int, style: HeadStyle) -> "CBAM":
        """Make the module for `channels` channels."""
        return cls(channels, params)

    def trace(self, x: FeatureMap, draw: None = None) -> CBAMTrace:
        """Both gates and the gated features; there is nothing to draw."""
        channel = channel_gate(x, self.mlp)
        gated = x * channel[:, :, None, None].to(x.dtype)
        spatial = spatial_gate(gated, self.conv)
        return CBAMTrace(x, channel, spatial, gated * spatial[:, None].to(x.dtype))

    def extra_repr(self) -> str:
        """The parameters, as `print(model)` shows them."""
        return ", ".join(f"{k}={v}" for k, v in self.params.to_dict().items())
