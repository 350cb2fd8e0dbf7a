"""What a run is measured by while it goes: pictures held out from training, never the test split.

In one process, also where several train: no picture counts twice,
and the numbers are one network's.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from dfm_viz.backbones import Localizer
from dfm_viz.localization import SIDE, best_iou, box_from_map, resize_box
from training.augment import Normalise
from training.loading import Squares

THRESHOLD = 0.2
IOU = 0.5
BATCH = 64


class Validation:
    """Top-1 and, where true boxes are known, GT-known localization of held-out pictures."""

    def __init__(self, squares: Squares, normalise: Normalise, workers: int) -> None:
        """Keep the pictures; `workers` processes read them if they are not in memory."""
        self.squares = squares
        self.normalise = normalise
        self.loader: DataLoader[Any] = DataLoader(
            squares,
            batch_size=BATCH,
            num_workers=workers if squares.kept is None else 0,
            collate_fn=_stack,
            generator=torch.Generator(),
        )

    @torch.inference_mode()
    def __call__(self, model: Localizer) -> dict[str, float]:
        """Percentages from 0 to 100; drawing modules are off. The network's mode is left to eval.

        `val_gt_known` (box of the true class at threshold .2, IoU at least .5) is over the pictures
        with a true box, and absent where no picture has one.
        """
        model.eval()
        right, hits = 0, []
        items = iter(self.squares.items)
        for squares, sizes in self.loader:
            chosen = [next(items) for _ in sizes]
            labels = torch.tensor([item.label for item in chosen])
            x = self.normalise(squares.to(self.normalise.mean.device))
            features = model.feature_map(x)
            right += int((model.logits(features).argmax(1).cpu() == labels).sum())
            maps = model.cam(features, labels.to(x.device)).float().cpu().numpy()
            for item, size, score_map in zip(chosen, sizes, maps, strict=True):
                truths = [resize_box(box, size, (SIDE, SIDE)) for box in item.boxes]
                if truths:
                    hits.append(best_iou(box_from_map(score_map, THRESHOLD), truths) >= IOU)
        scores = {"val_top1": 100 * right / len(self.squares)}
        return scores | ({"val_gt_known": 100 * float(np.mean(hits))} if hits else {})


def _stack(
    pairs: list[tuple[Tensor, tuple[int, int]]],
) -> tuple[Tensor, list[tuple[int, int]]]:
    squares, sizes = zip(*pairs, strict=True)
    return torch.stack(squares), list(sizes)
