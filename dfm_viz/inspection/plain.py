"""Row 0 of Table 1: the CAM checkpoint's weights in its backbone as published."""

import torch

from dfm_viz.backbones import Localizer, create_model
from dfm_viz.inspection.family import MODELS, Checkpoints, model_bytes
from dfm_viz.inspection.network import Network
from dfm_viz.inspection.question import Opened

_CAM = "cam"


def plain_network(checkpoints: Checkpoints, opened: Opened) -> Network | None:
    """The plain classifier with this picture's input; built when first asked for, then kept.

    The family has only CAM's weights, so these are put into the network as published (original
    strides, no CAM head). None where that cannot be: in a family without a CAM checkpoint, and
    where the published network has layers that CAM's has not (VGG16 with conv6 instead of its
    fully connected layers).
    """
    if _CAM not in checkpoints.cards:
        return None
    card, folder = checkpoints.cards[_CAM], checkpoints.folders[_CAM]
    key = (str(folder.resolve()), card.sha256, str(checkpoints.device), "plain")
    model: Localizer | None = MODELS.get(
        key, lambda: _plain(checkpoints.model(_CAM)), lambda m: 0 if m is None else model_bytes(m)
    )
    if model is None:
        return None
    network = opened.networks[_CAM]
    return Network(model, network.x, (), ("plain", network.key))


def _plain(cam: Localizer) -> Localizer | None:
    """A network of the same tensors (none is copied) with the published strides."""
    state = cam.state_dict()
    with torch.device("meta"):  # shapes only: the weights are there already
        options = {**cam.options, "plain": True}
        model = create_model(cam.backbone, cam.fc.out_features, options=options)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if shapes != {name: tensor.shape for name, tensor in state.items()}:
        return None
    model.load_state_dict(state, assign=True)
    return model.eval()
