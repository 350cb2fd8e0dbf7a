"""ACoL's network: shared features, two heads, one of which sees what the other left."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from dfm_viz.backbones.staged import Draws, Localizer, Stages
from dfm_viz.methods.acol import (
    ACoLParams,
    ACoLTrace,
    erase,
    erasing_mask,
    fuse,
    head_convolutions,
    head_map,
)
from dfm_viz.methods.convolution import HeadStyle
from dfm_viz.shapes import Cam, FeatureMap, Logits


class ACoLLocalizer(Localizer):
    """A localizer whose map is fused from two heads; head A names the class.

    `fc` is head A's 1 x 1 convolution: convolving and then pooling is pooling and then a linear
    layer, with the same numbers. So the mean of head A's raw map plus the bias is its logit.
    """

    def __init__(
        self,
        features: Stages,
        channels: int,
        classes: int,
        backbone: str,
        options: Mapping[str, Any],
        *,
        params: ACoLParams | None = None,
        style: HeadStyle | None = None,
    ) -> None:
        """Put two new heads on features with `channels` channels."""
        style = style or HeadStyle()
        super().__init__(features, nn.Linear(style.width, classes), backbone, options)
        self.params = params or ACoLParams()
        self.head_a = head_convolutions(channels, style)
        self.head_b = head_convolutions(channels, style)
        self.fc_b = nn.Linear(style.width, classes)

    def logits(self, feature_map: FeatureMap) -> Logits:
        """Head A's answer to the shared features, (b, classes)."""
        return super().logits(self.head_a(feature_map))

    def trace(self, feature_map: FeatureMap, class_index: Tensor) -> ACoLTrace:
        """Both heads' maps of one class per sample, what is erased, and what they make."""
        map_a = head_map(self.head_a(feature_map), self.fc.weight, class_index)
        erased = erasing_mask(map_a, self.params.erase_threshold)
        left = self.head_b(erase(feature_map, erased))
        map_b = head_map(left, self.fc_b.weight, class_index)
        return ACoLTrace(map_a, erased, map_b, fuse(map_a, map_b))

    def cam(self, feature_map: FeatureMap, class_index: Tensor) -> Cam:
        """The fused maps, (b, h, w), from 0 to 1: the larger of both heads' rescaled maps."""
        return self.trace(feature_map, class_index).fused

    def training_logits(
        self, x: Tensor, labels: Tensor, draws: Draws | None = None
    ) -> tuple[Logits, ...]:
        """Logits of head A and of head B, which sees the features without A's map of `labels`."""
        shared = self.feature_map(x, draws)
        seen_by_a = self.head_a(shared)
        map_a = head_map(seen_by_a.detach(), self.fc.weight.detach(), labels)
        erased = erasing_mask(map_a, self.params.erase_threshold)
        seen_by_b = self.head_b(erase(shared, erased))
        return super().logits(seen_by_a), self.fc_b(seen_by_b.mean(dim=(2, 3)))
