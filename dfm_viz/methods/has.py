"""Hide-and-Seek (Singh and Lee, ICCV 2017): cells of the training pictures are hidden at random."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dfm_viz.methods.insertion import Drawn
from dfm_viz.methods.params import Params, number

CELL_SIDES = (0, 16, 32, 44, 56)
"""Sides of the square cells in px of the network's input, equally likely; 0 hides nothing."""


@dataclass(frozen=True)
class HaSParams(Params):
    """Hide-and-Seek's one number; the sides of the cells are `CELL_SIDES`."""

    hide_probability: float = number(
        0.50, symbol="p", label="chance that a cell is hidden", source="HaS paper: .5"
    )


@dataclass(frozen=True, eq=False)
class Hidden:
    """One draw for a batch.

    Attributes:
        sides: side of each picture's cells in px, (b,); 0 hides nothing.
        cells: which cells are hidden, (b, rows, columns), enough for the smallest side; a picture
            with larger cells uses the first of them.
    """

    sides: Int[Tensor, " b"]
    cells: Bool[Tensor, "b r c"]

    @classmethod
    def nothing(cls, batch: int) -> "Hidden":
        """The draw that hides nothing."""
        sides = torch.zeros(batch, dtype=torch.int64)
        return cls(sides, torch.zeros(batch, 1, 1, dtype=torch.bool))


@dataclass(frozen=True)
class HaSTrace:
    """One call: pictures before and after, and what is hidden, (b, h, w)."""

    F_in: Float[Tensor, "b c h w"]
    hidden: Bool[Tensor, "b h w"]
    F_out: Float[Tensor, "b c h w"]


def hidden_pixels(draw: Hidden, height: int, width: int) -> Bool[Tensor, "b h w"]:
    """True where a pixel lies in a hidden cell; the last cells are cut where sides do not divide.

    Pixel (y, x) belongs to cell (y // side, x // side).
    """
    device = draw.sides.device
    side = torch.where(draw.sides > 0, draw.sides, max(height, width))[:, None]
    rows = torch.arange(height, device=device) // side  # (b, h)
    columns = torch.arange(width, device=device) // side  # (b, w)
    picture = torch.arange(len(side), device=device)[:, None, None]
    hidden = draw.cells[picture, rows[:, :, None], columns[:, None, :]]
    return hidden & (draw.sides > 0)[:, None, None]


def hide(x: Float[Tensor, "b c h w"], hidden: Bool[Tensor, "b h w"]) -> Float[Tensor, "b c h w"]:
    """A copy of `x` with 0 at hidden pixels: the mean colour, since inputs are normalised."""
    return x.masked_fill(hidden[:, None], 0.0)


class HaS(Drawn):
    """Hide cells of the network's input, drawn anew for every picture."""

    def __init__(self, params: HaSParams | None = None) -> None:
        """Keep the parameters."""
        super().__init__()
        self.params: HaSParams = params or HaSParams()

    def sample(
        self,
        batch: int = 1,
        generator: torch.Generator | None = None,
        size: tuple[int, int] = (224, 224),
    ) -> Hidden:
        """Draw, for every picture of `size` (rows, columns), a side and the cells to hide."""
        smallest = min(side for side in CELL_SIDES if side)
        rows, columns = (-(-length // smallest) for length in size)
        which = torch.randint(len(CELL_SIDES), (batch,), generator=generator)
        noise = torch.rand(batch, rows, columns, generator=generator)
        return Hidden(torch.tensor(CELL_SIDES)[which], noise < self.params.hide_probability)

    def check(self, x: Tensor, draw: Hidden) -> Hidden:
        """The draw on the device of `x`; ValueError if it is for another batch or smaller input."""
        if not isinstance(draw, Hidden):
            raise ValueError(f"a draw of HaS must be a Hidden, got {type(draw).__name__}")
        height, width = x.shape[2:]
        _, r, c = draw.cells.shape
        if len(draw.sides) != len(x) or len(draw.cells) != len(x):
            raise ValueError(f"a draw for {len(x)} pictures is needed, got {len(draw.sides)}")
        smallest = min((side for side in draw.sides.tolist() if side > 0), default=max(x.shape[2:]))
        if r * smallest < height or c * smallest < width:
            raise ValueError(
                f"{r} x {c} cells of side {smallest} do not cover an input of {height} x {width}"
            )
        return Hidden(draw.sides.to(x.device), draw.cells.to(x.device))

    def trace(self, x: Float[Tensor, "b c h w"], draw: Hidden | None = None) -> HaSTrace:
        """What is hidden of pictures `x`, and the result; without a draw nothing is."""
        checked = self.check(x, Hidden.nothing(len(x)) if draw is None else draw)
        height, width = x.shape[2:]
        hidden = hidden_pixels(checked, height, width)
        return HaSTrace(x, hidden, x if draw is None else hide(x, hidden))

    def extra_repr(self) -> str:
        """The parameters, as `print(model)` shows them."""
        return ", ".join(f"{k}={v}" for k, v in self.params.to_dict().items())
