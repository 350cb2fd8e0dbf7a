"""What a person sees of a run while it goes: validation, scalars, one line per epoch."""

import csv
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from dfm_viz.backbones import Localizer
from training.state import Progress


def validation(
    model: Localizer, pictures: Tensor, labels: Tensor, mean: object, std: object, device: str
) -> Callable[[], dict[str, float]]:
    """A function that measures Top-1 on held-out pictures, uint8 (n, 3, s, s), modules off."""
    shift, scale = (torch.tensor(v)[:, None, None] for v in (mean, std))

    @torch.inference_mode()
    def top1() -> dict[str, float]:
        model.eval()
        right = 0
        for x, y in zip(torch.split(pictures, 64), torch.split(labels, 64), strict=True):
            scores = model(((x.float() / 255 - shift) / scale).to(device))
            right += int((scores.argmax(1).cpu() == y).sum())
        return {"val_top1": 100 * right / len(labels)}

    return top1


def report(folder: Path, writer: SummaryWriter, progress: Progress, epochs: int) -> None:
    """Write the last row to TensorBoard, all rows to epochs.csv, and one line to the terminal."""
    row = progress.history[-1]
    for name, value in row.items():
        if name != "epoch":
            writer.add_scalar(name, value, progress.epochs)
    with (folder / "epochs.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(row))
        table.writeheader()
        table.writerows(progress.history)
    numbers = "  ".join(f"{k} {v:.2f}" for k, v in row.items() if k != "epoch")
    print(f"epoch {progress.epochs}/{epochs}  {numbers}  {progress.seconds:.0f} s", flush=True)
