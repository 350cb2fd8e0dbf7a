"""Distillation: agreeing with a network that is already trained, on the very same pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from dfm_viz.backbones import Localizer, get_backbone
from dfm_viz.checkpoint import load_checkpoint
from dfm_viz.shapes import Logits
from dfm_viz.types import UserError
from training.recipe import Recipe


@dataclass(frozen=True)
class Teacher:
    """The network to agree with; it never changes.

    Attributes:
        model: in evaluation mode, its modules off, no parameter wants a gradient.
        told: name and SHA-256 of its weights, for the card and for resuming.
        temperature: divides both networks' logits.
        weight: share of the divergence in the loss, 0 to 1.
        mixed: whether it computes in bfloat16, as the student does.
        factor: with `shift`, takes the student's normalised pictures to the teacher's own
            normalisation, (3, 1, 1).
        shift: see `factor`.
    """

    model: Localizer
    told: dict[str, str]
    temperature: float
    weight: float
    mixed: bool
    factor: Tensor
    shift: Tensor

    @torch.no_grad()
    def logits(self, x: Tensor) -> Logits:
        """What it says of pictures (b, 3, H, W) as the student sees them, (b, classes) float32."""
        seen = (x * self.factor + self.shift).contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, self.mixed):
            scores: Logits = self.model(seen)
        return scores.float()

    def blend(self, loss: Tensor, scores: Sequence[Logits], x: Tensor) -> Tensor:
        """The loss of the labels, blended with the divergence of every head from the teacher.

        Args:
            loss: of the labels, summed over the heads.
            scores: the student's logits, (b, classes) for each head.
            x: the pictures that gave them, mixup included.
        """
        taught = self.logits(x)
        apart = [divergence(own, taught, self.temperature) for own in scores]
        return (1 - self.weight) * loss + self.weight * torch.stack(apart).sum()


def divergence(student: Logits, teacher: Logits, temperature: float) -> Tensor:
    """T^2 * KL(teacher || student) of the softmaxes at temperature T, mean over the batch."""
    own, taught = ((s / temperature).log_softmax(dim=1) for s in (student, teacher))
    return temperature**2 * kl_div(own, taught, reduction="batchmean", log_target=True)


def find_teacher(recipe: Recipe, classes: Sequence[str], device: torch.device) -> Teacher | None:
    """The teacher that a recipe names, ready on a device; None if it names none.

    Raises:
        UserError: no checkpoint there, a damaged one, other classes, another size of pictures.
    """
    part = recipe.teacher
    if not part.distil:
        return None
    model, card = load_checkpoint(Path(part.distil))
    if tuple(card.classes) != tuple(classes):
        raise UserError(
            f"distil needs a teacher with the data's {len(classes)} classes in their order, but "
            f"{card.name} knows {len(card.classes)} that differ; give another folder."
        )
    if card.image_size != recipe.data.image_size:
        raise UserError(
            f"distil needs a teacher for pictures of image_size {recipe.data.image_size}, but "
            f"{card.name} takes {card.image_size}; override it as image_size={card.image_size}."
        )
    spec = get_backbone(recipe.model.backbone)
    mean, std, own_mean, own_std = (
        torch.tensor(values, device=device)[:, None, None]
        for values in (card.mean, card.std, spec.mean, spec.std)
    )
    model.requires_grad_(False).to(device).to(memory_format=torch.channels_last)
    return Teacher(
        model,
        {"name": card.name, "sha256": card.sha256},
        part.temperature,
        part.weight,
        recipe.optim.precision == "bfloat16",
        own_std / std,
        (own_mean - mean) / std,
    )
