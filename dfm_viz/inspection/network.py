"""One checkpoint's answers about one picture, each stretch of the network run once and kept.

What a stretch depends on is its key: the weights, the picture, and, for every insertion point
passed, the draw with the parameters that this draw reads (`methods.dfm.read_by`). So moving alpha
re-runs only what lies behind a channel draw, and tau, target, threshold and colours run nothing.
"""

import dataclasses
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dfm_viz.backbones import Localizer
from dfm_viz.equations import DFMTrace
from dfm_viz.inspection.cache import Cache
from dfm_viz.inspection.turns import Turns
from dfm_viz.methods import DFM, DFMParams
from dfm_viz.methods.dfm import read_by
from dfm_viz.types import Draw

FEATURES = Cache(256 * 2**20)
"""Features on the way, shared by all visitors, families and pictures."""

TRACES = Cache(64 * 2**20)
"""Recent calls of the module: what leads to the answer is also what is shown."""

ANSWERS = Cache(32 * 2**20)
"""Results of methods that the sliders do not move: worked out once, not at every move."""


def forget() -> None:
    """Empty the caches; everything is computed again when it is next asked for."""
    for cache in (FEATURES, TRACES, ANSWERS):
        cache.clear()


ONE_AT_A_TIME = Turns()
"""The networks share the cores: two at once only slow each other down.

Held for one stretch and handed on in order, so whoever works through a long series keeps another
visitor waiting for one stretch at most.
"""


@dataclass(frozen=True)
class Final:
    """The end of one path: features that enter pooling, (1, c, h, w), and logits (classes,)."""

    features: Tensor
    logits: Tensor


def _bytes(value: Tensor | Final | DFMTrace) -> int:
    parts = (value,) if isinstance(value, Tensor) else vars(value).values()
    return sum(t.numel() * t.element_size() for t in parts if isinstance(t, Tensor)) + 512


@dataclass(frozen=True)
class Network:
    """A model and one picture's input on the model's device.

    Attributes:
        model: in evaluation mode, never changed.
        x: (1, 3, S, S).
        stops: the stages whose features are kept, in the order of the network.
        key: tells model and picture together from all others.
        features: keeps features on the way.
        traces: keeps calls of the module.
    """

    model: Localizer
    x: Tensor
    stops: tuple[str, ...]
    key: Hashable
    features: Cache = FEATURES
    traces: Cache = TRACES

    def aside(self, max_bytes: int) -> "Network":
        """The same for a series of questions: it reads what all share, and keeps its own apart.

        Calls of the module are not kept at all: a series makes each of them once.
        """
        own = Cache(max_bytes, behind=self.features)
        return dataclasses.replace(self, features=own, traces=Cache(0))

    def before(self, point: str, taken: Mapping[str, Draw], params: DFMParams) -> Tensor:
        """F_in at `point`, (1, c, h, w), after the draws `taken` at earlier points."""
        return self._features(self._passed(taken, params), tuple(taken.items()), point, params)

    def trace(
        self, point: str, taken: Mapping[str, Draw], draw: Draw | None, params: DFMParams
    ) -> DFMTrace:
        """Every map of DFM at `point`, after the draws `taken` at earlier points."""

        def compute() -> DFMTrace:
            features = self.before(point, taken, params)
            with torch.inference_mode():
                return DFM(params).trace(features, draw)

        shown = dataclasses.replace(params, tau=0.0)  # tau only weighs what the draws lead to
        key = (self.key, self._passed(taken, params), point, draw, shown)
        trace: DFMTrace = self.traces.get(key, compute, _bytes)
        return trace

    def final(self, draws: Mapping[str, Draw], params: DFMParams) -> Final:
        """Features and logits at the end of one path; no draws: the network with DFM off."""
        passed = self._passed(draws, params)

        def compute() -> Final:
            features = self._run(tuple(draws.items()), None, params)
            with torch.inference_mode():
                return Final(features, self.model.logits(features)[0])

        final: Final = self.features.get((self.key, passed, None), compute, _bytes)
        return final

    def _passed(self, draws: Mapping[str, Draw], params: DFMParams) -> Hashable:
        return tuple(
            (point, draw, tuple(getattr(params, name) for name in read_by(draw, params)))
            for point, draw in draws.items()
        )

    def _features(
        self,
        passed: Hashable,
        draws: tuple[tuple[str, Draw], ...],
        stop: str,
        params: DFMParams,
    ) -> Tensor:
        """Features behind stage `stop` (its own module not applied), after `draws`; kept."""

        def compute() -> Tensor:
            return self._run(draws, stop, params)

        features: Tensor = self.features.get((self.key, passed, stop), compute, _bytes)
        return features

    def _run(
        self, draws: tuple[tuple[str, Draw], ...], stop: str | None, params: DFMParams
    ) -> Tensor:
        """The same up to any stage, None for the last; not kept."""
        start, x = self._start(draws, stop, params)
        with ONE_AT_A_TIME, torch.inference_mode():
            return self.model.features.between(x, start, stop)

    def _start(
        self, draws: tuple[tuple[str, Draw], ...], stop: str | None, params: DFMParams
    ) -> tuple[str | None, Tensor]:
        """Where the stretch that ends at `stop` begins, and the features there."""
        if draws:
            *earlier, (point, draw) = draws
            trace = self.trace(point, dict(earlier), draw, params)
            return point, trace.F_out
        # With nothing inserted, continue from the last kept stage on the way.
        names = self.model.features.names
        end = len(names) if stop is None else names.index(stop)
        ahead = [name for name in self.stops if names.index(name) < end]
        if not ahead:
            return None, self.x
        return ahead[-1], self._features((), (), ahead[-1], params)
