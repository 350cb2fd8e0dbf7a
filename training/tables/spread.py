"""Mean and spread over seeds, in the words of a table."""

import statistics
from collections.abc import Sequence

NOTHING = "–"
"""Where there is no number."""


def spread(values: Sequence[float | None]) -> str:
    """`70.2`, or `70.2 ± 0.8` for several seeds (standard deviation, n - 1); `–` for nothing."""
    found = [value for value in values if value is not None]
    if not found:
        return NOTHING
    mean = f"{statistics.fmean(found):.1f}"
    return f"{mean} ± {statistics.stdev(found):.1f}" if len(found) > 1 else mean


def difference(values: Sequence[float | None], published: float | None) -> str:
    """The published number and how far our mean is from it, or `–`."""
    found = [value for value in values if value is not None]
    if published is None:
        return NOTHING
    if not found:
        return f"{published:.2f}"
    return f"{published:.2f} ({statistics.fmean(found) - published:+.1f})"
