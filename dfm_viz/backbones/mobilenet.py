"""MobileNetV1 (Howard et al., arXiv:1704.04861) from timm, with a 14 x 14 last map at 224 px.

The last stride becomes a dilation (timm's `output_stride=16`), which keeps ImageNet features valid.
"""

from collections.abc import Mapping
from typing import Any

import timm
from torch import Tensor, nn

from dfm_viz.backbones.weights import take
from dfm_viz.types import UserError

CONVENTIONS: Mapping[str, Mapping[str, Any]] = {
    # TF-Slim pads as TensorFlow does; its weights are wrong under any other padding.
    "tf_slim": {"pad_type": "same", "bn_eps": 1e-3},
    "timm": {},
}


def mobilenetv1(
    *,
    convention: str = "tf_slim",
    plain: bool = False,
    state: Mapping[str, Tensor] | None = None,
    download: bool = False,
) -> tuple[dict[str, nn.Module], nn.Linear]:
    """Build MobileNetV1 1.0.

    Args:
        convention: padding and batch-norm epsilon; `tf_slim` or `timm`.
        plain: keep the published strides (7 x 7 last map at 224 px).
        state: weights under timm's key names, or None.
        download: fetch timm's published ImageNet weights (they follow `timm`).

    Raises:
        UserError: an unknown convention.

    Returns:
        the stages by name, and the ImageNet classifier (random without weights).
    """
    if convention not in CONVENTIONS:
        raise UserError(
            f"convention must be one of {', '.join(CONVENTIONS)}, but got {convention!r}."
        )
    net: Any = timm.create_model(
        "mobilenetv1_100",
        pretrained=download,
        output_stride=32 if plain else 16,
        **CONVENTIONS[convention],
    )
    if state is not None:
        take(net, state)
    stages: dict[str, nn.Module] = {"stem": nn.Sequential(net.conv_stem, net.bn1)}
    for s, stage in enumerate(net.blocks, start=1):
        for b, block in enumerate(stage, start=1):
            stages[f"block{s}_{b}"] = block
    return stages, net.classifier
