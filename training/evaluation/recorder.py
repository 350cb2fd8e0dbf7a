"""Run a network over pictures and fill a store of records: in batches, over cores and processes."""

import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from dfm_viz.backbones import Localizer
from dfm_viz.checkpoint import Card
from dfm_viz.records import Record
from dfm_viz.types import Mode, UserError
from training.evaluation.judge import Answer, Case, Preprocessing, judge, read, use_one_core
from training.evaluation.network import MODES, answer
from training.evaluation.processes import Processes
from training.evaluation.storage import Store

BLOCK = 256
"""Pictures per piece of records: what an interrupted evaluation loses at most."""
WORTH_WORKERS = 128
"""With fewer pictures, starting workers takes longer than they save."""


@dataclass(frozen=True)
class Options:
    """How an evaluation is computed and kept; only `modes` and `maps` show in the records.

    Attributes:
        modes: test-time modes of DFM; `off` is always evaluated.
        batch: pictures per pass. Every pass has this many, so that numbers do not depend on the
            number of processes.
        workers: processes that read pictures and find boxes; None: one per core, or none of their
            own for a small set.
        device: where the network runs.
        records: folder for the records; None: they are thrown away.
        maps: keep the raw maps in the records.
    """

    modes: Sequence[Mode] = MODES
    batch: int = 32
    workers: int | None = None
    device: str = "cpu"
    records: Path | None = None
    maps: bool = False

    def __post_init__(self) -> None:
        """UserError for a number or a device that cannot be."""
        if not 1 <= self.batch <= 65_536:
            raise UserError(f"--batch must be from 1 to 65536, got {self.batch}.")
        if self.workers is not None and not 0 <= self.workers <= 1024:
            raise UserError(f"--workers must be from 0 to 1024, got {self.workers}.")
        if self.device != "cpu" and not torch.cuda.is_available():
            raise UserError(f"--device {self.device} is not available here; use --device cpu.")


class _Here(Executor):
    """An executor without workers: what is submitted is done at once."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it now."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except UserError as error:
            future.set_exception(error)
        return future


def executor(workers: int | None, pictures: int) -> Executor:
    """Worker processes for `judge` and `read`, or none: see `Options.workers`."""
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        workers = workers if pictures >= WORTH_WORKERS and workers > 1 else 0
    if workers == 0:
        return _Here()
    # Fresh processes: a copy of one that has threads (torch's) could hang.
    linux = sys.platform == "linux"
    context = multiprocessing.get_context("forkserver" if linux else "spawn")
    if linux:
        context.set_forkserver_preload(["training.evaluation.judge"])  # imported once for all
    return ProcessPoolExecutor(workers, context, initializer=use_one_core)


def record(
    model: Localizer,
    card: Card,
    cases: Sequence[Case],
    options: Options,
    modes: tuple[Mode, ...],
    store: Store | None,
    processes: Processes,
) -> None:
    """Fill the store, block by block; blocks that are there already are not computed again.

    Of every block, process r of N takes the pictures whose number is r modulo N; the first process,
    the only one with a store, collects the rows and writes them in order.

    Raises:
        UserError: an unreadable picture, a full disk: in every process.
    """
    starts = range(0, len(cases), BLOCK)
    have = processes.share([store.has(b) for b in range(len(starts))] if store else [])
    if all(have):
        return
    bar = tqdm(
        total=len(cases),
        initial=sum(
            min(BLOCK, len(cases) - s) for s, done in zip(starts, have, strict=True) if done
        ),
        desc=card.name,
        unit=" pictures",
        leave=False,
        disable=None if processes.first else True,
    )
    rank_of_mode = {str(mode): i for i, mode in enumerate(modes)}
    with bar, executor(options.workers, len(cases)) as pool:
        crew = _Crew(model, card, modes, min(options.batch, len(cases)), options.maps, pool)
        for number, (start, done) in enumerate(zip(starts, have, strict=True)):
            if done:
                continue
            block = cases[start : start + BLOCK]
            mine = [case for case in block if case.number % processes.count == processes.rank]
            rows, error = crew.judge_block(mine)
            processes.agree(error)
            gathered = [row for part in processes.gather(rows) for row in part]
            gathered.sort(key=lambda row: (row.number, rank_of_mode[row.mode]))
            if store is not None:
                try:
                    store.add(number, gathered)
                except UserError as found:
                    error = found
            processes.agree(error)
            bar.update(len(block))


@dataclass(frozen=True)
class _Crew:
    """The network and its helpers."""

    model: Localizer
    card: Card
    modes: tuple[Mode, ...]
    batch: int
    maps: bool
    pool: Executor

    def judge_block(self, cases: Sequence[Case]) -> tuple[list[Record], UserError | None]:
        """The records of some pictures, or what went wrong."""
        try:
            return self._judge_block(cases), None
        except UserError as error:
            return [], error
        except BrokenProcessPool:
            return [], UserError(
                "A worker process was stopped, often for lack of memory; give fewer --workers."
            )

    def _judge_block(self, cases: Sequence[Case]) -> list[Record]:
        batches = [cases[i : i + self.batch] for i in range(0, len(cases), self.batch)]
        reading = self._read(batches[0]) if batches else []
        judged: list[Future[list[Record]]] = []
        for number, batch in enumerate(batches):
            inputs = [future.result() for future in reading]
            if number + 1 < len(batches):  # read ahead while the network works
                reading = self._read(batches[number + 1])
            answers = self._ask([x for x, _, _ in inputs], [case.label for case in batch])
            for case, (_, width, height), said in zip(batch, inputs, answers, strict=True):
                judged.append(
                    self.pool.submit(
                        judge, case, (width, height), said, self.card.classes, self.maps
                    )
                )
        return [row for future in judged for row in future.result()]

    def _read(self, cases: Sequence[Case]) -> list[Future[Any]]:
        card = self.card
        how = Preprocessing(card.image_size, card.mean, card.std, card.interpolation)
        return [self.pool.submit(read, case, how) for case in cases]

    def _ask(self, inputs: list[Any], labels: list[int]) -> list[list[Answer]]:
        """Per picture, what the network says in every mode."""
        # A short batch is filled up: every pass has one shape, so that no number depends on how
        # many processes share the pictures.
        spare = self.batch - len(inputs)
        device = next(self.model.parameters()).device
        x = torch.from_numpy(np.stack([*inputs, *[inputs[0]] * spare])).to(device)
        wanted = torch.tensor(labels + [0] * spare, device=device)
        answers: list[list[Answer]] = [[] for _ in labels]
        for mode, (logits, own, known) in answer(self.model, x, wanted, self.modes).items():
            top = logits.argmax(dim=1, keepdim=True)
            score = torch.softmax(logits, dim=1).gather(1, top).flatten().tolist()
            chosen, maps, known_maps = top.flatten().tolist(), own.cpu(), known.cpu()
            for i, said in enumerate(answers):
                pair = maps[i].numpy(), known_maps[i].numpy()
                said.append(Answer(str(mode), chosen[i], score[i], *pair))
        return answers
