"""Shapes with names, for the code that computes with tensors.

jaxtyping aliases: the test run enforces them with beartype, elsewhere they cost nothing.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from dfm_viz.types import AdlDraw, Draw

FeatureMap = Float[Tensor, "b c h w"]
"""A batch of feature maps F: batch, channels, rows, columns."""

SpatialMap = Float[Tensor, "b h w"]
"""One value per position, as P_A."""

ChannelVector = Float[Tensor, "b c"]
"""One value per channel, as C_A."""

Logits = Float[Tensor, "b k"]
"""One unnormalised score per class."""

Cam = Float[Tensor, "b h w"]
"""A raw class activation map: no ReLU, no bias, no rescaling."""

DrawLike = Draw | AdlDraw | Bool[Tensor, " b"]
"""One choice for the whole batch, or one per sample (True = position, True = mask)."""
