"""What the page calls things. Ranges, defaults and symbols are read from the parameters' fields."""

from typing import Any

from dfm_viz.inspection import Settings, Weights
from dfm_viz.inspection.settings import ViewParams
from dfm_viz.methods import METHODS, DFMParams
from dfm_viz.methods.params import Number
from dfm_viz.types import Apply, Branches, Fusion, Mode, Neighbourhood, Single

_GROUPS = (
    ("Thresholds", "Masks from this share of the maximum", ("alpha", "beta")),
    ("Neighbourhood", "Strengthens the cells around the mask", ("omega",)),
    ("Cross fusion", "Each branch lends to the other", ("delta", "gamma")),
    ("Random draw", "Re-weighs the finished maps", ("tau",)),
    ("Box", "Cuts at this share of the maximum", ("threshold",)),
)
_CHOICES: dict[str, tuple[str, dict[str, str]]] = {
    "apply": (
        "Apply to F",
        {Apply.MUL: "multiply", Apply.ADD: "add (as printed)", Apply.RESIDUAL: "residual"},
    ),
    "mode": (
        "Test time",
        {
            Mode.EXPECTED: "expected",
            Mode.OFF: "off",
            Mode.POSITION: "position",
            Mode.CHANNEL: "channel",
            Mode.SAMPLED: "sampled",
        },
    ),
    "neighbourhood": (
        "Shared cells",
        {Neighbourhood.ONCE: "count once", Neighbourhood.ACCUMULATE: "count each time"},
    ),
    "branches": (
        "Branches",
        {
            Branches.BOTH: "both",
            Branches.CHANNEL: "channel only",
            Branches.POSITION: "position only",
        },
    ),
    "fusion": (
        "Fusion",
        {Fusion.CROSS: "cross (Eq. 13, 14)", Fusion.NORMAL: "normal"},
    ),
    "single": (
        "One branch",
        {Single.RANDOM: "random, as ADL", Single.SUM: "sum of both"},
    ),
    "weights": (
        "Weights",
        {Weights.OWN: "each its own", Weights.CAM: "all on CAM's"},
    ),
}
_ABOUT = {
    "cam": "Nothing is erased.",
    "has": "Random cells of the picture were hidden, in training only.",
    "acol": "The larger of two heads’ maps, each from 0 to 1. The class is the first head’s.",
    "adl": "Importance and drop mask act in training only.",
    "dfm": "",  # says what the chosen mode does
    "cbam": "Its gates on channels and positions act here too.",
    "abn": "Its attention map strengthens the features here too.",
}
_FURTHER = "A checkpoint of its own, with the values it was trained with. No slider moves it."
_SENT = (
    *(name for _, _, names in _GROUPS for name in names),
    *_CHOICES,
    "seed",
    "target",
)


def groups() -> list[dict[str, Any]]:
    """The sliders as the page shows them: title, hint and, per slider, everything about it."""
    kinds = {**DFMParams.kinds(), **ViewParams.kinds()}
    defaults = Settings()
    shown = []
    for title, hint, names in _GROUPS:
        rows = []
        for name in names:
            kind = kinds[name]
            assert isinstance(kind, Number)
            rows.append(
                {
                    "name": name,
                    "symbol": kind.symbol,
                    "label": kind.label,
                    "low": kind.low,
                    "high": kind.high,
                    "step": kind.step,
                    "paper": getattr(defaults, name),
                    "origin": "paper" if name in DFMParams.kinds() else "usual",
                }
            )
        shown.append({"title": title, "hint": hint, "parameters": rows})
    return shown


def choices() -> dict[str, Any]:
    """The choices by name: their label and the words for every value."""
    return {
        name: {
            "label": label,
            "options": [{"value": str(value), "label": text} for value, text in options.items()],
        }
        for name, (label, options) in _CHOICES.items()
    }


def default_settings() -> dict[str, Any]:
    """The settings the page begins with; null means: as the family has it."""
    values = Settings().to_json()
    return {name: values[name] for name in _SENT} | {"points": None}


def method(name: str, title: str) -> dict[str, str]:
    """One panel: its name and title, what to read below the map, and a hint on the title."""
    known = METHODS.get(name)
    return {
        "name": name,
        "title": title,
        "about": _ABOUT.get(name, _FURTHER),
        "hint": f"{known.one_line} {known.paper}." if known else f"Checkpoint {name}.",
    }


def point_title(name: str) -> str:
    """`block4_1` and `layer3.0` as people say them: "block 4.1", "layer 3.0"."""
    head = name.rstrip("0123456789._")
    return f"{head} {name[len(head) :].replace('_', '.')}".strip()
