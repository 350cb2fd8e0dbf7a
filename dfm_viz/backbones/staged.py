"""A network as a row of named stages that can be run between any two of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dfm_viz.methods.cam import class_activation_map
from dfm_viz.methods.insertion import Drawn, Insertion, TwoWay
from dfm_viz.shapes import DrawLike, FeatureMap, Logits
from dfm_viz.types import UserError

Draws = Mapping[str, Any]
"""Insertion point -> draw; a missing point is left to the module (see `Drawn.forward`)."""

INPUT = "input"
"""The insertion point before the first stage."""


class Stages(nn.Module):
    """The convolutional part: stages by name, with modules inserted behind some of them.

    A drawn insertion has no parameters and no buffers: with it the names in `state_dict` are those
    of the bare stages.
    """

    def __init__(
        self, stages: Mapping[str, nn.Module], insertions: Mapping[str, Insertion] | None = None
    ) -> None:
        """Take the stages in order; UserError if an insertion names no stage."""
        super().__init__()
        self.names = tuple(stages)
        for name, stage in stages.items():
            self.add_module(name, stage)
        unknown = [p for p in insertions or {} if p not in (INPUT, *self.names)]
        if unknown:
            raise UserError(
                f"There is no stage {unknown[0]!r} in this network; choose from "
                f"{', '.join(self.names)}."
            )
        # In the network's order, whatever order they were named in.
        places = (INPUT, *self.names)
        ordered = {n: insertions[n] for n in places if insertions and n in insertions}
        self.insertions = nn.ModuleDict(ordered)

    def between(
        self, x: Tensor, start: str | None, stop: str | None, draws: Draws | None = None
    ) -> FeatureMap:
        """Run the stages behind `start` up to and including `stop`, with their insertions.

        Args:
            x: the picture batch where `start` is None, else the features behind stage `start`.
            start: name of a stage, or None for the input.
            stop: name of a stage, or None for the last one.
            draws: what the insertions on the way take.

        Raises:
            UserError: a name that is no stage, or `stop` before `start`.
        """
        first = 0 if start is None else self._index(start) + 1
        last = len(self.names) if stop is None else self._index(stop) + 1
        if last < first:
            raise UserError(f"Stage {stop!r} comes before {start!r}; swap the two.")
        return self._run(x, first, last, draws or {})

    def before(self, point: str, x: Tensor, draws: Draws | None = None) -> FeatureMap:
        """What the insertion at stage `point` receives for the picture batch `x`."""
        index = self._index(point)
        features: FeatureMap = getattr(self, point)(self._run(x, 0, index, draws or {}))
        return features

    def _run(self, x: Tensor, first: int, last: int, draws: Draws) -> Tensor:
        if first == 0 and INPUT in self.insertions:
            x = self.insertions[INPUT](x, draws.get(INPUT))
        for name in self.names[first:last]:
            x = getattr(self, name)(x)
            if name in self.insertions:
                x = self.insertions[name](x, draws.get(name))
        return x

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise UserError(
                f"There is no stage {name!r} in this network; choose from {', '.join(self.names)}."
            )
        return self.names.index(name)

    def forward(self, x: Tensor, draws: Draws | None = None) -> FeatureMap:
        """All stages: pictures (b, 3, H, W) to the features that enter pooling (b, c, h, w)."""
        return self.between(x, None, None, draws)


class Localizer(nn.Module):
    """Stages, global average pooling and one linear layer: a classifier whose CAM can be read."""

    def __init__(
        self, features: Stages, fc: nn.Linear, backbone: str, options: Mapping[str, Any]
    ) -> None:
        """Join the parts; `backbone` and `options` are what `create_model` needs to rebuild."""
        super().__init__()
        self.features = features
        self.fc = fc
        self.backbone = backbone
        self.options: Mapping[str, Any] = dict(options)  # a dict, so that networks can be copied

    @property
    def insertions(self) -> dict[str, Insertion]:
        """Insertion point -> module, in the order of the network."""
        return dict(self.features.insertions.items())  # type: ignore[arg-type]

    def sample_draws(
        self,
        generator: torch.Generator | None = None,
        batch: int = 1,
        size: tuple[int, int] = (224, 224),
    ) -> dict[str, Any]:
        """One independent draw per insertion that draws, for inputs of `size` (rows, columns)."""
        drawn = {name: m for name, m in self.insertions.items() if isinstance(m, Drawn)}
        return {name: m.sample(batch, generator, size) for name, m in drawn.items()}

    def feature_map(self, x: Tensor, draws: Draws | None = None) -> FeatureMap:
        """The tensor that enters pooling, (b, c, h, w)."""
        features: FeatureMap = self.features(x, draws)
        return features

    def logits(self, feature_map: FeatureMap) -> Logits:
        """Pool and classify, (b, classes)."""
        scores: Logits = self.fc(feature_map.mean(dim=(2, 3)))
        return scores

    def cam(self, feature_map: FeatureMap, class_index: Tensor) -> Tensor:
        """Raw class activation maps, (b, h, w), of one class per sample, (b,)."""
        return class_activation_map(feature_map, self.fc.weight, class_index)

    def forward(self, x: Tensor, draws: Draws | None = None) -> Logits:
        """Pictures (b, 3, H, W) to logits (b, classes)."""
        return self.logits(self.feature_map(x, draws))

    def training_logits(
        self, x: Tensor, labels: Tensor, draws: Draws | None = None
    ) -> tuple[Logits, ...]:
        """What training compares with the labels: the loss is the sum of the cross-entropies.

        The first entry is what `forward` answers; methods with several heads have more.

        Args:
            x: pictures, (b, 3, H, W).
            labels: class indices (b,), for heads that need to know which map to erase.
            draws: what the insertions take.
        """
        return (self(x, draws),)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters as `head` (all that is new), `last_stage` (last resolution) and `base`."""
        last = self.features.names[-1].split("_")[0]
        groups: dict[str, list[nn.Parameter]] = {"head": [], "last_stage": [], "base": []}
        for name, parameter in self.named_parameters():
            part = name.split(".")
            key = "base" if part[0] == "features" and part[1] != "insertions" else "head"
            if key == "base" and part[1].split("_")[0] == last:
                key = "last_stage"
            groups[key].append(parameter)
        return groups


def descend(
    model: Localizer, x: Tensor, points: tuple[str, ...], start: str | None = None
) -> Iterator[tuple[tuple[DrawLike, ...], FeatureMap]]:
    """Final features for every outcome of the draws at `points`, sharing what is common.

    The network must be in evaluation mode, the points must have two-way modules. With `start`, `x`
    are the features behind that stage, which is `points[0]` or lies before it. Yields (draws in
    the order of the points, features), in the order of `methods.paths.enumerate_paths`.
    """
    if model.training:
        raise RuntimeError("The paths exist in evaluation mode only; call model.eval() first.")

    def walk(
        x: Tensor, start: str | None, rest: tuple[str, ...], taken: tuple[DrawLike, ...]
    ) -> Iterator[tuple[tuple[DrawLike, ...], FeatureMap]]:
        if not rest:
            yield taken, model.features.between(x, start, None)
            return
        point = rest[0]
        module = model.insertions[point]
        assert isinstance(module, TwoWay)
        before = model.features.between(x, start, point)
        for draw in module.draw_type:
            yield from walk(module(before, draw), point, rest[1:], (*taken, draw))

    yield from walk(x, start, points, ())
