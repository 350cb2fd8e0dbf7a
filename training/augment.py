"""Random changes of training pictures; each picture's are a function of seed, epoch and index."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torchvision.transforms import v2

from training.order import Step, derive
from training.recipe_parts import AugmentPart


class Augment:
    """Crop, mirror and jitter one picture."""

    def __init__(self, part: AugmentPart, size: int, seed: int) -> None:
        """Make the transforms for `size` x `size` inputs of a run with this seed."""
        steps: list[v2.Transform] = [
            v2.RandomCrop(size)
            if part.crop == "fixed"
            else v2.RandomResizedCrop(size, scale=(part.scale, 1.0), antialias=True),
            v2.RandomHorizontalFlip(part.flip),
        ]
        if part.jitter:
            steps.append(v2.ColorJitter(part.jitter, part.jitter, part.jitter))
        self.change = v2.Compose(steps)
        self.seed = seed

    def __call__(self, square: Tensor, epoch: int, index: int) -> Tensor:
        """uint8 (3, s, s) to uint8 (3, size, size).

        Takes torch's default generator to its own place; `loading` brings it back.
        """
        torch.default_generator.manual_seed(derive(self.seed, epoch, index, "augment"))
        changed: Tensor = self.change(square)
        return changed


class Normalise:
    """uint8 pictures (n, 3, h, w) to normalised float32, channels last, where they lie."""

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], device: torch.device | str = "cpu"
    ) -> None:
        """Keep mean and standard deviation per channel, for pictures scaled to [0, 1]."""
        self.mean = torch.tensor(mean, device=device)[:, None, None]
        self.std = torch.tensor(std, device=device)[:, None, None]

    def __call__(self, pictures: Tensor) -> Tensor:
        """Normalise a batch that lies on the device given."""
        scaled = (pictures.float() / 255 - self.mean) / self.std
        return scaled.contiguous(memory_format=torch.channels_last)


def blend(x: Tensor, labels: Tensor, classes: int, step: Step) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al., ICLR 2018): blend each picture and its target with its partner's.

    Args:
        x: the pictures at `step.positions`, (m, 3, h, w).
        labels: class indices of the global batch, (n,).
        classes: number of classes.
        step: whose part of the batch this is, and how it is blended.

    Returns:
        this process's pictures and their class probabilities (own, classes).
    """
    targets = one_hot(labels, classes).float()
    if step.mixup is None:
        return x, targets[step.own]
    own, partner = torch.arange(len(labels))[step.own], step.mixup.partner[step.own]
    at, beside = (torch.searchsorted(step.positions, p).to(x.device) for p in (own, partner))
    share = step.mixup.share
    return (
        share * x[at] + (1 - share) * x[beside],
        share * targets[own] + (1 - share) * targets[partner],
    )
