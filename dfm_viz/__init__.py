"""See why a weakly supervised localizer draws the box it draws.

Load a family of checkpoints (`load_family`), open a picture once (`Family.open`) and ask about it
as often as you like (`Family.inspect`): classes, boxes, every map of the paper under its symbol.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dfm_viz.inspection import Family, Inspection, Settings, list_families, load_family
    from dfm_viz.types import UserError

__version__ = "0.1.0"

_HOMES = {
    "Family": "dfm_viz.inspection",
    "Inspection": "dfm_viz.inspection",
    "Settings": "dfm_viz.inspection",
    "UserError": "dfm_viz.types",
    "list_families": "dfm_viz.inspection",
    "load_family": "dfm_viz.inspection",
}

__all__ = ["Family", "Inspection", "Settings", "UserError", "list_families", "load_family"]


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: torch takes seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
