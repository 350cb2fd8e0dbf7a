"""From a recipe to a network that is ready to train."""

from pathlib import Path

import torch
from timm.layers.norm_act import convert_sync_batchnorm
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dfm_viz.backbones import Localizer, create_model
from dfm_viz.methods import Drawn, TwoWay
from dfm_viz.types import UserError
from training.recipe import Recipe


def build(recipe: Recipe, classes: int, init_weights: Path | None) -> Localizer:
    """The network of a recipe, initialised; a new head's random start comes from the seed."""
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
            options={"plain": True} if recipe.model.plain else None,
            keep_head=recipe.model.keep_head,
        )
        # Small heads: their first gradients must not tear up pre-trained features.
        for name in () if recipe.model.keep_head else ("fc", "fc_b"):
            if isinstance(head := getattr(model, name, None), nn.Linear):
                nn.init.normal_(head.weight, std=0.01)
                nn.init.zeros_(head.bias)
    for stage in frozen_stages(recipe, model):
        stage.requires_grad_(False)
    for module in model.insertions.values():
        if isinstance(module, TwoWay):
            module.per_sample = recipe.optim.draws == "sample"
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


def training_mode(recipe: Recipe, model: Localizer, settling: bool) -> None:
    """Training mode, except where the recipe keeps something: frozen stages, batch statistics.

    `settling` puts the modules that draw into evaluation mode, where they are the identity.
    """
    model.train()
    for stage in frozen_stages(recipe, model):
        stage.eval()
    for module in model.modules():
        if (recipe.model.freeze_bn and isinstance(module, _BatchNorm)) or (
            settling and isinstance(module, Drawn)
        ):
            module.eval()


def synchronise(model: Localizer, device: torch.device) -> Localizer:
    """Batch norms whose statistics are those of all processes; names of weights stay.

    Raises:
        UserError: on a CPU, where PyTorch has no such layer.
    """
    if device.type != "cuda":
        raise UserError(
            "sync_bn needs GPUs: PyTorch has no synchronised batch norm for the CPU; set "
            "sync_bn=false, or freeze_bn=true to share fixed statistics."
        )
    # timm's function knows its own fused layers as well as PyTorch's.
    synchronised: Localizer = convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    return synchronised
