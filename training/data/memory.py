"""Pictures decoded once and kept in memory as small squares, so that loading is never the limit."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from dfm_viz.pictures import read_picture
from training.data.base import Item


def decode(items: Sequence[Item], side: int) -> tuple[Tensor, Tensor]:
    """Read every picture, squash it to side x side as the app's preprocessing does.

    Returns:
        uint8 (n, 3, side, side) and labels (n,).

    Raises:
        UserError: a picture that cannot be read, by name.
    """
    pictures = torch.empty(len(items), 3, side, side, dtype=torch.uint8)
    for n, item in enumerate(
        tqdm(items, desc="reading pictures", unit="", leave=False, disable=None)
    ):
        picture = Image.fromarray(read_picture(item.path).rgb)
        square = picture.resize((side, side), Image.Resampling.BILINEAR)
        pictures[n] = torch.from_numpy(np.array(square)).permute(2, 0, 1)
    return pictures, torch.tensor([item.label for item in items])
