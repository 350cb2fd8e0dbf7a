"""Parameters whose range, meaning and source travel with them.

Sliders, command-line flags, recipe checks and documentation are all read from these fields, so that
each fact lives once.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from dfm_viz.types import UserError, shown


@dataclass(frozen=True)
class Number:
    """A number in a closed range.

    Attributes:
        low: smallest allowed value.
        high: largest allowed value.
        step: step of a slider.
        symbol: the paper's letter.
        label: what it does, in a few words.
        source: where the default comes from.
    """

    low: float
    high: float
    step: float
    symbol: str
    label: str
    source: str

    def check(self, name: str, value: object) -> float:
        """Return `value` as a float; UserError if it is no finite number in range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(
                f"{name} must be a number from {self.low:g} to {self.high:g}, "
                f"but got {shown(value)}."
            )
        if not self.low <= value <= self.high:  # also refuses NaN
            raise UserError(
                f"{name} must be from {self.low:g} to {self.high:g}, but got {shown(value)}; "
                f"choose a value in that range."
            )
        return float(value)


@dataclass(frozen=True)
class Choice:
    """One of a closed set of words."""

    options: type[StrEnum]
    label: str
    source: str

    def check(self, name: str, value: object) -> StrEnum:
        """Return `value` as a member of the set; UserError if it is none."""
        try:
            return self.options(value)  # type: ignore[arg-type]
        except ValueError:
            allowed = ", ".join(self.options)
            raise UserError(f"{name} must be one of {allowed}, but got {shown(value)}.") from None


def number(
    default: float,
    *,
    symbol: str,
    label: str,
    source: str,
    low: float = 0.0,
    high: float = 1.0,
    step: float = 0.01,
) -> Any:
    """A dataclass field holding a `Number`."""
    kind = Number(low, high, step, symbol, label, source)
    return field(default=default, metadata={"kind": kind})


def choice(default: StrEnum, *, label: str, source: str) -> Any:
    """A dataclass field holding a `Choice`."""
    return field(default=default, metadata={"kind": Choice(type(default), label, source)})


@dataclass(frozen=True)
class Params:
    """Base of every method's parameters: frozen, checked when made."""

    def __post_init__(self) -> None:
        """Check every field against its own description."""
        for item in fields(self):
            checked = item.metadata["kind"].check(item.name, getattr(self, item.name))
            object.__setattr__(self, item.name, checked)

    @classmethod
    def kinds(cls) -> dict[str, Number | Choice]:
        """Field name -> its description, in the order of declaration."""
        return {item.name: item.metadata["kind"] for item in fields(cls)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Params":
        """Make parameters from plain values; UserError for a name that is not a parameter."""
        for name in values:
            if name not in cls.kinds():
                known = ", ".join(cls.kinds()) or "none"
                raise UserError(f"{name!r} is not a parameter of this method; it has: {known}.")
        return cls(**values)

    def to_dict(self) -> dict[str, float | str]:
        """Plain numbers and words, ready for JSON or TOML."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {k: str(v) if isinstance(v, StrEnum) else v for k, v in values.items()}
