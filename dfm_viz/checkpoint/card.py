"""card.json: what a checkpoint is, knows and reaches."""

import dataclasses
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from dfm_viz.backbones import get_backbone
from dfm_viz.files import quoted, settled, subfolders
from dfm_viz.methods import Params, get_method
from dfm_viz.types import UserError

SCHEMA_VERSION = 2
CARD = "card.json"
LIBRARIES = ("torch", "torchvision", "timm", "numpy", "pillow", "opencv-python-headless")
INTENDED_USE = (
    "Teaching, and looking at how weakly supervised localization fails; not for decisions about "
    "people, animals or safety."
)


@dataclass(frozen=True)
class KnownFailure:
    """A picture on which the checkpoint goes wrong, as `python -m dfm_viz known-failures` found it.

    Attributes:
        sentence: what happens, for a person.
        picture: id of a picture that may be shown (`dfm_viz.examples`), as `coffee` or `toy-7`.
        method: the checkpoint's name in its family, as `dfm_add`.
        settings: under which it was asked; whatever is not named has its default.
        label: the class it named.
        score: softmax probability of that class, 0 to 1.
        box: x0, y0, x1, y1 in pixels of the upright picture.
        iou: of that box with the best true one, 0 to 1.
    """

    sentence: str
    picture: str
    method: str
    settings: Mapping[str, Any]
    label: str
    score: float
    box: tuple[float, ...]
    iou: float


@dataclass(frozen=True)
class Card:
    """What a checkpoint is, knows, and reaches.

    Attributes:
        name: `<backbone>_<dataset>/<method>`.
        method: key in `METHODS`.
        backbone: key in `BACKBONES`.
        dataset: short name of the data set it was trained on.
        knows: what it can tell apart, in words ("50 birds only").
        classes: readable class names, in the order of the head.
        points: insertion points, in the order of the network.
        params: the method's parameters it was trained with.
        image_size: side of the square input, px.
        mean: per channel, on pictures scaled to [0, 1].
        std: likewise.
        interpolation: how pictures are resized to the input.
        backbone_options: how the backbone is built (see `create_model`).
        trained: False where the weights never saw the method (ImageNet weights, for example).
        init_weights: what training started from.
        licence: of the weights as a Hugging Face licence id; `other` where `licences` tell.
        licences: of weights and data, one sentence each.
        intended_use: what it is for, and what not.
        recipe: the effective recipe with its seed; empty where nothing was trained.
        run: what happened: `commit` of the code, `data_fingerprint`, `train_pictures`,
            `selection`, `versions`, `machine`, `wall_seconds`, `last_epoch`, as far as known.
        metrics: measured scores by split, with protocol, n, threshold policy and command.
        known_failures: where it goes wrong, at most a few.
        notes: caveats about data, training and scores.
        dtype: type the weights are stored in.
        sha256: of model.safetensors; filled by `save_checkpoint`.
        schema_version: of this file.
    """

    name: str
    method: str
    backbone: str
    dataset: str
    knows: str
    classes: tuple[str, ...]
    points: tuple[str, ...]
    params: Mapping[str, Any]
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"
    backbone_options: Mapping[str, Any] = field(default_factory=dict)
    trained: bool = True
    init_weights: str = ""
    licence: str = "other"
    licences: tuple[str, ...] = ()
    intended_use: str = INTENDED_USE
    recipe: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    known_failures: tuple[KnownFailure, ...] = ()
    notes: tuple[str, ...] = ()
    dtype: str = "float16"
    sha256: str = ""
    schema_version: int = SCHEMA_VERSION

    def method_params(self) -> Params:
        """The parameters as the method's own class, checked."""
        return get_method(self.method).params.from_dict(dict(self.params))

    def to_json(self) -> str:
        """The text of card.json."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n"


def versions() -> dict[str, str]:
    """Versions of everything that decides the numbers."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def checkpoint_folders(family: Path) -> list[Path]:
    """The checkpoints in a family's folder, by name."""
    return [path for path in subfolders(family) if (settled(path) / CARD).is_file()]


def read_card(folder: Path) -> Card:
    """Read and check card.json; UserError naming the file and what is wrong with it."""
    values = read_values(folder)
    version = values.get("schema_version")
    if version == 1:
        raise UserError(
            f"{place(folder)} is of schema version 1; bring it to version {SCHEMA_VERSION} once "
            f"with: python -m dfm_viz convert {quoted(folder)}"
        )
    return parse_card(values, place(folder))


def place(folder: Path) -> str:
    """How messages name the card of a folder: family/method/card.json."""
    return f"{folder.parent.name}/{folder.name}/{CARD}"


def read_values(folder: Path) -> dict[str, Any]:
    """The JSON object in card.json, of any schema version; UserError if there is none."""
    try:
        values = json.loads((settled(folder) / CARD).read_text(encoding="utf-8"))
        json.dumps(values, ensure_ascii=False).encode("utf-8")  # half a surrogate is no text
    except FileNotFoundError:
        raise UserError(
            f"{folder} is no checkpoint: it has no {CARD}; give a folder made by training."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{place(folder)} cannot be read ({error}); restore it from a good copy."
        ) from None
    if not isinstance(values, dict):
        raise UserError(
            f"{place(folder)} is no card: it must hold a JSON object; restore it from a good copy."
        )
    return values


def parse_card(values: Mapping[str, Any], where: str) -> Card:
    """Check plain values and make a card of them.

    Args:
        values: as read from JSON.
        where: names the card in messages.

    Raises:
        UserError: another schema version, missing or unknown fields, values that cannot be.
    """
    if (version := values.get("schema_version")) != SCHEMA_VERSION:
        newer = isinstance(version, int) and version > SCHEMA_VERSION
        raise UserError(
            f"{where} must be a card of schema version {SCHEMA_VERSION}, but has {version!r}; "
            f"{'install a newer dfm_viz' if newer else 'make the checkpoint anew'}."
        )
    hints = get_type_hints(Card)
    unknown = sorted(set(values) - set(hints))
    missing = [
        f.name
        for f in dataclasses.fields(Card)
        if f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
        and f.name not in values
    ]
    if unknown or missing:
        raise UserError(
            f"{where} does not fit: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}."
        )
    card = Card(**{k: _typed(where, k, value, hints[k]) for k, value in values.items()})
    get_backbone(card.backbone)
    card.method_params()
    numbers = (*card.mean, *card.std)
    if (
        not 32 <= card.image_size <= 1024
        or not card.classes
        or (len(card.mean), len(card.std)) != (3, 3)
        or not all(abs(v) < 1e6 for v in numbers)  # also refuses NaN
        or min(card.std) <= 0
    ):
        raise UserError(f"{where} has an impossible image_size, mean, std or empty class list.")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", card.licence):
        raise UserError(
            f"{where}: licence must be a short id such as apache-2.0 or other, but is "
            f"{card.licence!r}."
        )
    return card


def _typed(where: str, name: str, value: Any, hint: Any) -> Any:
    """Match one JSON value to a field's type: JSON has lists where the card has tuples."""
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        if isinstance(value, list):
            if inner is KnownFailure:
                return tuple(_failure(f"{where}: {name}", v) for v in value)
            if all(_is(v, inner) for v in value):
                return tuple(value)
    elif _is(value, dict if get_origin(hint) else hint):
        return value
    raise UserError(f"{where}: {name} has the wrong type ({type(value).__name__}).")


def _failure(where: str, value: Any) -> KnownFailure:
    hints = get_type_hints(KnownFailure)
    if not isinstance(value, dict) or value.keys() != hints.keys():
        raise UserError(
            f"{where} must have {', '.join(hints)} each; find them anew with: python -m dfm_viz "
            f"known-failures FAMILY."
        )
    failure = KnownFailure(**{k: _typed(where, k, v, hints[k]) for k, v in value.items()})
    if len(failure.box) != 4:
        raise UserError(f"{where} has a box of {len(failure.box)} numbers; it must have four.")
    return failure


def _is(value: Any, kind: Any) -> bool:
    if kind in (int, float):  # JSON's true is no number here, and 1 is a fine float
        numbers = (int, float) if kind is float else int
        return isinstance(value, numbers) and not isinstance(value, bool)
    return isinstance(value, kind)
