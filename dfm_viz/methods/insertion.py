"""What the modules that are put into a network have in common."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from dfm_viz.methods.convolution import HeadStyle
from dfm_viz.methods.params import Params
from dfm_viz.shapes import DrawLike, FeatureMap
from dfm_viz.types import AdlDraw, Draw


class Insertion(nn.Module, ABC):
    """A module behind a stage of a network (or on its input) that rewrites what passes.

    `trace` is the computation, a frozen record of every map; `forward` is its `F_out`.
    """

    params: Params

    @classmethod
    def build(cls, params: Any, channels: int, classes: int, style: HeadStyle) -> "Insertion":
        """Make the module for its place in a network; those that learn need to know the place.

        Args:
            params: the method's parameters.
            channels: of the features that pass.
            classes: of the network.
            style: how the backbone's added convolutions are made.
        """
        return cls(params)

    @abstractmethod
    def trace(self, x: FeatureMap, draw: Any = None) -> Any:
        """Every map of one call."""

    def forward(self, x: FeatureMap, draw: Any = None) -> FeatureMap:
        """The features after the module, (b, c, h, w)."""
        output: FeatureMap = self.trace(x, draw).F_out
        return output


class Drawn(Insertion):
    """An insertion that chooses at random; it has no parameters and no buffers.

    The choice is an argument. Without one the module is the identity in evaluation mode (as ADL,
    and as published numbers of this family are computed) and draws from torch's default generator
    in training mode. `trace` with `draw=None` looks and changes nothing.
    """

    @abstractmethod
    def sample(
        self,
        batch: int = 1,
        generator: torch.Generator | None = None,
        size: tuple[int, int] = (224, 224),
    ) -> Any:
        """Make one draw for a batch of network inputs of `size` (rows, columns)."""

    def forward(self, x: FeatureMap, draw: Any = None) -> FeatureMap:
        """The features after the module, (b, c, h, w)."""
        if draw is None:
            if not self.training:
                return x
            height, width = x.shape[2:]
            draw = self.sample(len(x), size=(height, width))
        return super().forward(x, draw)


class TwoWay(Drawn):
    """A drawn insertion with two outcomes: `DFM` and `ADL`."""

    draw_type: type[Draw] | type[AdlDraw]
    """The two possible outcomes; the first is taken with `probability`."""

    def __init__(self, per_sample: bool = False) -> None:
        """Draw once per call for the whole batch, or once per sample."""
        super().__init__()
        self.per_sample = per_sample

    @property
    @abstractmethod
    def probability(self) -> float:
        """Probability of the first member of `draw_type`."""

    def sample(
        self,
        batch: int = 1,
        generator: torch.Generator | None = None,
        size: tuple[int, int] = (224, 224),
    ) -> DrawLike:
        """Make one draw: a member of `draw_type`, or (b,) booleans where drawn per sample."""
        if self.per_sample:
            return torch.rand(batch, generator=generator) < self.probability
        first, second = self.draw_type
        return first if torch.rand((), generator=generator).item() < self.probability else second

    def check(self, x: FeatureMap, draw: DrawLike | None) -> DrawLike | None:
        """The draw as its own type, on the device of `x`.

        Raises:
            ValueError: a word that is no outcome of this module, or a tensor that does not hold one
                boolean per sample.
        """
        if isinstance(draw, Tensor):
            if draw.dtype is not torch.bool or draw.shape != (len(x),):
                raise ValueError(
                    f"a draw per sample must be {len(x)} booleans, got {draw.dtype} of shape "
                    f"{tuple(draw.shape)}"
                )
            return draw.to(x.device)
        return None if draw is None else self.draw_type(draw)


class Placement(StrEnum):
    """Where a method acts, which also says how its network is built."""

    NONE = "none"
    INPUT = "input"
    FEATURES = "features"
    HEAD = "head"
