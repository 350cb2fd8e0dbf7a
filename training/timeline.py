"""Keeping the maps of a few pictures after every epoch; `dfm_viz.timeline` is the file's format."""

import hashlib
from pathlib import Path

import safetensors
import torch
from torch import Tensor

from dfm_viz.backbones import Localizer, get_backbone
from dfm_viz.files import replacing_file
from dfm_viz.layouts import files_in
from dfm_viz.pictures import read_picture, to_input
from dfm_viz.timeline import TimelinePicture, empty_timeline, read_timeline, write_timeline
from dfm_viz.types import UserError
from training.recipe import Recipe

TIMELINE = "timeline.safetensors"
MOST = 32
"""So many pictures at most: the file is for a page."""


class TimelineWriter:
    """One file in the run's folder, replaced as a whole after every epoch."""

    def __init__(
        self, pictures: Path, folder: Path, recipe: Recipe, classes: tuple[str, ...], done: int
    ) -> None:
        """Read the pictures of a folder; take up the file there, up to `done` epochs.

        Raises:
            UserError: no pictures, too many, an unreadable one, or a file with other pictures.
        """
        names = files_in(pictures)
        if not names or len(names) > MOST:
            raise UserError(
                f"--timeline must be a folder with 1 to {MOST} pictures, got {len(names)} in "
                f"{pictures}."
            )
        spec = get_backbone(recipe.model.backbone)
        read = [read_picture(path) for path in names]
        size = recipe.data.image_size
        self.inputs: Tensor = torch.cat(
            [to_input(picture.rgb, size, mean=spec.mean, std=spec.std) for picture in read]
        )
        about = [
            TimelinePicture(p.name, hashlib.sha256(p.read_bytes()).hexdigest(), r.width, r.height)
            for p, r in zip(names, read, strict=True)
        ]
        self.path = folder / TIMELINE
        self.line = empty_timeline(recipe.title, recipe.model.method, classes, about)
        if done and self.path.exists():
            old = read_timeline(self.path)
            if old.pictures != self.line.pictures:
                raise UserError(
                    f"{self.path} holds other pictures than {pictures}; give the same folder, or "
                    f"delete the file to begin a new timeline here."
                )
            self.line = old.until(done)

    @torch.inference_mode()
    def add(self, epoch: int, model: Localizer) -> None:
        """Add what `model` says after `epoch` epochs; it is left in evaluation mode.

        Raises:
            UserError: the file cannot be written; the earlier one is intact then.
        """
        model.eval()
        features = model.feature_map(self.inputs.to(next(model.parameters()).device))
        scores, top = model.logits(features).softmax(1).max(1)
        maps = model.cam(features, top)
        found = (tensor.float().cpu().numpy() for tensor in (maps, top, scores))
        self.line = self.line.until(epoch - 1).appended(epoch, *found)
        try:
            with replacing_file(self.path) as fresh:
                write_timeline(fresh, self.line)
        except safetensors.SafetensorError as error:
            raise UserError(f"{self.path} cannot be written ({error}); free space.") from None
