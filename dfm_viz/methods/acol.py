"""Adversarial Complementary Learning (Zhang et al., CVPR 2018): one head erases for the other.

Both heads read the same features. Head A's map of the labelled class says where it looks; those
places are erased from the features before head B reads them, so B must find other parts.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dfm_viz.methods.cam import class_activation_map
from dfm_viz.methods.convolution import HeadStyle, conv3x3
from dfm_viz.methods.params import Params, number
from dfm_viz.shapes import Cam, FeatureMap, SpatialMap


@dataclass(frozen=True)
class ACoLParams(Params):
    """ACoL's one number."""

    erase_threshold: float = number(
        0.60, symbol="δ", label="where head A's map is erased", source="ACoL paper: .6 to .7"
    )


@dataclass(frozen=True)
class ACoLTrace:
    """One picture batch and class at test time, all (b, h, w).

    Attributes:
        map_a: head A's map, each sample rescaled to [0, 1].
        erased: 0 where the features are erased for head B, else 1.
        map_b: head B's map, likewise rescaled.
        fused: the larger of the two maps, position by position: the localization map.
    """

    map_a: SpatialMap
    erased: SpatialMap
    map_b: SpatialMap
    fused: SpatialMap


def normalize(raw: Cam) -> SpatialMap:
    """Each sample from its own minimum (0) to its maximum (1); a flat map is 0 everywhere."""
    low, high = raw.amin(dim=(1, 2), keepdim=True), raw.amax(dim=(1, 2), keepdim=True)
    spread = high - low
    return torch.where(spread > 0, (raw - low) / torch.where(spread > 0, spread, 1.0), 0.0)


def erasing_mask(normalized: SpatialMap, threshold: float) -> SpatialMap:
    """0 where the map reaches the threshold, else 1; a flat map erases nothing.

    A mask is a constant to the gradient: a step has derivative 0 wherever it has one, so head B's
    loss never moves head A's map through the mask.
    """
    hit = (normalized.detach() >= threshold) & (normalized.detach().amax((1, 2), keepdim=True) > 0)
    return (~hit).to(normalized.dtype)


def erase(features: FeatureMap, mask: SpatialMap) -> FeatureMap:
    """The features with every channel 0 where the mask is; the argument stays as it is."""
    return features * mask[:, None].to(features.dtype)


def fuse(map_a: SpatialMap, map_b: SpatialMap) -> SpatialMap:
    """The larger of the two, position by position."""
    return torch.maximum(map_a, map_b)


def head_convolutions(channels: int, style: HeadStyle) -> nn.Sequential:
    """What a head has before its classifier: two 3 x 3 convolutions, each with ReLU."""
    return nn.Sequential(
        conv3x3(channels, style), nn.ReLU(), conv3x3(style.width, style), nn.ReLU()
    )


def head_map(features: FeatureMap, weight: Tensor, class_index: Tensor) -> SpatialMap:
    """A head's map of one class per sample, rescaled to [0, 1] in float32 at least."""
    wide = torch.promote_types(features.dtype, torch.float32)
    return normalize(class_activation_map(features, weight, class_index).to(wide))
