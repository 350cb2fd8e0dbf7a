"""Set once, ask often: `open` a picture, then `inspect` it under any settings.

Nothing here remembers a "current picture": an opened picture is a value, an inspection is a pure
function of it and the settings, and what was computed on the way is kept in one shared cache.
"""

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from dfm_viz.checkpoint import Card
from dfm_viz.inspection.ablation import (
    KEPT_BYTES,
    Cancelled,
    Found,
    Progress,
    Series,
    never,
    nobody,
    unseen,
)
from dfm_viz.inspection.family import Checkpoints, FamilyInfo
from dfm_viz.inspection.lookup import find_family
from dfm_viz.inspection.network import Network
from dfm_viz.inspection.question import Networks, Opened, Question
from dfm_viz.inspection.result import Inspection
from dfm_viz.inspection.settings import Settings
from dfm_viz.inspection.variant import Ablation
from dfm_viz.methods import DFMParams
from dfm_viz.pictures import Picture, read_picture, to_input

PictureSource = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8] | Picture
AnySettings = Settings | Mapping[str, Any] | str | None


@dataclass(frozen=True)
class Family:
    """The checkpoints of one backbone on one data set; see `load_family`."""

    checkpoints: Checkpoints

    @property
    def info(self) -> FamilyInfo:
        """What a visitor reads before choosing."""
        return self.checkpoints.info()

    def model(self, name: str) -> torch.nn.Module:
        """A method's network: pictures (b, 3, S, S) to logits, with `features` and `fc`."""
        return self.checkpoints.model(name)

    def open(self, source: PictureSource) -> Opened:
        """Read a picture and run every network of the family over it once.

        Raises:
            UserError: a picture that cannot be read, a damaged checkpoint.
        """
        picture = source if isinstance(source, Picture) else read_picture(source)
        inputs = self._inputs(picture)
        networks = Networks(inputs, lambda name, x: self._network(name, x, picture.digest))
        for network in networks.values():
            network.final({}, DFMParams())
        return Opened(picture, networks)

    def _inputs(self, picture: Picture) -> dict[str, torch.Tensor]:
        """The picture as every network wants it, (1, 3, S, S); made once where they agree."""
        made: dict[Hashable, torch.Tensor] = {}
        for card in self.checkpoints.cards.values():
            if (how := _prepared(card)) not in made:
                size, mean, std, interpolation = how
                x = to_input(picture.rgb, size, mean=mean, std=std, interpolation=interpolation)
                made[how] = x.to(self.checkpoints.device)
        return {name: made[_prepared(card)] for name, card in self.checkpoints.cards.items()}

    def _network(self, name: str, x: torch.Tensor, digest: Hashable) -> Network:
        """One of the networks, from memory or read from its file, with its input."""
        card, model = self.checkpoints.cards[name], self.checkpoints.model(name)
        stops = self.checkpoints.stops(name)
        return Network(
            model=model,
            x=x,
            stops=tuple(n for n in model.features.names if n in stops),
            key=(card.sha256, digest, _prepared(card), str(x.device)),
        )

    def inspect(
        self,
        opened: Opened,
        settings: AnySettings = None,
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
        return Question(own, opened, asked, truths).answer()

    def ablate(
        self,
        opened: Opened,
        settings: AnySettings = None,
        truths: Sequence[Sequence[float]] = (),
        *,
        progress: Progress = nobody,
        cancelled: Cancelled = never,
        found: Found = unseen,
    ) -> Ablation:
        """The seven configurations of Table 1 on this picture, all with weights as they are.

        Row 0 is the plain backbone with the CAM checkpoint's weights: class and score, no map. Rows
        1 to 6 are the network that `settings.weights` names (own: the DFM checkpoint, cam: CAM's),
        so that they differ by the module alone: row 1 with the module off, rows 2 to 6 with the
        row's switches, everything else as in `settings`. Rows 2 to 6 act in the settings' mode;
        `off`, in which they would all be row 1, means `expected` here. Each row has its own top
        class unless `settings.target` names one.

        Args:
            opened: from `open` of the same family.
            settings: as for `inspect`; branches, fusion and, but for row 6, omega are the row's.
            truths: as for `inspect`.
            progress: told (done, total) after every row.
            cancelled: asked before every row; True ends the series, the rows so far are returned.
            found: told (place, row) as soon as a row is there.

        Raises:
            UserError: as `inspect`.
        """
        return self._series(opened, settings, truths, progress, cancelled, found).ablate()

    def sweep(
        self,
        opened: Opened,
        settings: AnySettings,
        parameter: str,
        values: Sequence[Any],
        truths: Sequence[Sequence[float]] = (),
        *,
        progress: Progress = nobody,
        cancelled: Cancelled = never,
        found: Found = unseen,
    ) -> Ablation:
        """DFM's answer for every value of one parameter, everything else as in `settings`.

        Args:
            opened: from `open` of the same family.
            settings: as for `inspect`, the mode too: in `off` only the threshold matters.
            parameter: one of `ablation.SWEPT`.
            values: at most 201; of `points` a name, several joined by "+", or "all".
            truths: as for `inspect`.
            progress: told (done, total) after every value.
            cancelled: as for `ablate`.
            found: as for `ablate`.

        Raises:
            UserError: as `inspect`; an unknown parameter, a value it does not take, too many.
        """
        series = self._series(opened, settings, truths, progress, cancelled, found)
        return series.sweep(parameter, values)

    def grid(
        self,
        opened: Opened,
        settings: AnySettings,
        deltas: Sequence[float],
        gammas: Sequence[float],
        truths: Sequence[Sequence[float]] = (),
        *,
        progress: Progress = nobody,
        cancelled: Cancelled = never,
        found: Found = unseen,
    ) -> Ablation:
        """DFM's answer for every pair of delta and gamma, delta by delta; at most 441 pairs.

        Arguments and errors as for `sweep`; `value` of an entry is (delta, gamma).
        """
        series = self._series(opened, settings, truths, progress, cancelled, found)
        return series.grid(deltas, gammas)

    def _series(
        self,
        opened: Opened,
        settings: AnySettings,
        truths: Sequence[Sequence[float]],
        progress: Progress,
        cancelled: Cancelled,
        found: Found,
    ) -> Series:
        asked, aside = Settings.parse(settings), opened.aside(KEPT_BYTES)
        return Series(self.checkpoints, aside, asked, truths, progress, cancelled, found)


def _prepared(card: Card) -> tuple[int, tuple[float, ...], tuple[float, ...], str]:
    """How a checkpoint wants its input."""
    return card.image_size, card.mean, card.std, card.interpolation


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
