"""Backbones with a CAM head: what they are, where modules go, and how to build one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from dfm_viz.backbones.mobilenet import mobilenetv1
from dfm_viz.backbones.modes import forward_mode
from dfm_viz.backbones.resnet import resnet50, resnet101
from dfm_viz.backbones.staged import INPUT, Localizer, Stages, descend
from dfm_viz.backbones.vgg import vgg16
from dfm_viz.backbones.weights import read_weights
from dfm_viz.methods import Insertion, Params, get_method
from dfm_viz.types import UserError


@dataclass(frozen=True)
class Backbone:
    """One architecture, its insertion points and its preprocessing, as data.

    Attributes:
        name: key in `BACKBONES`.
        title: name as people write it.
        build: makes the stages and the ImageNet classifier.
        points: method -> the insertion points it uses by default.
        points_source: where those points come from.
        defaults: method -> parameter values that differ from the method's own defaults.
        mean: per channel, on pictures scaled to [0, 1].
        std: likewise.
        download_options: how the library's own ImageNet weights want the network built.
    """

    name: str
    title: str
    build: Callable[..., tuple[dict[str, nn.Module], nn.Linear]]
    points: Mapping[str, tuple[str, ...]]
    points_source: str
    defaults: Mapping[str, Mapping[str, Any]]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    download_options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

BACKBONES: dict[str, Backbone] = {
    b.name: b
    for b in (
        Backbone(
            name="mobilenetv1",
            title="MobileNetV1",
            build=mobilenetv1,
            # After the first 512-channel block and after the last block.
            points={"dfm": ("block4_1", "block5_2"), "adl": ("block4_1", "block5_2")},
            points_source="our choice: neither paper gives positions for MobileNetV1",
            defaults={"adl": {"drop_threshold": 0.95}},
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            download_options={"convention": "timm"},
        ),
        Backbone(
            name="resnet50",
            title="ResNet50",
            build=resnet50,
            points={"dfm": ("conv4_1", "conv5_3"), "adl": ("conv4_1", "conv5_1", "conv5_3")},
            points_source="DFM paper, Implementation; ADL paper, section 4",
            defaults={"adl": {"drop_threshold": 0.90}},
            mean=_IMAGENET_MEAN,
            std=_IMAGENET_STD,
        ),
        Backbone(
            name="resnet101",
            title="ResNet101",
            build=resnet101,
            points={"dfm": ("conv4_1", "conv5_3"), "adl": ("conv4_1", "conv5_1", "conv5_3")},
            points_source="DFM paper: as ResNet50; ADL's for ResNet50",
            defaults={"adl": {"drop_threshold": 0.90}},
            mean=_IMAGENET_MEAN,
            std=_IMAGENET_STD,
        ),
        Backbone(
            name="vgg16",
            title="VGG16",
            build=vgg16,
            points={"dfm": ("pool4", "conv5_3"), "adl": ("pool3", "pool4", "conv5_3")},
            points_source="our choice for DFM, whose paper gives none; ADL paper, section 4",
            defaults={"adl": {"drop_threshold": 0.80}},
            mean=_IMAGENET_MEAN,
            std=_IMAGENET_STD,
        ),
    )
}


def get_backbone(name: str) -> Backbone:
    """The backbone called `name`; UserError naming the known ones."""
    if name not in BACKBONES:
        raise UserError(f"There is no backbone {name!r}; choose one of {', '.join(BACKBONES)}.")
    return BACKBONES[name]


def default_params(backbone: str, method: str) -> Params:
    """A method's parameters as its paper sets them for this backbone."""
    values = get_backbone(backbone).defaults.get(method, {})
    return get_method(method).params.from_dict(dict(values))


def create_model(
    backbone: str,
    num_classes: int,
    *,
    method: str = "cam",
    params: Params | None = None,
    points: Iterable[str] | None = None,
    init: str | Path = "none",
    options: Mapping[str, Any] | None = None,
) -> Localizer:
    """Build a classifier with a CAM head and the method's modules inserted.

    Args:
        backbone: key in `BACKBONES`.
        num_classes: size of the head; the ImageNet head is kept only for 1000 classes with weights.
        method: key in `METHODS`.
        params: the method's parameters; None takes `default_params`.
        points: names of stages; None takes the backbone's list for the method.
        init: `none` (random), `imagenet` (the library downloads its published weights), or the
            path of a safetensors file under the library's key names.
        options: how the backbone is built, as recorded in a card; None for a new network.

    Raises:
        UserError: unknown names, a weights file that does not fit.
    """
    spec, recipe = get_backbone(backbone), get_method(method)
    built = dict(options) if options is not None else {}
    state: dict[str, Tensor] | None = None
    if init == "imagenet":
        built = {**spec.download_options, **built}
    elif init != "none":
        state = read_weights(Path(init))
    try:
        stages, classifier = spec.build(**built, state=state, download=init == "imagenet")
    except RuntimeError as error:
        if state is None:
            raise
        _, _, detail = str(error).partition("\n")
        first = detail.strip().split(", ")[0].rstrip(".")
        raise UserError(
            f"The weights in {Path(init).name} do not fit {spec.title} ({first}); "
            f"give a file with the library's own key names."
        ) from None
    except OSError as error:
        if init != "imagenet":
            raise
        raise UserError(
            f"{spec.title}'s ImageNet weights could not be downloaded ({type(error).__name__}); "
            f"check the network, or give a local safetensors file."
        ) from None
    if init == "none" or num_classes != classifier.out_features:
        classifier = nn.Linear(classifier.in_features, num_classes)
    insertions: dict[str, Insertion] = {}
    if recipe.module is not None:
        values = params if params is not None else default_params(backbone, method)
        chosen = tuple(points) if points is not None else spec.points[method]
        insertions = {point: recipe.module(values) for point in chosen}
    return Localizer(Stages(stages, insertions), classifier, backbone, built)


__all__ = [
    "BACKBONES",
    "INPUT",
    "Backbone",
    "Localizer",
    "Stages",
    "create_model",
    "default_params",
    "descend",
    "forward_mode",
    "get_backbone",
]
