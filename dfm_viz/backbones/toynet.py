"""ToyNet: our own backbone of about 100,000 weights, for generated scenes and for tests.

Six 3 x 3 convolutions with batch norm and ReLU; nobody publishes weights for it.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from dfm_viz.backbones.weights import take
from dfm_viz.types import UserError

CHANNELS = {"conv1": 16, "conv2": 32, "conv3_1": 48, "conv3_2": 48, "conv4_1": 64, "conv4_2": 64}
HALVING = ("conv1", "conv2", "conv3_1", "conv4_1")


def toynet(
    *, plain: bool = False, state: Mapping[str, Tensor] | None = None, download: bool = False
) -> tuple[dict[str, nn.Module], nn.Linear]:
    """Build ToyNet.

    Args:
        plain: end as classifiers do, with one stride more (7 x 7 last map at 224 px).
        state: weights under `<stage>.0`, `<stage>.1` and `fc`, or None.
        download: there is nothing to fetch.

    Raises:
        UserError: weights are to be downloaded.

    Returns:
        the stages by name (14 x 14 last map at 224 px), and a classifier over 1000 classes.
    """
    if download:
        raise UserError("ToyNet has no published weights; train it from init=none.")
    halving = (*HALVING, "conv4_2") if plain else HALVING
    stages: dict[str, nn.Module] = {}
    width = 3
    for name, channels in CHANNELS.items():
        stride = 2 if name in halving else 1
        convolution = nn.Conv2d(width, channels, 3, stride, padding=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        stages[name] = nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        width = channels
    classifier = nn.Linear(width, 1000)
    if state is not None:
        take(nn.ModuleDict({**stages, "fc": classifier}), state)
    return stages, classifier
