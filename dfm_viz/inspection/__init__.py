"""Ask a family of checkpoints about a picture: open once, inspect often."""

from dfm_viz.inspection.ablation import SWEPT, parse_values
from dfm_viz.inspection.engine import Family, load_family
from dfm_viz.inspection.family import FamilyInfo
from dfm_viz.inspection.lookup import list_families
from dfm_viz.inspection.question import Opened
from dfm_viz.inspection.result import Inspection
from dfm_viz.inspection.settings import Colormap, Settings, Weights, parse_truths
from dfm_viz.inspection.variant import Ablation, Variant

__all__ = [
    "SWEPT",
    "Ablation",
    "Colormap",
    "Family",
    "FamilyInfo",
    "Inspection",
    "Opened",
    "Settings",
    "Variant",
    "Weights",
    "list_families",
    "load_family",
    "parse_truths",
    "parse_values",
]
