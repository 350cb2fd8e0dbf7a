"""Random changes of training pictures, drawn from torch's global generator (see `loop`)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Beta
from torch.nn.functional import one_hot
from torchvision.transforms import v2

from training.recipe import AugmentPart


class Augment:
    """Crop, mirror and jitter each picture, then normalise the batch."""

    def __init__(
        self, part: AugmentPart, size: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        """Make the transforms for `size` x `size` inputs."""
        steps: list[v2.Transform] = [
            v2.RandomResizedCrop(size, scale=(part.scale, 1.0), antialias=True),
            v2.RandomHorizontalFlip(part.flip),
        ]
        if part.jitter:
            steps.append(v2.ColorJitter(part.jitter, part.jitter, part.jitter))
        self.each = v2.Compose(steps)
        self.mean = torch.tensor(mean)[:, None, None]
        self.std = torch.tensor(std)[:, None, None]

    def __call__(self, pictures: Tensor) -> Tensor:
        """uint8 (n, 3, s, s) to normalised float32 (n, 3, size, size), channels last."""
        squares = torch.stack([self.each(picture) for picture in pictures])
        scaled = (squares.float() / 255 - self.mean) / self.std
        return scaled.contiguous(memory_format=torch.channels_last)


def mixup(x: Tensor, labels: Tensor, classes: int, alpha: float) -> tuple[Tensor, Tensor]:
    """Blend each picture and its target with another of the batch (Zhang et al., ICLR 2018).

    Args:
        x: pictures (n, 3, h, w).
        labels: class indices (n,).
        classes: number of classes.
        alpha: of the symmetric beta distribution; 0 leaves the pictures alone.

    Returns:
        pictures and class probabilities (n, classes).
    """
    targets = one_hot(labels, classes).float()
    if alpha == 0:
        return x, targets
    share = float(Beta(alpha, alpha).sample())
    partner = torch.randperm(len(x))
    return share * x + (1 - share) * x[partner], share * targets + (1 - share) * targets[partner]
