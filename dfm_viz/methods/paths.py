"""The finite set of outcomes of DFM's random choice over several insertion points."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from types import MappingProxyType

from dfm_viz.types import Draw


@dataclass(frozen=True)
class Path:
    """One outcome: which map every insertion point took, and how probable that is.

    Attributes:
        draws: insertion point -> draw, in the order of the network.
        probability: product of tau (position) and 1 - tau (channel) over the points.
    """

    draws: MappingProxyType[str, Draw]
    probability: float


def enumerate_paths(points: Iterable[str], tau: float) -> tuple[Path, ...]:
    """All 2^n outcomes of n independent draws; position first, the last point varying fastest.

    `tau` is the probability of the position map, 0 to 1.
    """
    names = tuple(points)
    chance = {Draw.POSITION: tau, Draw.CHANNEL: 1.0 - tau}
    return tuple(
        Path(
            MappingProxyType(dict(zip(names, draws, strict=True))),
            prod(chance[draw] for draw in draws),
        )
        for draws in itertools.product((Draw.POSITION, Draw.CHANNEL), repeat=len(names))
    )
