"""A checkpoint is a folder: model.safetensors and card.json, which says what the weights are.

Loading reads the card first, verifies the weights' SHA-256 and every tensor's shape, and never
unpickles. Writing goes to a temporary folder that is renamed at the end: whatever happens on the
way, an earlier checkpoint stays whole.
"""

import contextlib
import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import safetensors
import safetensors.torch
import torch

from dfm_viz.backbones import Localizer, create_model, get_backbone
from dfm_viz.methods import Params, get_method
from dfm_viz.types import UserError

SCHEMA_VERSION = 1
WEIGHTS = "model.safetensors"
CARD = "card.json"


@dataclass(frozen=True)
class Card:
    """What a checkpoint is, knows, and reaches.

    Attributes:
        name: `<backbone>_<dataset>/<method>`.
        method: key in `METHODS`.
        backbone: key in `BACKBONES`.
        dataset: short name of the data set it was trained on.
        knows: what it can tell apart, in words ("27 birds only").
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
        licences: of weights and data, one sentence each.
        recipe: the effective recipe, with seed, versions, machine class and wall time.
        metrics: measured scores with protocol, n, split, threshold policy and command.
        notes: known failures, caveats.
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
    licences: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
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


def read_card(folder: Path) -> Card:
    """Read and check card.json; UserError naming the file and what is wrong with it."""
    path = folder / CARD
    where = f"{folder.parent.name}/{folder.name}/{CARD}"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{folder} is no checkpoint: it has no {CARD}; give a folder made by training."
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{where} cannot be read ({error}); restore it from a good copy.") from None
    if not isinstance(values, dict) or values.get("schema_version") != SCHEMA_VERSION:
        raise UserError(
            f"{where} must be a card of schema version {SCHEMA_VERSION}; make the checkpoint anew."
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
    for name, value in values.items():
        values[name] = _typed(where, name, value, hints[name])
    card = Card(**values)
    get_backbone(card.backbone)
    card.method_params()
    if not 32 <= card.image_size <= 1024 or not card.classes or min(card.std, default=0) <= 0:
        raise UserError(f"{where} has an impossible image_size, std or empty class list.")
    return card


def _typed(where: str, name: str, value: Any, hint: Any) -> Any:
    """Match one JSON value to a field's type: JSON has lists where the card has tuples."""
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        wanted = (int, float) if inner is float else inner
        if isinstance(value, list) and all(isinstance(v, wanted) for v in value):
            return tuple(value)
    elif isinstance(value, dict if get_origin(hint) else hint):
        return value
    raise UserError(f"{where}: {name} has the wrong type ({type(value).__name__}).")


def load_checkpoint(folder: str | Path) -> tuple[Localizer, Card]:
    """Rebuild the network of a checkpoint, float32, in evaluation mode.

    Raises:
        UserError: a damaged or tampered checkpoint (hash, names, shapes), or no checkpoint at all.
    """
    folder = Path(folder)
    card = read_card(folder)
    where = f"{folder.parent.name}/{folder.name}/{WEIGHTS}"
    try:
        data = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise UserError(f"{where} cannot be read ({error.strerror}).") from None
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise UserError(
            f"{where} is damaged or was changed: its SHA-256 is {found[:12]}…, the card says "
            f"{card.sha256[:12]}…; restore it from a good copy."
        )
    try:
        state = safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError) as error:
        raise UserError(f"{where} cannot be read as safetensors ({error}).") from None
    model = create_model(
        card.backbone,
        len(card.classes),
        method=card.method,
        params=card.method_params(),
        points=card.points if card.points else None,
        options=card.backbone_options,
    )
    wanted = {k: tuple(v.shape) for k, v in model.state_dict().items()}
    given = {k: tuple(v.shape) for k, v in state.items()}
    if wrong := sorted(k for k in wanted.keys() | given.keys() if wanted.get(k) != given.get(k)):
        name = wrong[0]
        raise UserError(
            f"{where} does not fit its card: {name} has shape {given.get(name, 'missing')}, "
            f"but {wanted.get(name, 'no such tensor')} is expected."
        )
    model.load_state_dict(state)
    return model.eval(), card


def save_checkpoint(
    folder: str | Path, model: Localizer, card: Card, dtype: torch.dtype = torch.float16
) -> Card:
    """Write a checkpoint; returns the card with hash, type and network options filled in.

    Args:
        folder: replaced as a whole if it exists.
        model: its weights are stored as `dtype`; integer buffers keep theirs.
        card: everything else.
        dtype: float16 halves the file; batch-norm statistics stay far inside its range.

    Raises:
        UserError: values that do not fit `dtype`, or a folder that cannot be written.
    """
    folder = Path(folder)
    state = {
        k: (v.detach().cpu().to(dtype) if v.is_floating_point() else v.detach().cpu()).contiguous()
        for k, v in model.state_dict().items()
    }
    for name, tensor in state.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise UserError(
                f"{name} has values that {dtype} cannot hold; save as float32 or train again."
            )
    data = safetensors.torch.save(state)
    card = dataclasses.replace(
        card,
        dtype=str(dtype).removeprefix("torch."),
        sha256=hashlib.sha256(data).hexdigest(),
        backbone_options=dict(model.options),
    )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(folder) as fresh:
            (fresh / WEIGHTS).write_bytes(data)
            (fresh / CARD).write_text(card.to_json(), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"The checkpoint cannot be written to {folder} ({error.strerror}); "
            f"free space or choose another folder."
        ) from None
    return card


@contextlib.contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Yield a fresh folder beside `folder` that takes its place only if the block succeeds."""
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    old = fresh.with_name(f"{fresh.name}-old")
    try:
        yield fresh
        fresh.chmod(0o755)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
