"""Attention Branch Network (Fukui et al., CVPR 2019): a branch that classifies also makes a map.

The branch reads the features in the middle of a network. Its map A strengthens them, (1 + A) * x,
before the rest of the network, the perception branch, classifies too. Both learn from the labels.
"""

from dataclasses import dataclass

from torch import nn

from dfm_viz.methods.convolution import HeadStyle, conv3x3
from dfm_viz.methods.insertion import Insertion
from dfm_viz.methods.params import Params
from dfm_viz.shapes import FeatureMap, Logits, SpatialMap


@dataclass(frozen=True)
class ABNParams(Params):
    """ABN has no parameters."""


@dataclass(frozen=True)
class ABNTrace:
    """One call: the attention branch's logits (b, classes) and its map A in (0, 1)."""

    F_in: FeatureMap
    logits: Logits
    A: SpatialMap
    F_out: FeatureMap


def apply_attention(features: FeatureMap, A: SpatialMap) -> FeatureMap:
    """(1 + A) * x: A strengthens, and where it is 0 nothing is lost."""
    return features * (1 + A[:, None]).to(features.dtype)


class ABN(Insertion):
    """The attention branch.

    A 3 x 3 convolution (the authors copy the network's last stage here; one layer is our choice,
    for its size) and a 1 x 1 convolution to one map per class, each with batch norm and ReLU. From
    these maps a 1 x 1 convolution without bias and global average pooling give the branch's logits,
    a 3 x 3 convolution to one map with batch norm and sigmoid gives A: as the authors published it.
    """

    def __init__(self, channels: int, classes: int, style: HeadStyle | None = None) -> None:
        """Make the branch for features with `channels` channels."""
        super().__init__()
        style = style or HeadStyle()
        self.params = ABNParams()
        self.class_maps = nn.Sequential(
            conv3x3(channels, style),
            nn.BatchNorm2d(style.width),
            nn.ReLU(),
            nn.Conv2d(style.width, classes, 1, bias=False),
            nn.BatchNorm2d(classes),
            nn.ReLU(),
        )
        self.classify = nn.Conv2d(classes, classes, 1, bias=False)
        self.attend = nn.Sequential(
            nn.Conv2d(classes, 1, 3, padding=1, bias=False), nn.BatchNorm2d(1)
        )

    @classmethod
    def build(cls, params: ABNParams, channels: int, classes: int, style: HeadStyle) -> "ABN":
        """Make the branch for its place."""
        return cls(channels, classes, style)

    def trace(self, x: FeatureMap, draw: None = None) -> ABNTrace:
        """The branch's logits, its map, and the strengthened features; nothing is drawn."""
        maps = self.class_maps(x)
        logits = self.classify(maps).mean(dim=(2, 3))
        A = self.attend(maps)[:, 0].sigmoid()
        return ABNTrace(x, logits, A, apply_attention(x, A))
