"""ResNet50 and ResNet101 (He et al., CVPR 2016) from torchvision, 14 x 14 last map at 224 px.

The last stage's stride becomes 1, without dilation, as weakly supervised localizers do.
"""

from collections.abc import Callable, Mapping

import torchvision
from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, ResNet101_Weights, WeightsEnum

from dfm_viz.backbones.weights import take


def _resnet(
    build: Callable[..., torchvision.models.ResNet],
    published: WeightsEnum,
    plain: bool,
    state: Mapping[str, Tensor] | None,
    download: bool,
) -> tuple[dict[str, nn.Module], nn.Linear]:
    net = build(weights=published if download else None)
    if state is not None:
        take(net, state)
    if not plain:
        net.layer4[0].conv2.stride = (1, 1)
        net.layer4[0].downsample[0].stride = (1, 1)
    stages: dict[str, nn.Module] = {
        "conv1": nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    }
    for s, layer in enumerate((net.layer1, net.layer2, net.layer3, net.layer4), start=2):
        for b, block in enumerate(layer, start=1):
            stages[f"conv{s}_{b}"] = block
    return stages, net.fc


def resnet50(
    *, plain: bool = False, state: Mapping[str, Tensor] | None = None, download: bool = False
) -> tuple[dict[str, nn.Module], nn.Linear]:
    """Build ResNet50.

    Args:
        plain: keep the published strides (7 x 7 last map at 224 px).
        state: weights under torchvision's key names, or None.
        download: fetch torchvision's published ImageNet weights.

    Returns:
        the stages by name (conv4_1 is torchvision's layer3[0]), and the ImageNet classifier.
    """
    published = ResNet50_Weights.IMAGENET1K_V1
    return _resnet(torchvision.models.resnet50, published, plain, state, download)


def resnet101(
    *, plain: bool = False, state: Mapping[str, Tensor] | None = None, download: bool = False
) -> tuple[dict[str, nn.Module], nn.Linear]:
    """Build ResNet101; arguments and result as for `resnet50`."""
    published = ResNet101_Weights.IMAGENET1K_V1
    return _resnet(torchvision.models.resnet101, published, plain, state, download)
