"""One pass over the training pictures."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from dfm_viz.backbones import Localizer
from dfm_viz.types import UserError
from training.augment import Normalise, blend
from training.build import training_mode
from training.distil import Teacher
from training.distributed import alone
from training.loading import Loader
from training.order import Step, derive, generator, keys, plan
from training.recipe import Recipe
from training.schedule import rate_factor, set_rates
from training.state import Run

HOPELESS = 3.0
"""After the warm-up, a mean loss so many times that of guessing counts as divergence."""
LOOK = 10
"""Steps between two looks at the loss: each look waits for the device and for all processes."""


DIVERGED = 3
"""Exit code of `fit` for a run that diverged."""


class DivergedError(UserError):
    """The loss is no longer a number, or far above that of guessing."""


class Forward(nn.Module):
    """What the engine wraps and the compiler compiles: the logits of a training step.

    Around the network, never in it, so that the names of weights stay.
    """

    def __init__(self, model: Localizer, precision: str) -> None:
        """Take the network and the recipe's `precision`."""
        super().__init__()
        self.model = model
        self.mixed = precision == "bfloat16"

    def forward(self, x: Tensor, labels: Tensor, draws: Any) -> tuple[Tensor, ...]:
        """`Localizer.training_logits` in the recipe's precision, as float32."""
        with torch.autocast(x.device.type, torch.bfloat16, self.mixed):
            scores = self.model.training_logits(x, labels, draws)
        return tuple(s.float() for s in scores)


@dataclass(frozen=True)
class Trainer:
    """What every epoch of a run needs besides the run itself."""

    recipe: Recipe
    fabric: Fabric
    forward: nn.Module
    loader: Loader
    labels: Tensor
    normalise: Normalise
    teacher: Teacher | None = None

    def epoch(self, run: Run, epoch: int) -> dict[str, float]:
        """Train one epoch (from 0); its loss and training accuracy over all processes.

        Raises:
            DivergedError: a loss that is not finite, or hopeless after the warm-up.
            UserError: a picture that cannot be read.
        """
        recipe, optim, fabric = self.recipe, self.recipe.optim, self.fabric
        settling = epoch >= optim.epochs - optim.settle_epochs
        training_mode(recipe, run.model, settling)
        steps = plan(
            len(self.labels),
            optim.batch,
            seed=recipe.seed,
            epoch=epoch,
            process=fabric.global_rank,
            processes=fabric.world_size,
            alpha=recipe.augment.mixup,
        )
        bar = tqdm(
            total=len(steps),
            desc=f"epoch {epoch + 1}/{optim.epochs}",
            unit="step",
            leave=False,
            disable=None if fabric.is_global_zero else True,
        )
        sums = torch.zeros(3, dtype=torch.float64, device=fabric.device)  # loss, right, pictures
        with bar, torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(recipe.seed, epoch, fabric.global_rank, "network"))
            pictures = self.loader.batches(keys(steps, epoch))
            for number, step in enumerate(steps):
                set_rates(
                    run.optimizer,
                    rate_factor(optim, epoch * len(steps) + number, len(steps)),
                )
                resting = settling or self._rests(epoch, number)
                if recipe.optim.active < 1:
                    training_mode(recipe, run.model, resting)
                draws = None if resting else self._draws(run.model, step, epoch, number)
                sums += self._step(run, step, alone(lambda: next(pictures)), draws)
                if number % LOOK == 0 or number + 1 == len(steps):
                    total = added_up(fabric, sums)
                    if not math.isfinite(total[0]):
                        raise self._diverged(epoch, f"the loss is {total[0]}")
                    bar.set_postfix(loss=f"{total[0] / total[2]:.3f}")
                bar.update()
        loss, right, count = total
        guessing = math.log(run.model.fc.out_features)
        if epoch >= max(1, optim.warmup_epochs) and loss / count > HOPELESS * guessing:
            found = f"the mean loss is {loss / count:.1f}, guessing has {guessing:.1f}"
            raise self._diverged(epoch, found)
        return {"epoch": epoch + 1, "loss": loss / count, "train_top1": 100 * right / count}

    def _step(self, run: Run, step: Step, pictures: Tensor, draws: Any) -> Tensor:
        device, optim = self.fabric.device, self.recipe.optim
        pictures = pictures.to(device, non_blocking=True)
        labels = self.labels[step.chosen]
        x, target = blend(self.normalise(pictures), labels, run.model.fc.out_features, step)
        x = x.contiguous(memory_format=torch.channels_last)
        target = target.to(device)
        scores = self.forward(x, labels[step.own].to(device), draws)
        loss = sum(
            (cross_entropy(s, target, label_smoothing=optim.label_smoothing) for s in scores),
            start=torch.zeros((), device=device),
        )
        if self.teacher is not None:
            loss = self.teacher.blend(loss, scores, x)
        run.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        if optim.clip_norm:
            nn.utils.clip_grad_norm_(run.model.parameters(), optim.clip_norm)
        run.optimizer.step()
        if run.average is not None:
            run.average.update_parameters(run.model)
        right = (scores[0].argmax(1) == target.argmax(1)).sum()
        count = torch.tensor(len(x), device=device)
        return torch.stack([loss.detach().double() * count, right.double(), count.double()])

    def _rests(self, epoch: int, number: int) -> bool:
        """Whether the modules that draw rest in a step: the same answer in all processes."""
        chance = torch.rand((), generator=generator(self.recipe.seed, epoch, number, "active"))
        return float(chance) >= self.recipe.optim.active

    def _draws(self, model: Localizer, step: Step, epoch: int, number: int) -> dict[str, Any]:
        """One draw for the global batch, cut to this process's part, or one per process."""
        recipe, size = self.recipe, self.recipe.data.image_size
        if recipe.optim.draws == "process":
            own = generator(recipe.seed, epoch, number, self.fabric.global_rank, "draws")
            return model.sample_draws(own, step.last - step.first, (size, size))
        shared = generator(recipe.seed, epoch, number, "draws")
        draws = model.sample_draws(shared, len(step.chosen), (size, size))
        return {point: cut(draw, step.own) for point, draw in draws.items()}

    def _diverged(self, epoch: int, found: str) -> DivergedError:
        optim = self.recipe.optim
        return DivergedError(
            f"Training diverged in epoch {epoch + 1}: {found}. Lower lr (now {optim.lr:g}) or "
            f"lengthen warmup_epochs (now {optim.warmup_epochs:g})."
        )


def added_up(fabric: Fabric, numbers: Tensor) -> list[float]:
    """The sums of some numbers over all processes; `numbers` stays as it is."""
    total = fabric.all_reduce(numbers.clone(), reduce_op="sum")
    assert isinstance(total, Tensor)
    return [float(value) for value in total]


def cut(draw: Any, own: slice) -> Any:
    """A process's part of a draw for a global batch; one word for the whole batch stays."""
    if isinstance(draw, Tensor):
        return draw[own]
    if dataclasses.is_dataclass(draw) and not isinstance(draw, type):
        parts = {f.name: cut(getattr(draw, f.name), own) for f in dataclasses.fields(draw)}
        return dataclasses.replace(draw, **parts)
    return draw
