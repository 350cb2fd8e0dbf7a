"""ImageNet families out of the weights that torchvision and timm publish: a CAM head, no training.

Nothing is fetched unless somebody asks for it with `python -m dfm_viz fetch`.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import skimage.data
import torch
from timm.data import ImageNetInfo  # type: ignore[attr-defined]

from dfm_viz.backbones import Localizer, create_model, get_backbone
from dfm_viz.checkpoint.card import Card, versions
from dfm_viz.checkpoint.store import load_checkpoint, save_checkpoint, write_card
from dfm_viz.files import new_folder
from dfm_viz.outputs import output_folder
from dfm_viz.pictures import to_input
from dfm_viz.types import UserError

CLASSES = 1000
CRANES = {"n02012849": "bird", "n03126707": "machine"}
NOT_EVALUATED = "Not evaluated on the ImageNet validation set here."
"""The note that goes once scores are on the card."""
_TORCHVISION = (
    "ImageNet weights: published by torchvision (library: BSD-3-Clause), which says that "
    "pre-trained models may have terms of their own derived from the data they were trained on; "
    "ImageNet's pictures are given out for non-commercial research and education."
)
_SAME_STRIDE = (
    "The last stage's stride became 1, without dilation, so that the last map is 14 x 14 at "
    "224 px; the weights were trained with stride 2, so answers differ from the published "
    "network's."
)


@dataclass(frozen=True)
class Published:
    """ImageNet weights that a library publishes for a backbone.

    Attributes:
        origin: what they are, one phrase.
        terms: under what they are given, one sentence or two.
        licence: as a Hugging Face licence id; `other` where `terms` tell.
        change: what is different from the network that they were trained in.
        options: how the backbone is built for them.
        image_size: side of the input that gives a 14 x 14 map, px.
    """

    origin: str
    terms: str
    licence: str
    change: str
    options: Mapping[str, Any] = field(default_factory=dict)
    image_size: int = 224


PUBLISHED: dict[str, Published] = {
    "mobilenetv1": Published(
        origin="timm's mobilenetv1_100.ra4_e3600_r224_in1k, trained on ImageNet-1k",
        terms="ImageNet weights: published with timm, Apache-2.0.",
        licence="apache-2.0",
        change="The last stride became a dilation (output stride 16), so that the last map is "
        "14 x 14 at 224 px; the weights were trained at output stride 32.",
    ),
    "resnet50": Published(
        origin="torchvision's ResNet50_Weights.IMAGENET1K_V1, trained on ImageNet-1k",
        terms=_TORCHVISION,
        licence="other",
        change=_SAME_STRIDE,
    ),
    "resnet101": Published(
        origin="torchvision's ResNet101_Weights.IMAGENET1K_V1, trained on ImageNet-1k",
        terms=_TORCHVISION,
        licence="other",
        change=_SAME_STRIDE,
    ),
    # The convolution of VGG16's CAM head is nobody's to download; the classifier is.
    "vgg16": Published(
        origin="torchvision's VGG16_Weights.IMAGENET1K_V1, trained on ImageNet-1k",
        terms=_TORCHVISION,
        licence="other",
        change="This is not the CAM head of the WSOL papers, for which there are no published "
        "weights: the published fully connected layers slide over the picture as convolutions, as "
        "in VGG's own dense evaluation. Each of the 14 x 14 cells at 448 px answers for the "
        "224 px around it (zeros beyond the edge), so maps are coarse, and the class is that of "
        "the mean over all cells, which may differ from the published network's.",
        options={"dense": True},
        image_size=448,
    ),
}
"""Backbone -> its published weights."""


def names() -> tuple[str, ...]:
    """What `fetch` knows, such as resnet50_imagenet1k."""
    return tuple(f"{backbone}_imagenet1k" for backbone in PUBLISHED)


def fetch(name: str, out: Path) -> Path:
    """Download a backbone's ImageNet weights and make a family of one CAM checkpoint of them.

    Args:
        name: one of `names()`.
        out: the family's folder, new or empty.

    Returns:
        That folder.

    Raises:
        UserError: unknown name, something in the folder, no network, a folder that cannot be
            written; nothing is left behind then.
    """
    if name not in names():
        raise UserError(
            f"There is nothing called {name!r} to fetch; choose from {', '.join(names())}, or a "
            f"Hugging Face repository as hf:OWNER/NAME@COMMIT."
        )
    output_folder(out)
    backbone = name.removesuffix("_imagenet1k")
    published = PUBLISHED[backbone]
    model = create_model(backbone, CLASSES, init="imagenet", options=published.options)
    with new_folder(out) as family:
        write(
            family / "cam",
            model,
            origin=published.origin,
            terms=published.terms,
            licence=published.licence,
            run={"versions": versions()},
        )
    return out


def write(
    folder: Path,
    model: Localizer,
    *,
    origin: str,
    terms: str,
    licence: str,
    run: Mapping[str, Any],
) -> Card:
    """Write a network with ImageNet weights as a CAM checkpoint, with a spot check on its card.

    Args:
        folder: of the checkpoint; see `save_checkpoint`.
        model: of a backbone in `PUBLISHED`, with 1000 classes.
        origin: where the weights come from, one phrase.
        terms: under what they are given.
        licence: as a Hugging Face licence id.
        run: for the card's field of that name.

    Raises:
        UserError: weights that float16 cannot hold, a folder that cannot be written.
    """
    spec, published = get_backbone(model.backbone), PUBLISHED[model.backbone]
    card = Card(
        name=f"{spec.name}_imagenet1k/cam",
        method="cam",
        backbone=spec.name,
        dataset="imagenet1k",
        knows="1000 ImageNet classes",
        classes=class_names(),
        points=(),
        params={},
        image_size=published.image_size,
        mean=spec.mean,
        std=spec.std,
        trained=False,
        init_weights=origin,
        licences=(
            f"{terms} Stored as float16, otherwise unchanged.",
            "Class names: WordNet (Princeton University) through timm, Apache-2.0.",
        ),
        licence=licence,
        run=run,
        notes=(published.change, NOT_EVALUATED),
    )
    card = save_checkpoint(folder, model.eval(), card)
    card = dataclasses.replace(card, metrics={"spot_check": spot_check(folder)})
    write_card(folder, card)
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


def class_names() -> tuple[str, ...]:
    """The 1000 classes in the order of the head, which is that of the sorted WordNet ids."""
    info = ImageNetInfo()
    described = {info.index_to_label_name(i): info.index_to_description(i) for i in range(CLASSES)}
    return tuple(short_names(described).values())


def short_names(described: Mapping[str, str]) -> dict[str, str]:
    """WordNet id -> a readable name of its own, out of WordNet's "tench, Tinca tinca".

    The first word; where several share it the whole text; where that is shared too the id is added
    (but for ImageNet's two cranes, the bird and the machine).
    """
    first = {wnid: text.split(",")[0].strip() or wnid for wnid, text in described.items()}
    often = Counter(first.values())
    names = {
        wnid: described[wnid] if often[name] > 1 and "," in described[wnid] else name
        for wnid, name in first.items()
    }
    same = Counter(names.values())
    return {
        wnid: f"{name} ({CRANES.get(wnid, wnid)})" if same[name] > 1 else name
        for wnid, name in names.items()
    }
