"""What every module that is inserted between two stages of a network has in common."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from dfm_viz.types import AdlDraw, Draw, DrawLike, FeatureMap


class Insertion(nn.Module, ABC):
    """A module without parameters or buffers that rewrites features by a random choice.

    `trace` is the computation; `forward` is its output. The choice is an argument. Without one the
    module is the identity in evaluation mode (as ADL, and as published numbers of this family are
    computed) and draws from torch's default generator in training mode.
    """

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

    @abstractmethod
    def trace(self, x: FeatureMap, draw: Any = None) -> Any:
        """Every map of one call; `draw=None` looks and changes nothing."""

    def sample(self, batch: int = 1, generator: torch.Generator | None = None) -> DrawLike:
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

    def forward(self, x: FeatureMap, draw: DrawLike | None = None) -> FeatureMap:
        """The features after the module, (b, c, h, w)."""
        if draw is None:
            if not self.training:
                return x
            draw = self.sample(len(x))
        output: FeatureMap = self.trace(x, draw).F_out
        return output
