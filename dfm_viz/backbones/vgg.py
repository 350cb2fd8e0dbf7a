"""VGG16 (Simonyan and Zisserman, ICLR 2015) from torchvision, with a CAM head.

pool5 and the three fully connected layers go; a 3 x 3 convolution from 512 to 1024 channels with
ReLU takes their place, so that the last map is 14 x 14 at 224 px.
"""

from collections.abc import Mapping

import torchvision
from torch import Tensor, nn
from torchvision.models import VGG16_Weights, vgg


def vgg16(
    *, state: Mapping[str, Tensor] | None = None, download: bool = False
) -> tuple[dict[str, nn.Module], nn.Linear]:
    """Build VGG16.

    Args:
        state: weights under torchvision's key names (`features.N`), or None; fully connected layers
            in it are not used.
        download: fetch torchvision's published ImageNet weights.

    Returns:
        the stages by name (conv1_1 to conv5_3 with their ReLU, pool1 to pool4, and the new conv6),
        and a new classifier over 1000 classes.
    """
    layers = _convolutions(state, download)
    stages: dict[str, nn.Module] = {}
    stage, number = 1, 0
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            number += 1
            stages[f"conv{stage}_{number}"] = nn.Sequential(layer, nn.ReLU(inplace=True))
        elif isinstance(layer, nn.MaxPool2d):
            stages[f"pool{stage}"] = layer
            stage, number = stage + 1, 0
    del stages["pool5"]
    stages["conv6"] = nn.Sequential(nn.Conv2d(512, 1024, 3, padding=1), nn.ReLU(inplace=True))
    return stages, nn.Linear(1024, 1000)


def _convolutions(state: Mapping[str, Tensor] | None, download: bool) -> nn.Sequential:
    if download:
        return torchvision.models.vgg16(weights=VGG16_Weights.IMAGENET1K_V1).features
    # Without the 120 million weights of the layers that would be thrown away.
    layers = vgg.make_layers(vgg.cfgs["D"])
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    if state is not None:
        prefix = "features."
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        layers.load_state_dict(own)
    return layers
