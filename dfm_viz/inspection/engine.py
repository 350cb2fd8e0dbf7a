"""Set once, ask often: `open` a picture, then `inspect` it under any settings.

Nothing here remembers a "current picture": an opened picture is a value, an inspection is a pure
function of it and the settings, and what was computed on the way is kept in one shared cache.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from dfm_viz.backbones import default_params
from dfm_viz.inspection.family import Checkpoints, FamilyInfo, find_family
from dfm_viz.inspection.network import Final, Network
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
    resize_box,
    scale_box,
    to_grid,
)
from dfm_viz.methods import ADL, ADLParams, DFMParams
from dfm_viz.methods.paths import enumerate_paths
from dfm_viz.pictures import Picture, read_picture, to_input
from dfm_viz.types import Box, Draw, Mode, UserError

PictureSource = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8] | Picture


@dataclass(frozen=True)
class Opened:
    """A picture ready to be asked about, with the networks of one family.

    Attributes:
        picture: the upright picture.
        networks: checkpoint name -> that network with this picture's input.
    """

    picture: Picture
    networks: Mapping[str, Network]


@dataclass(frozen=True)
class Family:
    """The checkpoints of one backbone on one data set; see `load_family`."""

    checkpoints: Checkpoints

    @property
    def info(self) -> FamilyInfo:
        """What a visitor reads before choosing."""
        return self.checkpoints.info()

    def model(self, method: str) -> torch.nn.Module:
        """The network of a method: pictures (b, 3, S, S) to logits, with `features` and `fc`."""
        return self.checkpoints.model(method)

    def open(self, source: PictureSource) -> Opened:
        """Read a picture and run every network of the family over it once.

        Raises:
            UserError: a picture that cannot be read, a damaged checkpoint.
        """
        picture = source if isinstance(source, Picture) else read_picture(source)
        networks = {}
        stops = set(self.checkpoints.points("dfm")) | set(self.checkpoints.points("adl"))
        for name, card in self.checkpoints.cards.items():
            model = self.checkpoints.model(name)
            x = to_input(
                picture.rgb,
                card.image_size,
                mean=card.mean,
                std=card.std,
                interpolation=card.interpolation,
            ).to(self.checkpoints.device)
            prepared = (card.image_size, card.mean, card.std, card.interpolation)
            networks[name] = Network(
                model=model,
                x=x,
                stops=tuple(n for n in model.features.names if n in stops),
                key=(card.sha256, picture.digest, prepared, str(x.device)),
            )
        opened = Opened(picture, MappingProxyType(networks))
        for network in networks.values():
            network.final({}, DFMParams())
        return opened

    def inspect(
        self,
        opened: Opened,
        settings: Settings | Mapping[str, Any] | str | None = None,
        truths: Sequence[Sequence[float]] = (),
    ) -> Inspection:
        """Answer one question about an opened picture.

        Args:
            opened: from `open` of the same family.
            settings: a `Settings`, a mapping or JSON text.
            truths: true boxes [x0, y0, x1, y1] in pixels of the upright picture.

        Raises:
            UserError: settings or boxes that are not allowed.
        """
        own = self.checkpoints
        asked = Settings.parse(settings).resolve(
            own.points("dfm"), len(own.first.classes), own.trained_params()
        )
        return _Question(own, opened, asked, truths).answer()


class _Question:
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
        picture = opened.picture
        self.size = (picture.width, picture.height)
        checked = check_truths(truths, *self.size)
        self.truths = [resize_box(box, self.size, (SIDE, SIDE)) for box in checked]
        self.own = settings.weights is Weights.OWN

    def answer(self) -> Inspection:
        settings = self.settings
        name = self.checkpoints.source("dfm", self.own)
        if name is None:
            raise UserError(
                f"Family {self.checkpoints.folder.name!r} has no cam checkpoint, so weights='cam' "
                f"is not possible; choose weights='own'."
            )
        dfm = self.opened.networks[name]
        points = settings.points or ()
        paths = enumerate_paths(points, self.params.tau)
        finals = [dfm.final(path.draws, self.params) for path in paths]
        off = dfm.final({}, self.params)
        mixture = self._mixture([path.probability for path in paths], finals, off)
        methods = {}
        for method in ("cam", "adl"):
            source = self.checkpoints.source(method, self.own)
            if source is not None:
                network = self.opened.networks[source]
                methods[method] = self._method(method, [(1.0, network.final({}, self.params))])
        methods["dfm"] = self._method("dfm", mixture)
        shown = methods["dfm"].class_index
        return Inspection(
            family=self.checkpoints.folder.name,
            width=self.size[0],
            height=self.size[1],
            settings=settings,
            methods=MappingProxyType(methods),
            dfm_off=self._method("dfm", [(1.0, off)], off=True),
            dfm_paths=tuple(
                self._path(path.draws, path.probability, final, shown)
                for path, final in zip(paths, finals, strict=True)
            ),
            points=MappingProxyType(self._points(dfm, points)),
            adl_points=MappingProxyType(self._adl_points()),
        )

    def _mixture(
        self, probabilities: list[float], finals: list[Final], off: Final
    ) -> list[tuple[float, Final]]:
        """What DFM's answer is made of in the mode asked for: weights and ends of paths."""
        mode, tau = self.settings.mode, self.params.tau
        if mode is Mode.OFF:
            return [(1.0, off)]
        if mode is Mode.EXPECTED:
            return list(zip(probabilities, finals, strict=True))
        index = 0  # of the path, read as a binary number: position 0, channel 1
        generator = torch.Generator().manual_seed(self.settings.seed)
        for _ in self.settings.points or ():
            draw = Draw.POSITION if mode is Mode.POSITION else Draw.CHANNEL
            if mode is Mode.SAMPLED:
                position = torch.rand((), generator=generator).item() < tau
                draw = Draw.POSITION if position else Draw.CHANNEL
            index = 2 * index + (draw is Draw.CHANNEL)
        return [(1.0, finals[index])]

    def _method(
        self, method: str, mixture: list[tuple[float, Final]], off: bool = False
    ) -> MethodResult:
        logits = sum(p * final.logits.double() for p, final in mixture)
        assert isinstance(logits, torch.Tensor)
        target = self.settings.target
        index = int(logits.argmax()) if target is None else target
        cam = sum(p * self._cam(method, final, index).double() for p, final in mixture)
        assert isinstance(cam, torch.Tensor)
        score_map = _numpy(cam)
        grid, box, box_grid = self._box(score_map)
        return MethodResult(
            label=self.checkpoints.first.classes[index],
            class_index=index,
            score=float(logits.softmax(dim=0)[index]),
            map=score_map,
            grid=grid,
            box=box,
            box_grid=box_grid,
            iou=best_iou(box_grid, self.truths) if self.truths else None,
            trained=method == "cam" or self._trained(method),
            note=self._note(method, off),
        )

    def _path(
        self, draws: Mapping[str, Draw], probability: float, final: Final, index: int
    ) -> PathResult:
        score_map = _numpy(self._cam("dfm", final, index))
        _, box, box_grid = self._box(score_map)
        return PathResult(
            draw=draws,
            probability=probability,
            logit=float(final.logits[index]),
            map=score_map,
            box=box,
            box_grid=box_grid,
        )

    def _cam(self, method: str, final: Final, index: int) -> torch.Tensor:
        source = self.checkpoints.source(method, self.own)
        assert source is not None
        model = self.opened.networks[source].model
        with torch.inference_mode():
            classes = torch.tensor([index], device=final.features.device)
            return model.cam(final.features, classes)[0]

    def _box(
        self, score_map: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], Box, tuple[int, int, int, int]]:
        grid = to_grid(score_map)
        box_grid = box_from_grid(grid, self.settings.threshold)
        return grid, scale_box(box_grid, (SIDE, SIDE), self.size), box_grid

    def _trained(self, method: str) -> bool:
        source = self.checkpoints.source(method, self.own)
        return source == method and self.checkpoints.cards[method].trained

    def _note(self, method: str, off: bool) -> str:
        if method == "cam":
            return ""
        if not self._trained(method):
            return "not trained with it"
        if method != "dfm" or off:
            return ""
        trained = self.checkpoints.trained_params()
        differs = [
            f"{name} = {getattr(self.params, name)}"
            for name in ("apply", "neighbourhood")
            if getattr(self.params, name) != getattr(trained, name)
        ]
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
            results[point] = PointResult(**arrays, path=draw)
            if draw is not None:
                taken[point] = draw
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


def _numpy(tensor: torch.Tensor) -> NDArray[np.float32]:
    # A copy: a result must not share memory with the cache it came from.
    return np.array(tensor.float().cpu().numpy(), copy=True)


def load_family(
    name_or_path: str | Path, root: str | Path | None = None, device: str = "auto"
) -> Family:
    """A family by its name under `root`, or by the path of its folder.

    Args:
        name_or_path: for example "mobilenetv1_imagenet1k".
        root: folder of families; None takes the shipped one or DFM_VIZ_FAMILIES.
        device: auto, cpu or cuda.

    Raises:
        UserError: no such family, checkpoints that do not belong together.
    """
    return Family(find_family(name_or_path, None if root is None else Path(root), device))
