"""The shipped ImageNet checkpoint, out of a weights file: a CAM head, no training."""

from pathlib import Path

from dfm_viz.backbones import create_model
from dfm_viz.checkpoint.card import Card, versions
from dfm_viz.checkpoint.imagenet import CLASSES, write
from dfm_viz.checkpoint.store import foreign
from dfm_viz.outputs import output_folder
from dfm_viz.provenance import commit
from training.weights import origin


def make(init_weights: Path, out: Path) -> Card:
    """Write the checkpoint.

    Args:
        init_weights: safetensors under timm's `mobilenetv1_100` names, 1000 classes.
        out: folder of the checkpoint.

    Raises:
        UserError: weights that do not fit, a folder that may not or cannot be written.
    """
    output_folder(out, foreign, reads=[init_weights])
    model = create_model("mobilenetv1", CLASSES, init=init_weights)
    start = origin(init_weights)
    return write(
        out,
        model,
        origin=start.description,
        terms=start.licence,
        licence="apache-2.0" if "Apache-2.0" in start.licence else "other",
        run={"commit": commit(), "versions": versions()},
    )
