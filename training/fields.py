"""Recipe fields whose allowed values travel with them, and how text becomes a value."""

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin

from dfm_viz.types import UserError


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float
    help: str


def ranged(default: float, low: float, high: float, help: str) -> Any:
    """A dataclass field holding a number (int or float, as annotated) in a closed range."""
    return field(default=default, metadata={"range": Range(low, high, help)})


@dataclass(frozen=True)
class Part:
    """Base of one table of a recipe: frozen, every field checked for kind and range when made."""

    def __post_init__(self) -> None:
        """Check every field; UserError naming the field, its value and what is allowed."""
        for item in fields(self):
            value = _checked(item.name, getattr(self, item.name), item.type, item.metadata)
            object.__setattr__(self, item.name, value)


def _checked(name: str, value: Any, kind: Any, metadata: Any) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise UserError(f"{name} must be one of {', '.join(get_args(kind))}, got {value!r}.")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**1023 else math.inf  # no float is that large
    if isinstance(value, list):
        value = tuple(value)
    wanted = get_origin(kind) or kind
    inside = get_args(kind)[0] if wanted is tuple else wanted
    parts = value if wanted is tuple and isinstance(value, tuple) else (value,)
    if not isinstance(value, wanted) or any(not _is(part, inside) for part in parts):
        what = f"a list of {inside.__name__}" if wanted is tuple else f"of type {wanted.__name__}"
        raise UserError(f"{name} must be {what}, got {value!r}.")
    limits: Range | None = metadata.get("range")
    if limits and not limits.low <= value <= limits.high:  # also refuses NaN
        raise UserError(
            f"{name} must be from {limits.low:g} to {limits.high:g}, got {value!r} ({limits.help})."
        )
    return value


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def parse_text(text: str, kind: Any, name: str) -> Any:
    """Turn command-line text into a value of a field's kind; UserError if it does not fit."""
    wanted = get_origin(kind) or kind
    if wanted is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if wanted is tuple:
        words = (part.strip() for part in text.split(",") if part.strip())
        return tuple(parse_text(word, get_args(kind)[0], name) for word in words)
    if wanted in (int, float):
        try:
            return wanted(text)
        except ValueError:
            raise UserError(f"{name} must be of type {wanted.__name__}, got {text!r}.") from None
    return text
