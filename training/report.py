"""What a person sees of a run while it goes: scalars, example pictures, one line per epoch."""

import csv
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from dfm_viz.backbones import Localizer
from dfm_viz.boxes import scale_box
from dfm_viz.localization import SIDE, box_from_map, normalise
from dfm_viz.types import Box, UserError
from training.augment import Normalise
from training.loading import Squares
from training.state import Progress
from training.validation import THRESHOLD

EXAMPLES = 8
PREDICTED, TRUE = (60, 220, 60), (255, 255, 255)
"""Colours (R, G, B) of the boxes on the example pictures."""


def report(folder: Path, writer: SummaryWriter, progress: Progress, epochs: int) -> None:
    """Write the last row to TensorBoard, all rows to epochs.csv, and one line to the terminal.

    Raises:
        UserError: the folder cannot be written.
    """
    row = progress.history[-1]
    try:
        for name, value in row.items():
            if name != "epoch":
                writer.add_scalar(name, value, progress.epochs)
        writer.flush()
        with (folder / "epochs.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, fieldnames=list(row))
            table.writeheader()
            table.writerows(progress.history)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}); free space, the same command goes on "
            f"from epoch {progress.epochs}."
        ) from None
    numbers = "  ".join(f"{k} {v:.2f}" for k, v in row.items() if k != "epoch")
    print(f"epoch {progress.epochs}/{epochs}  {numbers}  {progress.seconds:.0f} s", flush=True)


class Examples:
    """The same few pictures every epoch, with the map and box of their true class."""

    def __init__(self, squares: Squares, normalise: Normalise, size: int) -> None:
        """Choose pictures that are spread over the split; `size` is the network's input, px."""
        count = min(EXAMPLES, len(squares))
        self.chosen = [n * len(squares) // count for n in range(count)]
        self.squares, self.normalise, self.size = squares, normalise, size

    @torch.inference_mode()
    def __call__(self, model: Localizer) -> NDArray[np.uint8]:
        """The pictures side by side, two rows, (rows, columns, 3): predicted box green, true white.

        The network is left in evaluation mode.
        """
        model.eval()
        tiles = []
        for index in self.chosen:
            square, size = self.squares[index]
            item = self.squares.items[index]
            image = square.permute(1, 2, 0).numpy()
            rgb = cv2.resize(image, (self.size, self.size)).astype(np.uint8)
            x = torch.from_numpy(rgb).permute(2, 0, 1)[None].to(self.normalise.mean.device)
            features = model.feature_map(self.normalise(x))
            label = torch.tensor([item.label], device=x.device)
            score_map = model.cam(features, label)[0].float().cpu().numpy()
            tiles.append(_tile(rgb, score_map, [(box, size) for box in item.boxes]))
        blank = np.zeros_like(tiles[0])
        half = -(-len(tiles) // 2)
        rows = [tiles[:half], [*tiles[half:], *[blank] * (2 * half - len(tiles))]]
        return np.concatenate([np.concatenate(row, axis=1) for row in rows if row], axis=0)


def _tile(
    rgb: NDArray[np.uint8],
    score_map: NDArray[np.float32],
    truths: Sequence[tuple[Box, tuple[int, int]]],
) -> NDArray[np.uint8]:
    side = len(rgb)
    # The interpolated map is clipped: bicubic leaves [0, 1] a little.
    smooth = cv2.resize(normalise(score_map), (side, side), interpolation=cv2.INTER_CUBIC)
    heat = cv2.applyColorMap((255 * smooth.clip(0, 1)).astype(np.uint8), cv2.COLORMAP_JET)
    tile = cv2.addWeighted(rgb, 0.5, cv2.cvtColor(heat, cv2.COLOR_BGR2RGB), 0.5, 0)
    boxes = [(TRUE, scale_box(box, size, (side, side))) for box, size in truths]
    found = scale_box(box_from_map(score_map, THRESHOLD), (SIDE, SIDE), (side, side))
    for colour, box in [*boxes, (PREDICTED, found)]:
        x0, y0, x1, y1 = (round(v) for v in box)
        cv2.rectangle(tile, (x0, y0), (x1, y1), colour, 2)
    return tile.astype(np.uint8)
