"""What the first process does at the end of every epoch: measure, choose, save, tell."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from training.data import Item
from training.epoch import Trainer
from training.loading import Squares
from training.report import Examples, report
from training.state import Run, save_state
from training.timeline import TimelineWriter
from training.validation import Validation


class Watch:
    """Validation, choice of the best epoch, state, TensorBoard, epochs.csv."""

    def __init__(
        self,
        run: Run,
        trainer: Trainer,
        folder: Path,
        identity: dict[str, Any],
        held_out: Sequence[Item],
        timeline: TimelineWriter | None = None,
    ) -> None:
        """Read the validation pictures and open the logs; UserError if that cannot be."""
        self.recipe, self.run, self.folder, self.identity = trainer.recipe, run, folder, identity
        part, normalise, loader = trainer.recipe.data, trainer.normalise, trainer.loader
        shown, self.validate = loader.squares, None
        if held_out:
            shown = Squares(held_out, part.image_size, part.cache)
            self.validate = Validation(shown, normalise, loader.workers)
        self.examples = Examples(shown, normalise, part.image_size)
        self.timeline = timeline
        if timeline is not None and not run.progress.epochs:
            timeline.add(0, run.shown)
        self.writer = SummaryWriter(str(folder), purge_step=run.progress.epochs)

    def after(self, row: dict[str, float], seconds: float) -> None:
        """Finish an epoch whose training gave the numbers `row` in `seconds`.

        Raises:
            UserError: a picture that cannot be read, a folder that cannot be written; the state of
                the epoch before is intact then.
        """
        run, progress, began = self.run, self.run.progress, time.perf_counter()
        if self.validate is not None:
            row = row | self.validate(run.shown)
        progress.seconds += seconds + time.perf_counter() - began
        progress.epochs += 1
        progress.history.append(row)
        by = self.recipe.select.by
        if by != "last" and (not progress.best_epoch or row[f"val_{by}"] > progress.best_score):
            progress.best_epoch, progress.best_score = progress.epochs, row[f"val_{by}"]
            run.best = {k: v.detach().cpu().clone() for k, v in run.shown.state_dict().items()}
        if self.timeline is not None:
            self.timeline.add(progress.epochs, run.shown)
        save_state(self.folder, run, self.identity)
        pictures = self.examples(run.shown)
        self.writer.add_image("examples", pictures, progress.epochs, dataformats="HWC")
        report(self.folder, self.writer, progress, self.recipe.optim.epochs)

    def close(self) -> None:
        """Close the logs."""
        self.writer.close()
