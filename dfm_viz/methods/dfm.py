"""The Dual-attention Focused Module (Zhou et al., arXiv:1909.04813)."""

from dataclasses import dataclass

from dfm_viz import equations
from dfm_viz.equations import DFMTrace
from dfm_viz.methods.insertion import TwoWay
from dfm_viz.methods.params import Params, choice, number
from dfm_viz.shapes import DrawLike, FeatureMap
from dfm_viz.types import Apply, Branches, Draw, Fusion, Neighbourhood, Single

_PAPER = "paper, Implementation (ResNet50)"


@dataclass(frozen=True)
class DFMParams(Params):
    """The six numbers of the paper, the readings it leaves open, and Table 1's switches.

    `fusion` means something only with both branches, `single` only with one.
    """

    alpha: float = number(0.85, symbol="α", label="for channels", source=_PAPER)
    beta: float = number(0.95, symbol="β", label="for positions", source=_PAPER)
    omega: float = number(0.15, symbol="ω", label="added weight", source=_PAPER)
    delta: float = number(0.60, symbol="δ", label="position to channel", source=_PAPER)
    gamma: float = number(0.40, symbol="γ", label="channel to position", source=_PAPER)
    tau: float = number(0.70, symbol="τ", label="chance of position", source=_PAPER)
    apply: Apply = choice(
        Apply.MUL,
        label="how the module's map meets the features",
        source="our choice: Eq. 16 prints add, the text describes multiplication",
    )
    neighbourhood: Neighbourhood = choice(
        Neighbourhood.ONCE,
        label="how a cell beside several masked ones counts",
        source="our choice: Eq. 7 does not say",
    )
    branches: Branches = choice(
        Branches.BOTH,
        label="which branches are there",
        source="paper, Table 1: rows 2 and 3 have one",
    )
    fusion: Fusion = choice(
        Fusion.CROSS,
        label="whose enhancement a mask gets",
        source="paper, Table 1: row 4 is normal, Eq. 13 and 14 are cross",
    )
    single: Single = choice(
        Single.RANDOM,
        label="what one branch alone does",
        source="our choice, as ADL: Table 1 does not say",
    )


READINGS = ("apply", "neighbourhood", "branches", "fusion", "single")
"""The parameters that choose between readings and configurations of the paper, not a strength."""


def different_readings(now: DFMParams, trained: DFMParams) -> tuple[str, ...]:
    """Names of the readings in which two sets of parameters differ."""
    return tuple(name for name in READINGS if getattr(now, name) != getattr(trained, name))


def read_by(draw: Draw, params: DFMParams) -> tuple[str, ...]:
    """Names of the parameters that F_out depends on under one outcome of Eq. 15.

    Of the numbers only those count that lead to the map that was drawn; the configuration and
    `apply` always do.
    """
    channel_mask, position_mask = ("alpha",), ("beta", "omega", "neighbourhood")
    position = Draw(draw) is Draw.POSITION
    numbers: tuple[str, ...]
    if params.branches is Branches.BOTH:
        numbers = (*position_mask, "gamma") if position else (*channel_mask, "delta")
    else:
        channel = params.branches is Branches.CHANNEL
        numbers = channel_mask if channel else position_mask
        if params.single is Single.SUM:
            numbers = (*numbers, "delta" if channel else "gamma")
        elif not position:
            numbers = ()  # the enhancement alone
    return (*numbers, *(name for name in READINGS if name != "neighbourhood"))


class DFM(TwoWay):
    """Eq. 1-16 as a module without parameters; insert it after any stage of a CNN."""

    draw_type = Draw

    def __init__(self, params: DFMParams | None = None, per_sample: bool = False) -> None:
        """Keep the parameters; `per_sample` makes one draw per picture instead of per batch."""
        super().__init__(per_sample)
        self.params: DFMParams = params or DFMParams()

    @property
    def probability(self) -> float:
        """tau: the probability of P_ME (Eq. 15); of the mask, where one branch is alone."""
        return self.params.tau

    def trace(self, x: FeatureMap, draw: DrawLike | None = None) -> DFMTrace:
        """Every map of the paper for features `x`; see `equations.dfm`."""
        p = self.params
        return equations.dfm(
            x,
            alpha=p.alpha,
            beta=p.beta,
            omega=p.omega,
            delta=p.delta,
            gamma=p.gamma,
            draw=self.check(x, draw),  # type: ignore[arg-type]
            apply=p.apply,
            neighbourhood=p.neighbourhood,
            branches=p.branches,
            fusion=p.fusion,
            single=p.single,
        )

    def extra_repr(self) -> str:
        """The parameters, as `print(model)` shows them."""
        return ", ".join(f"{k}={v}" for k, v in self.params.to_dict().items())
