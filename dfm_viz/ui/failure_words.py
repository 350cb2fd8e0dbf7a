"""The words and signs of the Failures tab."""

from typing import Any

from dfm_viz.records.failures import Flag, Order
from dfm_viz.records.sets import ERRORS
from dfm_viz.render.failure_charts import POINTS

ERROR_WORDS = {
    "right": (
        "Right",
        "The class is right and the box meets a true box with IoU of at least .5.",
    ),
    "cls": ("Wrong class", "The network's own class is not the true one."),
    "part": ("Only a part", "More than half of the box lies on the object, but IoU is below .5."),
    "more": ("Too much", "At least 70 % of the object is covered, but IoU is below .5."),
    "m_ins": ("Several at once", "One box covers more than 30 % of two or more objects."),
    "oth": (
        "Misplaced",
        "At most half of the box lies on the object, and less than 70 % of the object is covered: "
        "the box lies across its edge or beside it.",
    ),
}
FLAGS = {
    Flag.FIXES: ("DFM fixes CAM", "IoU of CAM's box is below .5, that of DFM's at least .5."),
    Flag.BREAKS: ("DFM breaks CAM", "IoU of CAM's box is at least .5, that of DFM's below .5."),
    Flag.SPILLS: (
        "ADL spills, DFM does not",
        "Less than half of ADL's box lies on the object, but at least half of DFM's does.",
    ),
    Flag.WRONG: ("Wrong class", "The listed method's own class is not the true one."),
    Flag.OUTSIDE: ("Peak outside", "The map's highest point lies in no true box."),
}
ORDERS = {
    Order.WORST: "lowest IoU first",
    Order.BEST: "highest IoU first",
    Order.LOST: "most lost against CAM first",
    Order.RECORDS: "as in the data set",
}
COMMANDS = (
    "python -m training evaluate FAMILY --data-root DATA --data folder --records RECORDS",
    "python app.py --records RECORDS --data-root DATA",
)
_SIGNS = {
    "x": "\u2715",
    "circle": "\u25cf",
    "diamond": "\u25c6",
    "triangle-down": "\u25bc",
    "square": "\u25a0",
    "cross": "\u271a",
}


def error(name: str) -> dict[str, Any]:
    """An error type as the page shows it, with the colour and shape of its points."""
    title, hint = ERROR_WORDS[name]
    colour, symbol = POINTS[ERRORS.index(name)]
    return {
        "name": name,
        "title": title,
        "hint": hint,
        "colour": colour,
        "sign": _SIGNS[symbol],
    }
