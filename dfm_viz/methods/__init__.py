"""Weakly supervised localization methods: functions, thin modules, parameters with their source."""

from dataclasses import dataclass

from dfm_viz.methods.adl import ADL, ADLParams
from dfm_viz.methods.cam import CAMParams
from dfm_viz.methods.dfm import DFM, DFMParams
from dfm_viz.methods.insertion import Drawn, Insertion, Placement, TwoWay
from dfm_viz.methods.params import Params
from dfm_viz.types import UserError


@dataclass(frozen=True)
class Method:
    """One method as the rest of the project sees it.

    Attributes:
        name: key in `METHODS`, folder name of a checkpoint.
        title: name as people write it.
        params: its parameters' class.
        placement: where it acts.
        module: what is put at the insertion points, or None.
        paper: reference.
        one_line: what it does, in one sentence.
    """

    name: str
    title: str
    placement: Placement
    params: type[Params]
    module: type[Insertion] | None
    paper: str
    one_line: str


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method(
            "cam",
            "CAM",
            Placement.NONE,
            CAMParams,
            None,
            "Zhou et al., CVPR 2016",
            "Weights the last feature maps by the classifier's weights; nothing is erased.",
        ),
        Method(
            "adl",
            "ADL",
            Placement.FEATURES,
            ADLParams,
            ADL,
            "Choe and Shim, CVPR 2019",
            "In training, drops the most attended positions or strengthens them, at random.",
        ),
        Method(
            "dfm",
            "DFM",
            Placement.FEATURES,
            DFMParams,
            DFM,
            "Zhou et al., arXiv:1909.04813",
            "Masks and enhances along channels and positions and lets the two branches help.",
        ),
    )
}


def get_method(name: str) -> Method:
    """The method called `name`; UserError naming the known ones."""
    if name not in METHODS:
        raise UserError(f"There is no method {name!r}; choose one of {', '.join(METHODS)}.")
    return METHODS[name]


__all__ = [
    "ADL",
    "DFM",
    "METHODS",
    "ADLParams",
    "CAMParams",
    "DFMParams",
    "Drawn",
    "Insertion",
    "Method",
    "Params",
    "Placement",
    "TwoWay",
    "get_method",
]
