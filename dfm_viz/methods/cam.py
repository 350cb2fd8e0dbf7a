"""Class activation mapping (Zhou et al., CVPR 2016): the baseline, nothing is inserted."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dfm_viz.methods.params import Params
from dfm_viz.shapes import Cam, FeatureMap


@dataclass(frozen=True)
class CAMParams(Params):
    """CAM has no parameters."""


def class_activation_map(features: FeatureMap, weight: Tensor, class_index: Tensor) -> Cam:
    r"""CAM_k(x) = sum_c w_{k,c} F_c(x) for one class per sample; no ReLU, no bias.

    The spatial mean of the map plus the bias of class k is the logit of class k.

    Args:
        features: the tensor that enters global average pooling, (b, c, h, w).
        weight: weights of the classifier, (classes, c).
        class_index: one class per sample, (b,) integers.
    """
    return torch.einsum("bc,bchw->bhw", weight[class_index], features)
