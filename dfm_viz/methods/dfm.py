"""The Dual-attention Focused Module (Zhou et al., arXiv:1909.04813)."""

from dataclasses import dataclass

from dfm_viz import equations
from dfm_viz.equations import DFMTrace
from dfm_viz.methods.insertion import TwoWay
from dfm_viz.methods.params import Params, choice, number
from dfm_viz.types import Apply, Draw, DrawLike, FeatureMap, Neighbourhood

_PAPER = "paper, Implementation (ResNet50)"


@dataclass(frozen=True)
class DFMParams(Params):
    """The six numbers of the paper and the two readings it leaves open."""

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


READINGS = ("apply", "neighbourhood")
"""The parameters that choose between readings of the paper, not a strength."""


def different_readings(now: DFMParams, trained: DFMParams) -> tuple[str, ...]:
    """Names of the readings in which two sets of parameters differ."""
    return tuple(name for name in READINGS if getattr(now, name) != getattr(trained, name))


class DFM(TwoWay):
    """Eq. 1-16 as a module without parameters; insert it after any stage of a CNN."""

    draw_type = Draw

    def __init__(self, params: DFMParams | None = None, per_sample: bool = False) -> None:
        """Keep the parameters; `per_sample` makes one draw per picture instead of per batch."""
        super().__init__(per_sample)
        self.params = params or DFMParams()

    @property
    def probability(self) -> float:
        """tau: the probability of P_ME (Eq. 15)."""
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
        )

    def extra_repr(self) -> str:
        """The parameters, as `print(model)` shows them."""
        return ", ".join(f"{k}={v}" for k, v in self.params.to_dict().items())
