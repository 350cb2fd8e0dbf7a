"""Attention-based Dropout Layer (Choe and Shim, CVPR 2019)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dfm_viz.methods.insertion import TwoWay
from dfm_viz.methods.params import Params, number
from dfm_viz.shapes import DrawLike, FeatureMap, SpatialMap
from dfm_viz.types import AdlDraw


@dataclass(frozen=True)
class ADLParams(Params):
    """ADL's two numbers. The published threshold depends on the backbone; see `backbones`."""

    drop_threshold: float = number(
        0.90, symbol="γ", label="share of the maximum that is dropped", source="ADL, ResNet50"
    )
    drop_probability: float = number(
        0.75, symbol="p", label="chance of the drop mask", source="ADL, section 3"
    )


@dataclass(frozen=True)
class ADLTrace:
    """Every map of one call: attention, importance, drop_mask are (b, h, w)."""

    F_in: FeatureMap
    attention: SpatialMap
    importance: SpatialMap
    drop_mask: SpatialMap
    F_out: FeatureMap


def self_attention(features: FeatureMap) -> SpatialMap:
    """The mean over the channels at every position, in float32 at least."""
    return features.mean(dim=1, dtype=torch.promote_types(features.dtype, torch.float32))


def importance_map(attention: SpatialMap) -> SpatialMap:
    """sigmoid(attention), in [0.5, 1) after a ReLU."""
    return attention.sigmoid()


def drop_mask(attention: SpatialMap, threshold: float) -> SpatialMap:
    """1 where attention < threshold * max of the sample, else 0; a dead map is dropped whole."""
    limit = threshold * attention.amax(dim=(1, 2), keepdim=True)
    return (attention < limit).to(attention.dtype)


class ADL(TwoWay):
    """Multiply the features by the drop mask or by the importance map, chosen at random."""

    draw_type = AdlDraw

    def __init__(self, params: ADLParams | None = None, per_sample: bool = False) -> None:
        """Keep the parameters; `per_sample` makes one draw per picture instead of per batch."""
        super().__init__(per_sample)
        self.params: ADLParams = params or ADLParams()

    @property
    def probability(self) -> float:
        """The probability of the drop mask."""
        return self.params.drop_probability

    def trace(self, x: FeatureMap, draw: DrawLike | None = None) -> ADLTrace:
        """Attention, importance, drop mask and the chosen product for features `x`."""
        draw = self.check(x, draw)
        attention = self_attention(x)
        importance = importance_map(attention)
        mask = drop_mask(attention, self.params.drop_threshold)
        if draw is None:
            return ADLTrace(x, attention, importance, mask, x)
        if isinstance(draw, Tensor):
            chosen = torch.where(draw[:, None, None], mask, importance)
        else:
            chosen = mask if draw is AdlDraw.MASK else importance
        return ADLTrace(x, attention, importance, mask, (x * chosen[:, None]).to(x.dtype))

    def extra_repr(self) -> str:
        """The parameters, as `print(model)` shows them."""
        return ", ".join(f"{k}={v}" for k, v in self.params.to_dict().items())
