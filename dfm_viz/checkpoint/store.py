"""Reading, verifying and writing the folder of a checkpoint.

Loading reads the card first, verifies the weights' SHA-256 and every tensor's shape, and never
unpickles. Writing goes to a fresh folder that is renamed at the end: whatever happens on the way,
an earlier checkpoint stays whole.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from dfm_viz.backbones import Localizer, create_model
from dfm_viz.checkpoint.card import CARD, Card, read_card
from dfm_viz.checkpoint.model_card import README, render
from dfm_viz.files import replacing_folder, settled, write_file
from dfm_viz.outputs import NOTES, strays
from dfm_viz.types import UserError

WEIGHTS = "model.safetensors"


def read_weights(folder: Path, card: Card) -> bytes:
    """The bytes of model.safetensors; UserError unless their SHA-256 is the card's."""
    where = f"{folder.parent.name}/{folder.name}/{WEIGHTS}"
    try:
        data = (settled(folder) / WEIGHTS).read_bytes()
    except OSError as error:
        raise UserError(f"{where} cannot be read ({error.strerror}).") from None
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise UserError(
            f"{where} is damaged or was changed: its SHA-256 is {found[:12]}…, the card says "
            f"{card.sha256[:12]}…; restore it from a good copy."
        )
    return data


def load_checkpoint(folder: str | Path) -> tuple[Localizer, Card]:
    """Rebuild the network of a checkpoint, float32, in evaluation mode.

    Raises:
        UserError: a damaged or tampered checkpoint (hash, names, shapes), or no checkpoint at all.
    """
    folder = Path(folder)
    card = read_card(folder)
    data = read_weights(folder, card)
    where = f"{folder.parent.name}/{folder.name}/{WEIGHTS}"
    try:
        state = safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError) as error:
        raise UserError(f"{where} cannot be read as safetensors ({error}).") from None
    with torch.device("meta"):  # no storage, no random weights: the file's take their place
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
    kinds = {k: v.dtype for k, v in model.state_dict().items()}
    model.load_state_dict({k: v.to(kinds[k]) for k, v in state.items()}, assign=True)
    return model.eval(), card


def save_checkpoint(
    folder: str | Path, model: Localizer, card: Card, dtype: torch.dtype = torch.float16
) -> Card:
    """Write a checkpoint; returns the card with hash, type and network options filled in.

    Args:
        folder: replaced as a whole if it is a checkpoint; see `foreign`.
        model: its weights are stored as `dtype`; integer buffers keep theirs.
        card: everything else.
        dtype: float16 halves the file; batch-norm statistics stay far inside its range.

    Raises:
        UserError: values that do not fit `dtype`, or a folder that may not or cannot be written.
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
    with replacing_folder(folder, foreign) as fresh:
        # The card comes first: by it a half-written folder is known as ours.
        (fresh / CARD).write_text(card.to_json(), encoding="utf-8")
        (fresh / README).write_text(render(card), encoding="utf-8")
        (fresh / WEIGHTS).write_bytes(data)
    return card


def foreign(folder: Path) -> str | None:
    """Something in a folder that is not a checkpoint's, or None; see `outputs.Foreign`.

    A checkpoint is a card of ours and, beside it, weights and README.
    """
    if found := strays(folder, (CARD, README, WEIGHTS).__contains__):
        return found[0]
    names = sorted(path.name for path in folder.iterdir() if path.name not in NOTES)
    if not names or _is_card(folder / CARD):
        return None
    return names[0]


def _is_card(path: Path) -> bool:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    wanted = {"schema_version", "backbone", "method", "classes", "sha256"}
    return isinstance(values, dict) and wanted <= values.keys()


def write_card(folder: str | Path, card: Card) -> bool:
    """Write card.json and README.md of a checkpoint whose weights stay as they are.

    README.md comes first, so that a run that is cut short is finished by the next one.

    Returns:
        Whether anything had to be written.

    Raises:
        UserError: the folder cannot be written; both files are whole then.
    """
    folder = settled(Path(folder))
    texts = {README: render(card), CARD: card.to_json()}
    stale = [name for name, text in texts.items() if _text(folder / name) != text]
    for name in stale:
        write_file(folder / name, texts[name])
    return bool(stale)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
