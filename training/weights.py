"""Files of initial weights whose origin is known, recognised by their hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dfm_viz.backbones.weights import weights_file
from dfm_viz.checkpoint import CARD, read_card
from dfm_viz.checkpoint.store import WEIGHTS
from dfm_viz.types import UserError


@dataclass(frozen=True)
class Origin:
    """Where initial weights come from, and under which licence, one phrase each."""

    description: str
    licence: str


KNOWN = {
    "cd34f1d8da0504d99b888900ec49f3f7b17e145f615897ea3c1daf4f30b64d97": Origin(
        "TF-Slim MobileNetV1 1.0 224, ImageNet-1k, under timm's mobilenetv1_100 key names",
        "Initial ImageNet weights: TensorFlow-Slim, Apache-2.0.",
    )
}


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of a checkpoint's weights; UserError if it is missing."""
    path = weights_file(path)
    if not path.is_file():
        raise UserError(f"There is no weights file {path}; give the path of a safetensors file.")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def origin(path: Path) -> Origin:
    """What is known about a file of weights or a checkpoint; what is unknown is said to be."""
    digest = file_hash(path)
    path = weights_file(path)
    if path.name == WEIGHTS and (path.parent / CARD).is_file():
        card = read_card(path.parent)
        if card.sha256 == digest:
            start = f", which started from: {card.init_weights}" if card.init_weights else ""
            known = f"the checkpoint {card.name} (SHA-256 {digest}){start}"
            return Origin(known, " ".join(card.licences))
    return KNOWN.get(
        digest,
        Origin(
            f"a file given by the user (SHA-256 {digest})",
            "Initial weights: under the terms of the file that the user gave.",
        ),
    )
