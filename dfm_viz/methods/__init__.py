"""Weakly supervised localization methods: functions, thin modules, parameters with their source."""

from dataclasses import dataclass

from dfm_viz.methods.abn import ABN, ABNParams
from dfm_viz.methods.acol import ACoLParams
from dfm_viz.methods.adl import ADL, ADLParams
from dfm_viz.methods.cam import CAMParams
from dfm_viz.methods.cbam import CBAM, CBAMParams
from dfm_viz.methods.convolution import HeadStyle
from dfm_viz.methods.dfm import DFM, DFMParams
from dfm_viz.methods.has import HaS, HaSParams
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
            "has",
            "HaS",
            Placement.INPUT,
            HaSParams,
            HaS,
            "Singh and Lee, ICCV 2017",
            "In training, hides random square cells of the picture.",
        ),
        Method(
            "acol",
            "ACoL",
            Placement.HEAD,
            ACoLParams,
            None,
            "Zhang et al., CVPR 2018",
            "Erases what one head found, so that a second head must find other parts.",
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
        Method(
            "cbam",
            "CBAM",
            Placement.FEATURES,
            CBAMParams,
            CBAM,
            "Woo et al., ECCV 2018",
            "Learns gates that say which channels matter, then which positions; nothing is erased.",
        ),
        Method(
            "abn",
            "ABN",
            Placement.FEATURES,
            ABNParams,
            ABN,
            "Fukui et al., CVPR 2019",
            "Learns an attention map in a branch that classifies, and strengthens what it shows.",
        ),
    )
}


def get_method(name: str) -> Method:
    """The method called `name`; UserError naming the known ones."""
    if name not in METHODS:
        raise UserError(f"There is no method {name!r}; choose one of {', '.join(METHODS)}.")
    return METHODS[name]


__all__ = [
    "ABN",
    "ADL",
    "CBAM",
    "DFM",
    "METHODS",
    "ABNParams",
    "ACoLParams",
    "ADLParams",
    "CAMParams",
    "CBAMParams",
    "DFMParams",
    "Drawn",
    "HaS",
    "HaSParams",
    "HeadStyle",
    "Insertion",
    "Method",
    "Params",
    "Placement",
    "TwoWay",
    "get_method",
]
