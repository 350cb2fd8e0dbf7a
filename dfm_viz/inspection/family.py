"""A family: the checkpoints of one backbone on one data set, which the app compares."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from dfm_viz.backbones import Localizer, get_backbone
from dfm_viz.checkpoint import Card, checkpoint_folders, load_checkpoint, read_card
from dfm_viz.inspection.cache import Cache
from dfm_viz.methods import METHODS, DFMParams
from dfm_viz.methods.params import Number, Params
from dfm_viz.types import UserError

MODELS = Cache(2 * 2**30)
"""Networks in use, shared by all visitors; a family costs nothing before it is opened."""


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
        methods: what can be shown; beside the methods also further checkpoints of one, by the name
            of their folder (`dfm_add`).
        titles: of `methods`, as people write them.
        trained: those of `methods` that have weights of their own.
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
    titles: tuple[str, ...]
    trained: tuple[str, ...]
    points: tuple[str, ...]
    image_size: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `/families` returns them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}


@dataclass(frozen=True)
class Checkpoints:
    """The cards of a family's folders; weights are read when a network is first needed.

    The first checkpoint of a method stands under the method's name; it is the one whose folder is
    called so, else the first by name. Further ones stand under their folder's name.

    Attributes:
        folder: of the family.
        cards: name -> card, in the order of `METHODS`.
        folders: name -> folder of that checkpoint.
        device: where its networks run.
    """

    folder: Path
    cards: Mapping[str, Card]
    folders: Mapping[str, Path]
    device: torch.device

    @classmethod
    def read(cls, folder: Path, device: torch.device) -> "Checkpoints":
        """Read every card of a family's folder; UserError if they do not belong together."""
        folder = folder.absolute()  # so that `.` has a name, too
        cards: dict[str, Card] = {}
        folders: dict[str, Path] = {}
        found = [(path, read_card(path)) for path in checkpoint_folders(folder)]
        for method in METHODS:
            own = [(path, card) for path, card in found if card.method == method]
            for path, card in sorted(own, key=lambda item: (item[0].name != method, item[0].name)):
                name = path.name if method in cards else method
                cards[name], folders[name] = card, path
        for name, path in folders.items():
            _check_member(path, cards[name], next(iter(cards.values())))
        if not cards:
            raise UserError(
                f"{folder.name!r} is no family: it has no checkpoint folders such as cam or dfm; "
                f"put the folders that training wrote into it."
            )
        return cls(folder, MappingProxyType(cards), MappingProxyType(folders), device)

    @property
    def first(self) -> Card:
        """Any card: backbone and classes are the same in all."""
        return next(iter(self.cards.values()))

    def source(self, name: str, own: bool = True) -> str | None:
        """The checkpoint that `name` is shown on: its own, where wanted and there.

        DFM and ADL have no weights, so they can stand in a network that never saw them: CAM's. DFM
        is always shown, so without CAM it stands in the family's first network.
        """
        borrows = name in ("adl", "dfm")
        if name in self.cards and (own or not borrows):
            return name
        if borrows and "cam" in self.cards:
            return "cam"
        return next(iter(self.cards)) if name == "dfm" and own else None

    @property
    def names(self) -> tuple[str, ...]:
        """What can be shown, in the order of `METHODS`, further checkpoints behind the first."""
        order = list(METHODS)
        names = sorted(
            dict.fromkeys((*METHODS, *self.cards)),
            key=lambda name: (order.index(self.method(name)), name not in METHODS),
        )
        return tuple(name for name in names if self.source(name) is not None)

    def method(self, name: str) -> str:
        """The method behind a name in `names`."""
        return self.cards[name].method if name in self.cards else name

    def title(self, name: str) -> str:
        """A name in `names` as people write it; a further checkpoint says how it differs."""
        own = self._title(name)
        alike = [n for n in self.cards if n not in METHODS and self._title(n) == own]
        return own if len(alike) < 2 else f"{METHODS[self.method(name)].title} ({name})"

    def _title(self, name: str) -> str:
        method = self.method(name)
        title = METHODS[method].title
        if name == method:
            return title
        differs = _different(self.cards[name].method_params(), self.cards[method].method_params())
        return f"{title} ({', '.join(differs) or name})"

    def stops(self, name: str) -> tuple[str, ...]:
        """The stages whose features a network is asked for: where modules stand, or may stand."""
        lenders = {self.source(method, own) for method in ("adl", "dfm") for own in (True, False)}
        if name in lenders:
            return (*self.points("dfm"), *self.points("adl"))
        return self.points(name) if self.method(name) == "dfm" else ()

    def points(self, name: str) -> tuple[str, ...]:
        """Insertion points of a method: as trained, or the backbone's list."""
        if name in self.cards:
            return self.cards[name].points
        return get_backbone(self.first.backbone).points[name]

    def trained_params(self, name: str = "dfm") -> DFMParams:
        """DFM's parameters as trained; the paper's where the family has no such checkpoint."""
        if name not in self.cards:
            return DFMParams()
        params = self.cards[name].method_params()
        assert isinstance(params, DFMParams)
        return params

    def model(self, name: str) -> Localizer:
        """The network of one of the checkpoints, in evaluation mode; not to be changed."""
        if name not in self.cards:
            raise UserError(
                f"Family {self.folder.name!r} has no checkpoint {name!r}; it has "
                f"{', '.join(self.cards)}."
            )
        card, path = self.cards[name], self.folders[name]

        def load() -> Localizer:
            model, _ = load_checkpoint(path)
            return model.to(self.device)

        key = (str(path.resolve()), card.sha256, str(self.device))
        model: Localizer = MODELS.get(key, load, model_bytes)
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
            methods=self.names,
            titles=tuple(self.title(name) for name in self.names),
            trained=tuple(name for name, c in self.cards.items() if c.trained),
            points=self.points("dfm"),
            image_size=card.image_size,
        )


def model_bytes(model: Localizer) -> int:
    """Memory that a network's weights take."""
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())


def _different(own: Params, main: Params) -> list[str]:
    """The values in which a further checkpoint differs from the method's first."""
    words = []
    for name, kind in own.kinds().items():
        value = getattr(own, name)
        if value != getattr(main, name):
            words.append(f"{kind.symbol} {value:g}" if isinstance(kind, Number) else str(value))
    return words


def _check_member(path: Path, card: Card, first: Card) -> None:
    """UserError if a checkpoint does not belong into this family."""
    where = f"{path.parent.name}/{path.name}"
    if path.name in METHODS and path.name != card.method:
        raise UserError(f"{where} holds a checkpoint of {card.method!r}; rename the folder.")
    if card.backbone_options.get("plain"):
        raise UserError(
            f"{where} is a plain classifier, which has no class activation map to show; move it "
            f"out of the family."
        )
    if (card.backbone, card.classes) != (first.backbone, first.classes):
        raise UserError(
            f"The checkpoints of {path.parent.name!r} do not belong together: {path.name} has "
            f"another backbone or other classes than {first.name}."
        )
