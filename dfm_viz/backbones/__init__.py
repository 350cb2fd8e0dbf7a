"""Backbones with a CAM head: what they are, where modules go, and how to build one."""

from dfm_viz.backbones.abn import ABNLocalizer
from dfm_viz.backbones.acol import ACoLLocalizer
from dfm_viz.backbones.build import create_model
from dfm_viz.backbones.modes import forward_mode
from dfm_viz.backbones.registry import BACKBONES, Backbone, default_params, get_backbone
from dfm_viz.backbones.staged import INPUT, Localizer, Stages, descend

__all__ = [
    "BACKBONES",
    "INPUT",
    "ABNLocalizer",
    "ACoLLocalizer",
    "Backbone",
    "Localizer",
    "Stages",
    "create_model",
    "default_params",
    "descend",
    "forward_mode",
    "get_backbone",
]
