"""A family: the checkpoints of one backbone on one data set, which the app compares."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from dfm_viz.backbones import Localizer, get_backbone
from dfm_viz.checkpoint import CARD, WEIGHTS, Card, load_checkpoint, read_card
from dfm_viz.inspection.cache import Cache
from dfm_viz.methods import METHODS, DFMParams
from dfm_viz.types import UserError

MODELS = Cache(2 * 2**30)
"""Networks in use, shared by all visitors; a family costs nothing before it is opened."""

_LOG = logging.getLogger(__name__)


def default_root() -> Path:
    """The folder of families: DFM_VIZ_FAMILIES, or `checkpoints` beside the package."""
    configured = os.environ.get("DFM_VIZ_FAMILIES")
    return Path(configured) if configured else Path(__file__).parents[2] / "checkpoints"


def pick_device(wish: str = "auto") -> torch.device:
    """`auto` takes a GPU where one can be kept; on ZeroGPU, which lends it per call, the CPU."""
    if wish == "auto":
        kept = torch.cuda.is_available() and not os.environ.get("SPACES_ZERO_GPU")
        return torch.device("cuda" if kept else "cpu")
    if wish not in ("cpu", "cuda"):
        raise UserError(f"device must be auto, cpu or cuda, but got {wish!r}.")
    if wish == "cuda" and not torch.cuda.is_available():
        raise UserError("device is cuda, but PyTorch sees no GPU here; choose cpu or auto.")
    return torch.device(wish)


@dataclass(frozen=True)
class FamilyInfo:
    """What a visitor reads before choosing.

    Attributes:
        name: folder name.
        title: one line for a list.
        backbone: key in `BACKBONES`.
        dataset: short name.
        knows: what it can tell apart.
        classes: class names, in the order of the head.
        methods: what can be shown.
        trained: the methods that have weights of their own.
        points: DFM's insertion points, in the order of the network.
        image_size: side of the input, px.
    """

    name: str
    title: str
    backbone: str
    dataset: str
    knows: str
    classes: tuple[str, ...]
    methods: tuple[str, ...]
    trained: tuple[str, ...]
    points: tuple[str, ...]
    image_size: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `/families` returns them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}


@dataclass(frozen=True)
class Checkpoints:
    """The cards of a family's folders; weights are read when a network is first needed.

    Attributes:
        folder: of the family.
        cards: method -> card, in the order of `METHODS`.
        device: where its networks run.
    """

    folder: Path
    cards: Mapping[str, Card]
    device: torch.device

    @classmethod
    def read(cls, folder: Path, device: torch.device) -> "Checkpoints":
        """Read every card of a family's folder; UserError if they do not belong together."""
        cards = {
            name: read_card(folder / name) for name in METHODS if (folder / name / CARD).is_file()
        }
        if not ("cam" in cards or "dfm" in cards):
            raise UserError(
                f"{folder.name!r} is no family: it needs a checkpoint folder named cam or dfm."
            )
        first = next(iter(cards.values()))
        for card in cards.values():
            if (card.backbone, card.classes) != (first.backbone, first.classes):
                raise UserError(
                    f"The checkpoints of {folder.name!r} do not belong together: {card.name} has "
                    f"another backbone or other classes than {first.name}."
                )
        return cls(folder, MappingProxyType(cards), device)

    @property
    def first(self) -> Card:
        """Any card: backbone and classes are the same in all."""
        return next(iter(self.cards.values()))

    def source(self, method: str, own: bool = True) -> str | None:
        """The checkpoint a method runs on: its own where wanted and there, else CAM's, else none.

        CAM always has its own.
        """
        if method in self.cards and (own or method == "cam"):
            return method
        return "cam" if "cam" in self.cards and method != "cam" else None

    def points(self, method: str) -> tuple[str, ...]:
        """Insertion points of a method: as trained, or the backbone's list."""
        if method in self.cards:
            return self.cards[method].points
        return get_backbone(self.first.backbone).points[method]

    def trained_params(self) -> DFMParams:
        """DFM's parameters as trained; the paper's where the family has no DFM checkpoint."""
        if "dfm" not in self.cards:
            return DFMParams()
        params = self.cards["dfm"].method_params()
        assert isinstance(params, DFMParams)
        return params

    def model(self, method: str) -> Localizer:
        """The network of a method's own checkpoint, in evaluation mode; not to be changed."""
        if method not in self.cards:
            raise UserError(
                f"Family {self.folder.name!r} has no checkpoint {method!r}; it has "
                f"{', '.join(self.cards)}."
            )
        card = self.cards[method]
        path = self.folder / method

        def load() -> Localizer:
            model, _ = load_checkpoint(path)
            return model.to(self.device)

        key = (str(path.resolve()), card.sha256, str(self.device))
        model: Localizer = MODELS.get(key, load, _model_bytes)
        return model

    def info(self) -> FamilyInfo:
        """What a visitor reads before choosing."""
        card = self.first
        return FamilyInfo(
            name=self.folder.name,
            title=f"{get_backbone(card.backbone).title}, {card.knows}",
            backbone=card.backbone,
            dataset=card.dataset,
            knows=card.knows,
            classes=card.classes,
            methods=tuple(m for m in METHODS if self.source(m) is not None),
            trained=tuple(name for name, c in self.cards.items() if c.trained),
            points=self.points("dfm"),
            image_size=card.image_size,
        )


def _model_bytes(model: Localizer) -> int:
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())


def list_families(root: str | Path | None = None) -> tuple[FamilyInfo, ...]:
    """The families in a folder, by name; one that cannot be read is logged and left out."""
    root = Path(root) if root else default_root()
    if not root.is_dir():
        raise UserError(f"There is no folder of families {root}; give one with --families.")
    found = []
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or not any((folder / m / WEIGHTS).is_file() for m in METHODS):
            continue
        try:
            found.append(Checkpoints.read(folder, torch.device("cpu")).info())
        except UserError as error:
            _LOG.warning("family left out: %s", error)
    return tuple(found)


def find_family(name_or_path: str | Path, root: Path | None, device: str) -> Checkpoints:
    """Checkpoints of a family by its name under `root`, or by a path (not for visitors' input)."""
    root = root or default_root()
    folder = root / name_or_path
    if not (isinstance(name_or_path, Path) or folder.is_dir()):
        folder = Path(name_or_path)
    if not folder.is_dir():
        known = ", ".join(info.name for info in list_families(root)) or "none"
        raise UserError(f"There is no family {str(name_or_path)!r}; there are: {known}.")
    return Checkpoints.read(folder, pick_device(device))
