"""Learning rates over a run."""

import math

import torch

from dfm_viz.backbones import Localizer
from training.recipe_parts import OptimPart


def rate_factor(part: OptimPart, step: int, steps: int) -> float:
    """Share of the peak rate at `step` (0-based, over the whole run) with `steps` per epoch.

    Linear warm-up, then what `part.schedule` says.
    """
    total, warmup = part.epochs * steps, round(part.warmup_epochs * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if part.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))
    return part.step_factor ** sum(step >= milestone * steps for milestone in part.milestones)


def make_optimizer(model: Localizer, part: OptimPart) -> torch.optim.SGD:
    """SGD with Nesterov momentum; each group keeps its peak rate under `peak`."""
    rates = {"base": 1.0, "last_stage": part.last_stage_rate, "head": part.head_rate}
    groups = [
        {"params": [p for p in parameters if p.requires_grad], "peak": part.lr * rates[name]}
        for name, parameters in model.parameter_groups().items()
    ]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=part.lr,
        momentum=part.momentum,
        nesterov=part.momentum > 0,
        weight_decay=part.weight_decay,
    )


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Give every group its peak rate times `factor`."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor
