"""The ImageNet CAM checkpoint: published weights with a CAM head, no training."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import skimage.data
import torch
from timm.data import ImageNetInfo  # type: ignore[attr-defined]

from dfm_viz.backbones import create_model, get_backbone
from dfm_viz.checkpoint import Card, load_checkpoint, save_checkpoint, write_card
from dfm_viz.pictures import to_input
from training.card import commit, versions
from training.weights import origin

CLASSES = 1000


def class_names() -> tuple[str, ...]:
    """1000 readable names in sorted-wnid order: WordNet's first word, made unique where needed."""
    info = ImageNetInfo()
    described = [info.index_to_description(i) for i in range(CLASSES)]
    first = [text.split(",")[0].strip() for text in described]
    often = Counter(first)
    names = [
        text if often[name] > 1 and "," in text else name
        for name, text in zip(first, described, strict=True)
    ]
    # Two synsets are called just "crane": the bird (134) and the machine (517).
    if names[134] == names[517]:
        names[134], names[517] = "crane (bird)", "crane (machine)"
    return tuple(names)


def make(init_weights: Path, out: Path) -> Card:
    """Write the checkpoint.

    Args:
        init_weights: safetensors under timm's `mobilenetv1_100` names, 1000 classes.
        out: folder of the checkpoint.

    Raises:
        UserError: weights that do not fit, a folder that cannot be written.
    """
    spec = get_backbone("mobilenetv1")
    model = create_model(spec.name, CLASSES, method="cam", init=init_weights)
    start = origin(init_weights)
    card = Card(
        name=f"{spec.name}_imagenet1k/cam",
        method="cam",
        backbone=spec.name,
        dataset="imagenet1k",
        knows="1000 ImageNet classes",
        classes=class_names(),
        points=(),
        params={},
        image_size=224,
        mean=spec.mean,
        std=spec.std,
        trained=False,
        init_weights=start.description,
        licences=(
            f"{start.licence} Stored as float16, otherwise unchanged.",
            "Class names: WordNet (Princeton University) through timm, Apache-2.0.",
        ),
        licence="apache-2.0" if "Apache-2.0" in start.licence else "other",
        run={"commit": commit(), "versions": versions()},
        notes=(
            "The last stride became a dilation (output stride 16), so that the last map is "
            "14 x 14 at 224 px; the weights were trained at output stride 32.",
            "Not evaluated on the ImageNet validation set here.",
        ),
    )
    card = save_checkpoint(out, model.eval(), card)
    card = dataclasses.replace(card, metrics={"spot_check": spot_check(out)})
    write_card(out, card)
    return card


def spot_check(folder: Path) -> dict[str, Any]:
    """What the written file says of three photographs that scikit-image ships: no benchmark."""
    model, card = load_checkpoint(folder)
    found: dict[str, Any] = {"source": "photographs of scikit-image; the stored file; not a score"}
    for name in ("chelsea", "coffee", "rocket"):
        rgb = getattr(skimage.data, name)()
        with torch.inference_mode():
            scores = model(to_input(rgb, card.image_size, mean=card.mean, std=card.std))
        best, index = scores.softmax(dim=1)[0].max(dim=0)
        found[name] = {"label": card.classes[int(index)], "score": round(float(best), 3)}
    return found
