"""What goes into the card of a checkpoint that was trained here."""

import platform
import re
from pathlib import Path
from typing import Any

import torch

from dfm_viz.backbones import get_backbone
from dfm_viz.checkpoint.card import Card, versions
from dfm_viz.checkpoint.imagenet import PUBLISHED
from dfm_viz.methods import get_method
from dfm_viz.provenance import commit
from training.data import DataSet
from training.loop import Trained
from training.recipe import Recipe
from training.recipe_parts import DataPart
from training.weights import Origin, origin

OVERLAP = (
    "ImageNet pre-training saw some photographs that also occur in the CUB test split; "
    "scores on CUB are slightly optimistic for every method alike."
)


def machine(device: str, processes: int) -> str:
    """What computed: kind of processor or GPU, threads of each process, number of processes."""
    cuda = device.startswith("cuda") and torch.cuda.is_available()
    kind = torch.cuda.get_device_name() if cuda else platform.machine()
    several = f", {processes} processes" if processes > 1 else ""
    return f"{device} ({kind}), {torch.get_num_threads()} threads{several}"


def describe(
    recipe: Recipe,
    data: DataSet,
    trained: Trained,
    init_weights: Path | None = None,
    folder: Path | None = None,
) -> Card:
    """The card of a finished run, without scores.

    What the recipe says of its data stands there if it can be about these data; else what the data
    themselves say. `folder` is the checkpoint's: in its family's folder it may have a name of its
    own, as `dfm_add`; anywhere else the card takes the method's.
    """
    spec, method = get_backbone(recipe.model.backbone), get_method(recipe.model.method)
    said = recipe.data if _is_about(recipe.data, data) else None
    dataset = (said and said.family) or data.family
    family = f"{recipe.model.backbone}_{dataset}"
    own = folder is not None and folder.resolve().parent.name == family
    name = f"{family}/{folder.name if folder is not None and own else method.name}"
    if init_weights is not None:
        start = origin(init_weights)
    elif recipe.model.init == "imagenet":
        published = PUBLISHED[recipe.model.backbone]
        start = Origin(published.origin, published.terms)
    else:
        start = Origin("random", "")
    notes = list(said.notes if said else ())
    if recipe.data.name == "cub" and recipe.model.init != "none":
        notes.append(OVERLAP)
    if method.name in ("acol", "abn") and spec.heads.separable:
        notes.append(
            f"The 3 x 3 convolutions that {method.title} adds are depthwise-separable with "
            f"{spec.heads.width} channels here, not 1024 full ones: our choice, for a small file."
        )
    if recipe.optim.settle_epochs:
        notes.append(
            f"The last {recipe.optim.settle_epochs} of {recipe.optim.epochs} epochs ran with the "
            f"inserted modules off, so that batch statistics and head fit the network as evaluated."
        )
    return Card(
        name=name,
        method=method.name,
        backbone=spec.name,
        dataset=dataset,
        knows=(said and said.knows) or data.knows,
        classes=data.classes,
        points=recipe.model.points,
        params=recipe.params.to_dict() if recipe.params else {},
        image_size=recipe.data.image_size,
        mean=spec.mean,
        std=spec.std,
        init_weights=start.description,
        licences=tuple(text for text in (data.licence, start.licence) if text),
        recipe=recipe.to_dict(),
        run={
            "commit": commit(),
            "train_pictures": trained.train_pictures,
            "data_fingerprint": trained.data_fingerprint,
            "selection": trained.selection,
            **({"teacher": dict(trained.teacher)} if trained.teacher else {}),
            "versions": versions(),
            "machine": machine(trained.device, trained.processes),
            "wall_seconds": round(trained.progress.seconds),
            "last_epoch": trained.progress.history[-1],
        },
        notes=tuple(notes),
    )


def _is_about(part: DataPart, data: DataSet) -> bool:
    """Whether a recipe's words can be about these data: "27 birds only" is about 27 classes."""
    count = re.match(r"\d+", part.knows)
    return count is None or int(count[0]) == len(data.classes)


def summarise(scores: dict[str, Any], command: str, seeds: int = 1) -> dict[str, Any]:
    """An evaluation as it stands in a card: the scores, how many seeds, and the command."""
    return {**scores, "seeds": seeds, "weights": "the shipped float16 file", "command": command}
