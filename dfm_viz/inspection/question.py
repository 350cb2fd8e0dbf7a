"""One question about one opened picture, answered from what the networks keep."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dfm_viz.backbones import default_params
from dfm_viz.inspection.family import Checkpoints
from dfm_viz.inspection.network import ANSWERS, Final, Network
from dfm_viz.inspection.result import (
    AdlPointResult,
    Inspection,
    MethodResult,
    PathResult,
    PointResult,
)
from dfm_viz.inspection.settings import Settings, Weights
from dfm_viz.localization import (
    SIDE,
    best_iou,
    box_from_grid,
    check_truths,
    energy_inside,
    peak_inside,
    peak_of,
    resize_box,
    scale_box,
    to_grid,
)
from dfm_viz.methods import ADL, ADLParams, DFMParams
from dfm_viz.methods.dfm import different_readings
from dfm_viz.methods.paths import enumerate_paths
from dfm_viz.pictures import Picture
from dfm_viz.types import Box, Draw, Mode, UserError


class Networks(Mapping[str, Network]):
    """Checkpoint name -> that network with one picture's input, fetched when it is asked for.

    A page keeps opened pictures for long. If they held their networks, these would all stay in
    memory, whatever `family.MODELS` is bounded to.
    """

    def __init__(
        self, inputs: Mapping[str, torch.Tensor], fetch: Callable[[str, torch.Tensor], Network]
    ) -> None:
        """Keep the inputs, (1, 3, S, S) each; `fetch` makes a network from a name and its input."""
        self.inputs = inputs
        self._fetch = fetch

    def __getitem__(self, name: str) -> Network:
        """The network of that name."""
        return self._fetch(name, self.inputs[name])

    def __iter__(self) -> Iterator[str]:
        """The names of the checkpoints."""
        return iter(self.inputs)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.inputs)


@dataclass(frozen=True)
class Opened:
    """A picture ready to be asked about, with the networks of one family.

    Attributes:
        picture: the upright picture.
        networks: checkpoint name -> that network with this picture's input.
    """

    picture: Picture
    networks: Mapping[str, Network]

    @property
    def nbytes(self) -> int:
        """Memory that keeping it takes: the picture, and its inputs unless networks hold them."""
        held = self.networks.inputs.values() if isinstance(self.networks, Networks) else ()
        inputs = {x.data_ptr(): x.numel() * x.element_size() for x in held}  # some share one
        return self.picture.rgb.nbytes + sum(inputs.values())

    def aside(self, max_bytes: int) -> "Opened":
        """The same for a series of questions, which keeps `max_bytes` per network of its own."""
        networks = {name: network.aside(max_bytes) for name, network in self.networks.items()}
        return Opened(self.picture, MappingProxyType(networks))


class Question:
    """One inspection in the making: what is asked, and helpers that share it."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        opened: Opened,
        settings: Settings,
        truths: Sequence[Sequence[float]],
    ) -> None:
        self.checkpoints = checkpoints
        self.opened = opened
        self.settings = settings
        self.params = settings.dfm_params()
        self.points = settings.points or ()
        picture = opened.picture
        self.size = (picture.width, picture.height)
        checked = check_truths(truths, *self.size)
        self.truths = [resize_box(box, self.size, (SIDE, SIDE)) for box in checked]
        self.own = settings.weights is Weights.OWN

    def answer(self) -> Inspection:
        """Everything the question brings to light; UserError if it cannot be asked here."""
        settings = self.settings
        dfm = self._network()
        points = self.points
        paths = enumerate_paths(points, self.params.tau)
        finals = [dfm.final(path.draws, self.params) for path in paths]
        off = dfm.final({}, self.params)
        mixture = self._mixture(dfm, points, self.params)
        methods = {}
        for entry in self.checkpoints.names:
            if entry == "dfm":
                methods[entry] = self._method(entry, dfm, mixture)
            elif (source := self.checkpoints.source(entry, self.own)) is not None:
                methods[entry] = self._fixed(entry, self.opened.networks[source])
        shown = methods["dfm"].class_index
        return Inspection(
            family=self.checkpoints.folder.name,
            width=self.size[0],
            height=self.size[1],
            settings=settings,
            methods=MappingProxyType(methods),
            dfm_off=self._method("dfm", dfm, [(1.0, off)], off=True),
            dfm_paths=tuple(
                self._path(dfm, path.draws, path.probability, final, shown)
                for path, final in zip(paths, finals, strict=True)
            ),
            points=MappingProxyType(self._points(dfm, points)),
            adl_points=MappingProxyType(self._adl_points()),
        )

    def dfm(self) -> MethodResult:
        """What DFM says, as in `answer` and without all the rest; UserError likewise."""
        network = self._network()
        return self._method("dfm", network, self._mixture(network, self.points, self.params))

    def _network(self) -> Network:
        """The network DFM stands in."""
        name = self.checkpoints.source("dfm", self.own)
        if name is None:
            raise UserError(
                f"Family {self.checkpoints.folder.name!r} has no cam checkpoint, so weights='cam' "
                f"is not possible; choose weights='own'."
            )
        return self.opened.networks[name]

    def _mixture(
        self, network: Network, points: tuple[str, ...], params: DFMParams
    ) -> list[tuple[float, Final]]:
        """What DFM's answer is made of in the mode asked for: weights and ends of paths."""
        mode = self.settings.mode
        if mode is Mode.OFF:
            return [(1.0, network.final({}, params))]
        if mode is Mode.EXPECTED:
            paths = enumerate_paths(points, params.tau)
            return [(path.probability, network.final(path.draws, params)) for path in paths]
        draws = {}
        generator = torch.Generator().manual_seed(self.settings.seed)
        for point in points:
            position = mode is Mode.POSITION
            if mode is Mode.SAMPLED:
                position = torch.rand((), generator=generator).item() < params.tau
            draws[point] = Draw.POSITION if position else Draw.CHANNEL
        return [(1.0, network.final(draws, params))]

    def _fixed(self, name: str, network: Network) -> MethodResult:
        """A method that no slider moves; a further DFM checkpoint acts in the mode, as trained."""
        moved: tuple[object, ...] = (self.settings.target, self.settings.threshold)
        further = self.checkpoints.method(name) == "dfm"
        if further:
            moved = (*moved, self.settings.mode, self.settings.seed)

        def compute() -> MethodResult:
            mixture = [(1.0, network.final({}, self.params))]
            if further:
                params = self.checkpoints.trained_params(name)
                mixture = self._mixture(network, self.checkpoints.points(name), params)
            return self._method(name, network, mixture)

        key = (self.checkpoints.folder, name, self.own, network.key, tuple(self.truths), moved)
        result: MethodResult = ANSWERS.get(key, compute, lambda r: r.map.nbytes + r.grid.nbytes)
        return result

    def _method(
        self,
        name: str,
        network: Network,
        mixture: list[tuple[float, Final]],
        off: bool = False,
    ) -> MethodResult:
        logits = sum(p * final.logits.double() for p, final in mixture)
        assert isinstance(logits, torch.Tensor)
        target = self.settings.target
        index = int(logits.argmax()) if target is None else target
        cam = sum(p * _cam(network, final, index).double() for p, final in mixture)
        assert isinstance(cam, torch.Tensor)
        score_map = _numpy(cam)
        grid, box, box_grid = self._box(score_map)
        return MethodResult(
            title=self.checkpoints.title(name),
            label=self.checkpoints.first.classes[index],
            class_index=index,
            score=float(logits.softmax(dim=0)[index]),
            map=score_map,
            grid=grid,
            box=box,
            box_grid=box_grid,
            iou=best_iou(box_grid, self.truths) if self.truths else None,
            **self._peak(grid),
            trained=name == "cam" or self._trained(name),
            note=self._note(name, off),
        )

    def _path(
        self,
        network: Network,
        draws: Mapping[str, Draw],
        probability: float,
        final: Final,
        index: int,
    ) -> PathResult:
        score_map = _numpy(_cam(network, final, index))
        _, box, box_grid = self._box(score_map)
        return PathResult(
            draw=draws,
            probability=probability,
            logit=float(final.logits[index]),
            map=score_map,
            box=box,
            box_grid=box_grid,
        )

    def _box(
        self, score_map: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], Box, tuple[int, int, int, int]]:
        grid = to_grid(score_map)
        box_grid = box_from_grid(grid, self.settings.threshold)
        return grid, scale_box(box_grid, (SIDE, SIDE), self.size), box_grid

    def _peak(self, grid: NDArray[np.uint8]) -> dict[str, Any]:
        """Where a map is highest, at the middle of that pixel, and how it lies to the truth."""
        peak = peak_of(grid)
        if peak is None:
            return {}
        place = tuple((p + 0.5) * side / SIDE for p, side in zip(peak, self.size, strict=True))
        if not self.truths:
            return {"peak": place}
        inside, energy = peak_inside(peak, self.truths), energy_inside(grid, self.truths)
        return {"peak": place, "peak_inside": inside, "energy": energy}

    def _trained(self, name: str) -> bool:
        source = self.checkpoints.source(name, self.own)
        return source == name and self.checkpoints.cards[name].trained

    def _note(self, name: str, off: bool) -> str:
        if name == "cam":
            return ""
        if not self._trained(name):
            return "not trained with it"
        if name != "dfm" or off:
            return ""
        changed = different_readings(self.params, self.checkpoints.trained_params())
        differs = [f"{name} = {getattr(self.params, name)}" for name in changed]
        return f"not as trained: {', '.join(differs)}" if differs else ""

    def _points(self, dfm: Network, points: tuple[str, ...]) -> dict[str, PointResult]:
        results: dict[str, PointResult] = {}
        taken: dict[str, Draw] = {}
        for point in points:
            draw = None if self.settings.mode is Mode.OFF else (self.settings.path or {})[point]
            trace = dfm.trace(point, taken, draw, self.params)
            arrays = {
                name: _numpy(getattr(trace, name)[0])
                for name in PointResult.__dataclass_fields__
                if name != "path"
            }
            if draw is not None:
                taken[point] = draw
            path = None if draw is None else MappingProxyType(dict(taken))
            results[point] = PointResult(**arrays, path=path)
        return results

    def _adl_points(self) -> dict[str, AdlPointResult]:
        source = self.checkpoints.source("adl", self.own)
        if source is None:
            return {}
        if "adl" in self.checkpoints.cards:
            params = self.checkpoints.cards["adl"].method_params()
        else:
            params = default_params(self.checkpoints.first.backbone, "adl")
        assert isinstance(params, ADLParams)
        network, module = self.opened.networks[source], ADL(params)
        results = {}
        for point in self.checkpoints.points("adl"):
            with torch.inference_mode():
                trace = module.trace(network.before(point, {}, self.params))
            results[point] = AdlPointResult(
                attention=_numpy(trace.attention[0]),
                importance=_numpy(trace.importance[0]),
                drop_mask=_numpy(trace.drop_mask[0]),
            )
        return results


def _cam(network: Network, final: Final, index: int) -> torch.Tensor:
    """The map of one class, (h, w), read by the network's own head."""
    with torch.inference_mode():
        classes = torch.tensor([index], device=final.features.device)
        return network.model.cam(final.features, classes)[0]


def _numpy(tensor: torch.Tensor) -> NDArray[np.float32]:
    # A copy: a result must not share memory with the cache it came from.
    return np.array(tensor.float().cpu().numpy(), copy=True)
