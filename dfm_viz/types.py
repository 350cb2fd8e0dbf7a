"""Words shared by every storey: a box, the draws, the switches, the user's error."""

from enum import StrEnum

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1, in the pixels of whatever picture the text names."""


class UserError(ValueError):
    """A wrong input, told in one sentence: what was given, what is allowed, what to do.

    The text is shown to people as it stands: a toast in the page, a line on standard error.
    """


class Draw(StrEnum):
    """Which fused map Eq. 15 took: P_ME (position) or C_ME (channel)."""

    POSITION = "position"
    CHANNEL = "channel"


class AdlDraw(StrEnum):
    """What ADL multiplies the features by: its drop mask or its importance map."""

    MASK = "mask"
    IMPORTANCE = "importance"


class Mode(StrEnum):
    """What DFM does at test time; the paper does not say, so every reading can be chosen."""

    OFF = "off"
    POSITION = "position"
    CHANNEL = "channel"
    EXPECTED = "expected"
    SAMPLED = "sampled"


class Apply(StrEnum):
    """How Eq. 16 feeds the module's map back: F + M (as printed), F * M, or F + F * M."""

    ADD = "add"
    MUL = "mul"
    RESIDUAL = "residual"


class Neighbourhood(StrEnum):
    """How Eq. 7 counts a position next to several masked ones: once, or once for each."""

    ONCE = "once"
    ACCUMULATE = "accumulate"


class Branches(StrEnum):
    """Which branches of DFM are there (Table 1, rows 2 and 3: only one)."""

    BOTH = "both"
    CHANNEL = "channel"
    POSITION = "position"


class Fusion(StrEnum):
    """What a mask is added to: the other branch's enhancement (Eq. 13, 14) or its own (row 4)."""

    CROSS = "cross"
    NORMAL = "normal"


class Single(StrEnum):
    """What one branch alone does: mask or enhancement at random, as ADL, or always their sum."""

    RANDOM = "random"
    SUM = "sum"


def shown(value: object) -> str:
    """A value in a sentence: short, also where Python refuses to write so long a number."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:40]}..."
