"""One training run: from a recipe and a data root to a network, resumable after every epoch.

Every random number is derived from (seed, epoch, ...), see `order`, so a run that was killed
repeats the broken epoch and, on the CPU with the same thread count, ends with the same bits.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dfm_viz.backbones import Localizer, get_backbone
from dfm_viz.types import UserError
from training.augment import Augment, Normalise
from training.build import build, synchronise
from training.data import DataSet, Item, check_dataset, fingerprint
from training.distil import Teacher, find_teacher
from training.distributed import alone, local_processes, make_fabric, on_first
from training.epoch import DivergedError, Forward, Trainer
from training.loading import Loader, Squares, worker_count
from training.order import check_batch
from training.recipe import Recipe
from training.schedule import make_optimizer
from training.state import Progress, Run, check_out, prepare, read_state, run_folder
from training.timeline import TimelineWriter
from training.watch import Watch
from training.weights import file_hash

__all__ = ["DivergedError", "Trained", "build", "fit", "run_folder"]

NO_RESULT = ("cache", "workers")
"""Fields of `[data]` that change no result: a resumed run may have other values."""


@dataclass(frozen=True)
class Trained:
    """The outcome of a run.

    Attributes:
        model: the network to ship, in evaluation mode.
        progress: the run's history.
        data_fingerprint: hash of the training pictures' names, sizes, labels and boxes.
        train_pictures: how many there are.
        selection: how the shipped weights were chosen, in words.
        device: `cpu` or `cuda`.
        processes: how many trained it together.
        teacher: what the card says of the network that was distilled; empty without one.
    """

    model: Localizer
    progress: Progress
    data_fingerprint: str
    train_pictures: int
    selection: str = "none: the last epoch"
    device: str = "cpu"
    processes: int = 1
    teacher: Mapping[str, str] = field(default_factory=dict)


def fit(
    recipe: Recipe,
    data: DataSet,
    out: Path,
    *,
    init_weights: Path | None = None,
    device: str = "cpu",
    timeline: Path | None = None,
    after_epoch: Callable[[int], None] | None = None,
) -> Trained:
    """Train, or take up a run that was stopped; under `torchrun` every process calls this.

    Args:
        recipe: everything that decides the result.
        data: what `open_dataset` found.
        out: folder of the checkpoint to be; state and logs go to `run_folder(out)`.
        init_weights: safetensors file, needed if and only if the recipe says `init = "file"`.
        device: where to compute: `cpu`, `cuda` or `auto`.
        timeline: folder of pictures whose maps are kept after every epoch (see `timeline`).
        after_epoch: called with the number of finished epochs, once their state is on disk.

    Raises:
        UserError: data, weights or a state that do not fit, a folder that may not or cannot be
            written (see `dfm_viz.outputs`).
        DivergedError: a loss that is not finite, or hopeless after the warm-up.
    """
    check_out(out, data.root, init_weights, timeline)
    _check_classes(data)
    fabric = make_fabric(device)
    check_batch(recipe.optim.batch, fabric.world_size)
    train, held_out = _splits(recipe, data)
    seen = fingerprint(data.root, train)
    teacher = find_teacher(recipe, data.classes, fabric.device)
    run, forward = _start(recipe, len(data.classes), init_weights, fabric)
    folder, identity = run_folder(out), _identity(recipe, seen, init_weights, teacher)
    on_first(lambda: prepare(folder))
    if found := on_first(lambda: read_state(folder, identity), share=True):
        run.restore(*found)
    done = run.progress.epochs
    if done < recipe.optim.epochs:
        on_first(lambda: check_dataset(data))
        trainer = _trainer(recipe, fabric, forward, train, teacher)

        def begin() -> Watch:
            line = None
            if timeline is not None:
                line = TimelineWriter(timeline, folder, recipe, data.classes, done)
            return Watch(run, trainer, folder, identity, held_out, line)

        watch = on_first(begin)
        finish = watch.after if watch is not None else _nothing
        for epoch in range(done, recipe.optim.epochs):
            began = time.perf_counter()
            row = trainer.epoch(run, epoch)
            on_first(partial(finish, row, time.perf_counter() - began))
            if after_epoch is not None:
                after_epoch(epoch + 1)
        if watch is not None:
            watch.close()
    return _finish(recipe, run, fabric, seen, len(train), teacher)


def _nothing(row: dict[str, float], seconds: float) -> None:
    """What the other processes do when an epoch ends."""


def _trainer(
    recipe: Recipe,
    fabric: Fabric,
    forward: torch.nn.Module,
    train: Sequence[Item],
    teacher: Teacher | None,
) -> Trainer:
    spec, part = get_backbone(recipe.model.backbone), recipe.data
    on_gpu, quiet = fabric.device.type == "cuda", not fabric.is_global_zero
    workers = worker_count(part, on_gpu, local_processes(), len(train))
    squares = alone(lambda: Squares(train, part.decode_side, part.cache, quiet))
    augment = Augment(recipe.augment, part.image_size, recipe.seed)
    return Trainer(
        recipe,
        fabric,
        fabric.setup_module(forward),
        Loader(squares, augment, workers, on_gpu),
        torch.tensor([item.label for item in train]),
        Normalise(spec.mean, spec.std, fabric.device),
        teacher,
    )


def _check_classes(data: DataSet) -> None:
    """UserError for a data set that a classifier learns nothing from."""
    if len(data.classes) > 1:
        return
    (name,) = data.classes or ("none",)
    # The usual mistake: one folder more around the class folders.
    homes = {item.path.relative_to(data.root).parts[2:-1] for item in data.train}
    inner = sorted({parts[0] for parts in homes if parts})
    hint = f"; its folders {', '.join(inner[:3])} may be meant: move them up" if inner else ""
    raise UserError(
        f"{data.root.name} has one class only ({name}), and a classifier needs two or more{hint}; "
        f"add a class, such as pictures without the object."
    )


def _splits(recipe: Recipe, data: DataSet) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    every, by = recipe.data.hold_out_every, recipe.select.by
    train = data.split("train", every)
    held_out = data.split("val", every) if every or data.val is not None else ()
    if by != "last" and not held_out:
        raise UserError(
            f'select.by = "{by}" needs validation pictures: set hold_out_every (10 holds out every '
            f'tenth training picture), or by = "last".'
        )
    if by == "gt_known" and not any(item.boxes for item in held_out):
        raise UserError(
            'select.by = "gt_known" needs true boxes, and no validation picture has one; '
            "choose top1 or last."
        )
    return train, held_out


def _start(
    recipe: Recipe, classes: int, init_weights: Path | None, fabric: Fabric
) -> tuple[Run, torch.nn.Module]:
    optim = recipe.optim
    model = build(recipe, classes, init_weights)
    if optim.sync_bn:
        model = synchronise(model, fabric.device)
    model.to(fabric.device)
    model.to(memory_format=torch.channels_last)
    average = None
    if optim.ema:
        average = AveragedModel(
            model,
            multi_avg_fn=get_ema_multi_avg_fn(optim.ema),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )
        average.requires_grad_(False)
    forward: torch.nn.Module = Forward(model, optim.precision)
    if optim.compile:
        forward = torch.compile(forward)  # type: ignore[assignment]
    return Run(model, make_optimizer(model, optim), average), forward


def _identity(
    recipe: Recipe, seen: str, init_weights: Path | None, teacher: Teacher | None
) -> dict[str, Any]:
    values = recipe.to_dict()
    values["data"] = {k: v for k, v in values["data"].items() if k not in NO_RESULT}
    start = file_hash(init_weights) if init_weights else ""
    found = {"recipe": values, "data": seen, "init": start}
    taught = values.pop("teacher")
    if teacher is not None:  # what it is counts, not where it lies
        found["teacher"] = {k: v for k, v in taught.items() if k != "distil"} | teacher.told
    return found


def _finish(
    recipe: Recipe, run: Run, fabric: Fabric, seen: str, count: int, teacher: Teacher | None
) -> Trained:
    progress = on_first(lambda: run.progress, share=True)
    assert progress is not None
    selection = "none: the last epoch"
    if run.best:
        run.shown.load_state_dict(run.best)
    if progress.best_epoch:
        selection = (
            f"epoch {progress.best_epoch} of {progress.epochs}: the best {recipe.select.by} on the "
            f"validation pictures ({progress.best_score:.2f} %)"
        )
    model = run.shown.eval()
    device, processes = fabric.device.type, fabric.world_size
    told = teacher.told if teacher is not None else {}
    return Trained(model, progress, seen, count, selection, device, processes, told)
