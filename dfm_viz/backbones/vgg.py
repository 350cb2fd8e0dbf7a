"""VGG16 (Simonyan and Zisserman, ICLR 2015) from torchvision, with a CAM head.

pool5 and the three fully connected layers go; a 3 x 3 convolution from 512 to 1024 channels with
ReLU takes their place, so that the last map is 14 x 14 at 224 px. The plain and the dense network
keep them, as convolutions with the same weights.
"""

from collections.abc import Mapping

import torchvision
from torch import Tensor, nn
from torchvision.models import VGG16_Weights, vgg

from dfm_viz.backbones.weights import MisfitError, take


def vgg16(
    *,
    plain: bool = False,
    dense: bool = False,
    acol: bool = False,
    state: Mapping[str, Tensor] | None = None,
    download: bool = False,
) -> tuple[dict[str, nn.Module], nn.Linear]:
    """Build VGG16.

    Args:
        plain: keep pool5 and the fully connected layers (1 x 1 last map).
        dense: keep them too, and slide them over the map of pool5 with zeros around it: the dense
            evaluation of the paper's section 3.2 at every place (14 x 14 last map at 448 px). So
            published weights have a CAM: each cell is what the plain network says of the 224 px
            around it, and pooling takes the mean. Plain goes first: it has the same weights.
        acol: the pooling that ACoL was published with: 3 x 3 pools in place of 2 x 2, pool5 with
            stride 1, a 3 x 3 average pooling (padding counts) behind it and no conv6; ACoL's heads
            follow. Convolutions have no dilation, as in the benchmark's 14 x 14 version.
        state: weights under torchvision's key names, or None; `classifier.N` is for the plain and
            the dense network, which need it.
        download: fetch torchvision's published ImageNet weights.

    Returns:
        the stages by name (conv1_1 to conv5_3 with their ReLU, pool1 to pool4, and the new conv6;
        plain, dense: pool5, fc6, fc7), and a classifier over 1000 classes, else a new one.
    """
    if download:
        weights = VGG16_Weights.IMAGENET1K_V1
        state = torchvision.models.vgg16(weights=weights).state_dict()
    if other := [k for k in state or () if not k.startswith(("features.", "classifier."))]:
        raise MisfitError(f"it has unknown {', '.join(other[:3])}")
    stages: dict[str, nn.Module] = {}
    stage, number = 1, 0
    for layer in _convolutions(state):
        if isinstance(layer, nn.Conv2d):
            number += 1
            stages[f"conv{stage}_{number}"] = nn.Sequential(layer, nn.ReLU(inplace=True))
        elif isinstance(layer, nn.MaxPool2d):
            stages[f"pool{stage}"] = _acol_pool(stage) if acol else layer
            stage, number = stage + 1, 0
    if acol:
        stages["average"] = nn.AvgPool2d(3, stride=1, padding=1)
        return stages, nn.Linear(512, 1000)
    if plain or dense:
        return _fully_connected(stages, state, dense and not plain)
    del stages["pool5"]
    stages["conv6"] = nn.Sequential(nn.Conv2d(512, 1024, 3, padding=1), nn.ReLU(inplace=True))
    return stages, nn.Linear(1024, 1000)


def _acol_pool(stage: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=1 if stage == 5 else 2, padding=1)


def _convolutions(state: Mapping[str, Tensor] | None) -> nn.Sequential:
    # Without the 120 million weights of the layers that a CAM head replaces.
    layers = vgg.make_layers(vgg.cfgs["D"])
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    if state is not None:
        take(layers, _below("features.", state))
    return layers


def _fully_connected(
    stages: dict[str, nn.Module], state: Mapping[str, Tensor] | None, dense: bool
) -> tuple[dict[str, nn.Module], nn.Linear]:
    """Add the published end: fc6 is a 7 x 7 convolution, fc7 a 1 x 1 one, dropout behind both.

    A fully connected layer over a map is a convolution as large as the map; so the network stays a
    row of stages, and pooling its 1 x 1 map changes nothing. Dense, it goes on over a larger map.
    """
    fc6 = nn.Conv2d(512, 4096, 7, padding=3 if dense else 0)
    fc7, fc8 = nn.Conv2d(4096, 4096, 1), nn.Linear(4096, 1000)
    for layer in (fc6, fc7, fc8):
        nn.init.normal_(layer.weight, 0, 0.01)
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    if state is not None:
        own = _below("classifier.", state)
        if len(own) != 6:
            raise MisfitError("it lacks classifier.0, 3 or 6, which is the end of this network")
        for number, layer in (("0", fc6), ("3", fc7), ("6", fc8)):
            shapes = {k: v.shape for k, v in layer.state_dict().items()}
            flat = _below(f"{number}.", own)
            if any(v.numel() != shapes[k].numel() for k, v in flat.items() if k in shapes):
                raise MisfitError(f"classifier.{number} has another size")
            take(layer, {k: v.reshape(shapes.get(k, v.shape)) for k, v in flat.items()})
    if not dense:
        stages["pool5"] = nn.Sequential(stages["pool5"], nn.AdaptiveAvgPool2d(7))
    stages["fc6"] = nn.Sequential(fc6, nn.ReLU(inplace=True), nn.Dropout())
    stages["fc7"] = nn.Sequential(fc7, nn.ReLU(inplace=True), nn.Dropout())
    return stages, fc8


def _below(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
