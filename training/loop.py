"""One training run: from a recipe and a data root to a checkpoint, resumable after every epoch.

Every random number of epoch e comes from generators seeded by (seed, e), so a run that was killed
repeats the broken epoch and, on the CPU with the same thread count, ends with the same bits.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from dfm_viz.backbones import Localizer, create_model, get_backbone
from dfm_viz.types import UserError
from training.augment import Augment, mixup
from training.data import DataSet, decode, fingerprint
from training.recipe import Recipe
from training.report import report, validation
from training.schedule import make_optimizer, rate_factor, set_rates
from training.state import Progress, load_state, prepare, save_state
from training.weights import file_hash

HOPELESS = 3.0
"""After the warm-up, a mean loss so many times that of guessing counts as divergence."""


class DivergedError(UserError):
    """The loss is no longer a number, or far above that of guessing."""


@dataclass(frozen=True)
class Trained:
    """The outcome of a run: the network in evaluation mode, progress, and the data's hash."""

    model: Localizer
    progress: Progress
    data_fingerprint: str
    train_pictures: int


def run_folder(out: Path) -> Path:
    """Where a run keeps its state and logs: beside the checkpoint, which is replaced as a whole."""
    return out.with_name(f"{out.name}.run")


def fit(
    recipe: Recipe,
    data: DataSet,
    out: Path,
    *,
    init_weights: Path | None = None,
    device: str = "cpu",
    after_epoch: Callable[[int], None] | None = None,
) -> Trained:
    """Train, or take up a run that was stopped.

    Args:
        recipe: everything that decides the result.
        data: what `open_dataset` found.
        out: folder of the checkpoint to be; state and logs go to `run_folder(out)`.
        init_weights: safetensors file, needed if and only if the recipe says `init = "file"`.
        device: where to compute.
        after_epoch: called with the number of finished epochs, once their state is on disk.

    Raises:
        UserError: data, weights or a state that do not fit, an unwritable folder.
        DivergedError: a loss that is not finite, or hopeless after the warm-up.
    """
    train = data.split("train", recipe.data.hold_out_every)
    held_out = data.split("val", recipe.data.hold_out_every) if recipe.data.hold_out_every else ()
    seen = fingerprint(data.root, train)
    model = build(recipe, len(data.classes), init_weights).to(device)
    model.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model, recipe.optim)
    folder = prepare(run_folder(out))
    identity = {
        "recipe": recipe.to_dict(),
        "data": seen,
        "init": file_hash(init_weights) if init_weights else "",
    }
    progress = load_state(folder, model, optimizer, identity)
    if progress.epochs < recipe.optim.epochs:
        spec = get_backbone(recipe.model.backbone)
        augment = Augment(recipe.augment, recipe.data.image_size, spec.mean, spec.std)
        pictures, labels = decode(train, recipe.data.decode_side)
        check: Callable[[], dict[str, float]] = dict
        if held_out:
            small, truth = decode(held_out, recipe.data.image_size)
            check = validation(model, small, truth, spec.mean, spec.std, device)
        writer = SummaryWriter(str(folder), purge_step=progress.epochs)
        for epoch in range(progress.epochs, recipe.optim.epochs):
            began = time.perf_counter()
            row = _epoch(recipe, model, optimizer, augment, pictures, labels, epoch, device)
            row |= check()
            progress.seconds += time.perf_counter() - began
            progress.epochs = epoch + 1
            progress.history.append(row)
            save_state(folder, model, optimizer, progress, identity)
            report(folder, writer, progress, recipe.optim.epochs)
            if after_epoch is not None:
                after_epoch(progress.epochs)
        writer.close()
    return Trained(model.eval(), progress, seen, len(train))


def build(recipe: Recipe, classes: int, init_weights: Path | None) -> Localizer:
    """The network of a recipe, initialised; the head's random start comes from the seed."""
    if (recipe.model.init == "file") != (init_weights is not None):
        raise UserError(
            "This recipe starts from a weights file: give --init-weights FILE, or override it with "
            "init=imagenet (the library's download) or init=none (random)."
            if init_weights is None
            else f'--init-weights needs a recipe with init = "file", got {recipe.model.init!r}.'
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = create_model(
            recipe.model.backbone,
            classes,
            method=recipe.model.method,
            params=recipe.params,
            points=recipe.model.points or None,
            init=init_weights if init_weights is not None else recipe.model.init,
        )
        # A small head: its first gradients must not tear up pre-trained features.
        nn.init.normal_(model.fc.weight, std=0.01)
        nn.init.zeros_(model.fc.bias)
    for stage in frozen_stages(recipe, model):
        stage.requires_grad_(False)
    return model


def frozen_stages(recipe: Recipe, model: Localizer) -> list[nn.Module]:
    """The stages up to and including `freeze_through`; UserError if there is no such stage."""
    through, names = recipe.model.freeze_through, model.features.names
    if through and through not in names:
        raise UserError(
            f"freeze_through must be empty or one of {', '.join(names)}, got {through!r}."
        )
    count = names.index(through) + 1 if through else 0
    return [getattr(model.features, name) for name in names[:count]]


def _epoch(
    recipe: Recipe,
    model: Localizer,
    optimizer: torch.optim.Optimizer,
    augment: Augment,
    pictures: Tensor,
    labels: Tensor,
    epoch: int,
    device: str,
) -> dict[str, float]:
    optim = recipe.optim
    model.train()
    for stage in frozen_stages(recipe, model):
        stage.eval()
    settling = epoch >= optim.epochs - optim.settle_epochs
    for module in model.insertions.values():
        module.train(not settling)
    draws = torch.Generator().manual_seed(_derive(recipe.seed, epoch, "draws"))
    order = torch.randperm(
        len(labels), generator=torch.Generator().manual_seed(_derive(recipe.seed, epoch, "order"))
    )
    # A last batch of one picture would break batch statistics; it is left out this epoch.
    batches = [b for b in torch.split(order, optim.batch) if len(b) > 1 or len(order) == 1]
    warmup = round(optim.warmup_epochs * len(batches))
    lost = right = 0.0
    bar = tqdm(
        batches, desc=f"epoch {epoch + 1}/{optim.epochs}", unit="batch", leave=False, disable=None
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_derive(recipe.seed, epoch, "augment"))
        for step, chosen in enumerate(bar):
            x, target = mixup(
                augment(pictures[chosen]),
                labels[chosen],
                model.fc.out_features,
                recipe.augment.mixup,
            )
            set_rates(
                optimizer,
                rate_factor(epoch * len(batches) + step, optim.epochs * len(batches), warmup),
            )
            path = None if settling else model.sample_draws(draws, len(chosen))
            x, target = x.to(device), target.to(device)
            with torch.autocast(x.device.type, torch.bfloat16, optim.precision == "bfloat16"):
                scores = model(x, path).float()
            loss = cross_entropy(scores, target, label_smoothing=optim.label_smoothing)
            value = loss.item()
            if not math.isfinite(value):
                raise _diverged(recipe, epoch, f"the loss is {value}")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            lost += value * len(chosen)
            right += (scores.argmax(1) == target.argmax(1)).sum().item()
            bar.set_postfix(loss=f"{value:.3f}")
    count = sum(len(b) for b in batches)
    guessing = math.log(model.fc.out_features)
    if epoch >= max(1, optim.warmup_epochs) and lost / count > HOPELESS * guessing:
        found = f"the mean loss is {lost / count:.1f}, guessing has {guessing:.1f}"
        raise _diverged(recipe, epoch, found)
    return {"epoch": epoch + 1, "loss": lost / count, "train_top1": 100 * right / count}


def _diverged(recipe: Recipe, epoch: int, found: str) -> DivergedError:
    return DivergedError(
        f"Training diverged in epoch {epoch + 1}: {found}. Lower lr (now {recipe.optim.lr:g}) or "
        f"lengthen warmup_epochs (now {recipe.optim.warmup_epochs:g})."
    )


def _derive(seed: int, epoch: int, purpose: str) -> int:
    """A seed of 63 bits for one purpose in one epoch."""
    digest = hashlib.sha256(f"{seed}/{epoch}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
