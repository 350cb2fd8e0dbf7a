"""The backbones as data: how each is built, where modules go, what its pictures look like."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from torch import nn

from dfm_viz.backbones.mobilenet import mobilenetv1
from dfm_viz.backbones.resnet import resnet50, resnet101
from dfm_viz.backbones.staged import INPUT
from dfm_viz.backbones.toynet import CHANNELS, toynet
from dfm_viz.backbones.vgg import vgg16
from dfm_viz.methods import HeadStyle, Params, get_method
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
        heads: how heads and branches that methods add are made.
        cam_stages: stages that belong to the CAM head; ACoL's two heads take their place.
        acol_options: how a new network for ACoL is built, where its paper wants another one.
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
    heads: HeadStyle = field(default_factory=HeadStyle)
    cam_stages: tuple[str, ...] = ()
    acol_options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def _blocks(prefix: str, counts: Mapping[int, int]) -> tuple[str, ...]:
    """Names of all blocks, given how many every stage has."""
    return tuple(f"{prefix}{s}_{b}" for s, count in counts.items() for b in range(1, count + 1))


_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

BACKBONES: dict[str, Backbone] = {
    b.name: b
    for b in (
        Backbone(
            name="mobilenetv1",
            title="MobileNetV1",
            build=mobilenetv1,
            # DFM, ADL: after the first 512-channel block and after the last block.
            points={
                "has": (INPUT,),
                "dfm": ("block4_1", "block5_2"),
                "adl": ("block4_1", "block5_2"),
                "cbam": _blocks("block", {1: 1, 2: 2, 3: 2, 4: 6, 5: 2}),
                "abn": ("block4_6",),
            },
            points_source="our choice: DFM's, ADL's and ABN's papers give none for MobileNetV1; "
            "CBAM: behind every block",
            defaults={"adl": {"drop_threshold": 0.95}},
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            download_options={"convention": "timm"},
            # Narrow and separable is our choice: a checkpoint stays below 10 MB.
            heads=HeadStyle(width=256, separable=True),
        ),
        Backbone(
            name="resnet50",
            title="ResNet50",
            build=resnet50,
            points={
                "has": (INPUT,),
                "dfm": ("conv4_1", "conv5_3"),
                "adl": ("conv4_1", "conv5_1", "conv5_3"),
                "cbam": _blocks("conv", {2: 3, 3: 4, 4: 6, 5: 3}),
                "abn": ("conv4_6",),
            },
            points_source="DFM paper, Implementation; ADL paper, section 4; CBAM: behind every "
            "block; ABN paper: before the last stage",
            defaults={"adl": {"drop_threshold": 0.90}},
            mean=_IMAGENET_MEAN,
            std=_IMAGENET_STD,
        ),
        Backbone(
            name="resnet101",
            title="ResNet101",
            build=resnet101,
            points={
                "has": (INPUT,),
                "dfm": ("conv4_1", "conv5_3"),
                "adl": ("conv4_1", "conv5_1", "conv5_3"),
                "cbam": _blocks("conv", {2: 3, 3: 4, 4: 23, 5: 3}),
                "abn": ("conv4_23",),
            },
            points_source="DFM paper: as ResNet50; ADL's for ResNet50; CBAM: behind every block; "
            "ABN paper: before the last stage",
            defaults={"adl": {"drop_threshold": 0.90}},
            mean=_IMAGENET_MEAN,
            std=_IMAGENET_STD,
        ),
        Backbone(
            name="vgg16",
            title="VGG16",
            build=vgg16,
            # CBAM: a block of VGG is what lies between two poolings; behind its last convolution.
            points={
                "has": (INPUT,),
                "dfm": ("pool4", "conv5_3"),
                "adl": ("pool3", "pool4", "conv5_3"),
                "cbam": ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"),
                "abn": ("pool4",),
            },
            # ADL behind the pools, as its paper names them; the benchmark of Choe et al. (2020)
            # puts it behind the last convolution, before the pool.
            points_source="our choice for DFM, CBAM and ABN, whose papers give none; ADL paper, "
            "section 4 (behind the pools; the WSOL benchmark puts it before them)",
            defaults={"adl": {"drop_threshold": 0.80}},
            mean=_IMAGENET_MEAN,
            std=_IMAGENET_STD,
            cam_stages=("conv6", "pool5", "fc6", "fc7"),
            acol_options={"acol": True},
        ),
        Backbone(
            name="toynet",
            title="ToyNet",
            build=toynet,
            points={
                "has": (INPUT,),
                "dfm": ("conv3_2", "conv4_2"),
                "adl": ("conv3_2", "conv4_2"),
                "cbam": tuple(CHANNELS),
                "abn": ("conv3_2",),
            },
            points_source="our choice, as the network is; CBAM: behind every convolution",
            defaults={},
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            heads=HeadStyle(width=64, separable=True),
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
