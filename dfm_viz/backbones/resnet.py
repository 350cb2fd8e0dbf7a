"""ResNet50 (He et al., CVPR 2016) from torchvision, with a 14 x 14 last map at 224 px.

The last stage's stride becomes 1, without dilation, as weakly supervised localizers do.
"""

from collections.abc import Mapping

import torchvision
from torch import Tensor, nn


def resnet50(
    *, state: Mapping[str, Tensor] | None = None, download: bool = False
) -> tuple[dict[str, nn.Module], nn.Linear]:
    """Build ResNet50.

    Args:
        state: weights under torchvision's key names, or None.
        download: fetch torchvision's published ImageNet weights.

    Returns:
        the stages by name (conv4_1 is torchvision's layer3[0]), and the ImageNet classifier.
    """
    weights = torchvision.models.ResNet50_Weights.IMAGENET1K_V1 if download else None
    net = torchvision.models.resnet50(weights=weights)
    if state is not None:
        net.load_state_dict(state)
    net.layer4[0].conv2.stride = (1, 1)
    net.layer4[0].downsample[0].stride = (1, 1)
    stages: dict[str, nn.Module] = {
        "conv1": nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    }
    for s, layer in enumerate((net.layer1, net.layer2, net.layer3, net.layer4), start=2):
        for b, block in enumerate(layer, start=1):
            stages[f"conv{s}_{b}"] = block
    return stages, net.fc
