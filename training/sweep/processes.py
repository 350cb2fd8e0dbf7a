"""Runs of a sweep as processes of their own, several at a time where devices allow."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from queue import SimpleQueue

import torch

from dfm_viz.types import UserError
from training.epoch import DIVERGED
from training.sweep.cells import Cell, Job


def trained(todo: Sequence[Cell], job: Job) -> Iterator[Cell]:
    """Run the cells, `parallel` at a time; yields each when it has ended.

    Raises:
        UserError: a run failed otherwise than by diverging; its log is named.
    """
    slots: SimpleQueue[int] = SimpleQueue()
    for slot in range(job.parallel):
        slots.put(slot)

    def one(cell: Cell) -> Cell:
        slot = slots.get()
        try:
            _fit(cell, job, slot)
        finally:
            slots.put(slot)
        return cell

    with ThreadPoolExecutor(job.parallel) as pool:
        waiting: set[Future[Cell]] = {pool.submit(one, cell) for cell in todo}
        try:
            while waiting:
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
        finally:
            for future in waiting:
                future.cancel()


def _fit(cell: Cell, job: Job, slot: int) -> None:
    words = [
        *(sys.executable, "-m", "training", "fit", job.recipe, *cell.row.overrides),
        *(*job.overrides, f"seed={cell.seed}"),
        *("--data-root", str(job.data_root), "--out", str(cell.out), "--device", job.device),
        *("--split", cell.split),
    ]
    if job.init_weights is not None:
        words += ["--init-weights", str(job.init_weights)]
    if job.threads:
        words += ["--threads", str(job.threads)]
    env = dict(os.environ)
    if job.device != "cpu" and torch.cuda.device_count() > 1:
        env["CUDA_VISIBLE_DEVICES"] = str(slot % torch.cuda.device_count())
    cell.log.parent.mkdir(parents=True, exist_ok=True)
    with cell.log.open("a", encoding="utf-8") as file:
        code = subprocess.run(words, stdout=file, stderr=subprocess.STDOUT, env=env).returncode
    if code:
        told = cell.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] or [
            ""
        ]
        if code == DIVERGED:
            cell.mark_diverged(told[0].removeprefix("error: "))
            return
        raise UserError(
            f"The run {cell.row.name}, seed {cell.seed}, failed ({told[0]}); see {cell.log}. What "
            f"is finished is kept; the same command goes on from here."
        )
