"""Building a network: a backbone, weights, a method's modules or heads."""

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dfm_viz.backbones.abn import ABNLocalizer
from dfm_viz.backbones.acol import ACoLLocalizer
from dfm_viz.backbones.registry import Backbone, default_params, get_backbone
from dfm_viz.backbones.staged import INPUT, Localizer, Stages
from dfm_viz.backbones.weights import is_ours, read_weights
from dfm_viz.methods import ACoLParams, Insertion, Method, Params, Placement, get_method
from dfm_viz.types import UserError


def create_model(
    backbone: str,
    num_classes: int,
    *,
    method: str = "cam",
    params: Params | None = None,
    points: Iterable[str] | None = None,
    init: str | Path = "none",
    options: Mapping[str, Any] | None = None,
    keep_head: bool = False,
) -> Localizer:
    """Build a classifier with a CAM head and the method's modules inserted.

    Args:
        backbone: key in `BACKBONES`.
        num_classes: size of the head; the ImageNet head is kept only for 1000 classes with weights.
        method: key in `METHODS`.
        params: the method's parameters; None takes `default_params`.
        points: names of stages; None takes the backbone's list for the method.
        init: `none` (random), `imagenet` (the library downloads its published weights), or the
            path of a safetensors file, under the library's key names or those of a checkpoint of
            ours (modules and heads that a method added are left out).
        options: how the backbone is built, as recorded in a card; None for a new network.
            `plain=True` is the classifier as published, without the CAM head's changes (method
            `cam` only, row 0 of Table 1).
        keep_head: insist on the head of the start weights; it must be of as many classes.

    Raises:
        UserError: unknown names or options, a weights file that does not fit.
    """
    spec, recipe = get_backbone(backbone), get_method(method)
    built = dict(options) if options is not None else {}
    _check_options(spec, recipe, built)
    values = params if params is not None else default_params(backbone, method)
    if not isinstance(values, recipe.params):
        raise UserError(
            f"{recipe.title} takes {recipe.params.__name__}, but got {type(values).__name__}; "
            f"leave params out for the published values."
        )
    stages, classifier, built = _backbone(spec, init, built)
    chosen = _points(spec, recipe, points, stages)
    if isinstance(values, ACoLParams):
        stages = {name: stage for name, stage in stages.items() if name not in spec.cam_stages}
        channels = _widths(stages)[next(reversed(stages))]
        return ACoLLocalizer(
            Stages(stages), channels, num_classes, backbone, built, params=values, style=spec.heads
        )
    if init == "none" or num_classes != classifier.out_features:
        if keep_head:
            raise UserError(
                f"keep_head needs start weights with a head for {num_classes} classes, got "
                f"{'none' if init == 'none' else classifier.out_features}; leave keep_head out to "
                f"draw a new head."
            )
        classifier = nn.Linear(classifier.in_features, num_classes)
    insertions: dict[str, Insertion] = {}
    if recipe.module is not None:
        widths, make = _widths(stages), recipe.module.build
        insertions = {p: make(values, widths[p], num_classes, spec.heads) for p in chosen}
    localizer = ABNLocalizer if recipe.name == "abn" else Localizer
    return localizer(Stages(stages, insertions), classifier, backbone, built)


def _check_options(spec: Backbone, method: Method, options: Mapping[str, Any]) -> None:
    """UserError for an option that the backbone does not have or the method cannot use."""
    kinds = inspect.signature(spec.build).parameters
    known = [name for name in kinds if name not in ("state", "download")]
    for name, value in options.items():
        if name not in known:
            raise UserError(
                f"{spec.title} has no option {name!r}; its options are {', '.join(known)}."
            )
        wanted = type(kinds[name].default)
        if not isinstance(value, wanted):
            raise UserError(
                f"The option {name} of {spec.title} must be a {wanted.__name__}, got {value!r}."
            )
    if options.get("plain") and method.name != "cam":
        raise UserError(
            f"A plain network takes no method, got {method.name!r}; leave plain out or choose cam."
        )


def _points(
    spec: Backbone, method: Method, points: Iterable[str] | None, names: Iterable[str]
) -> tuple[str, ...]:
    """The insertion points, given or the backbone's own; UserError for what cannot be one."""
    if method.placement in (Placement.NONE, Placement.HEAD):
        if chosen := tuple(points or ()):
            raise UserError(f"{method.title} inserts nothing, so it has no point {chosen[0]!r}.")
        return ()
    chosen = tuple(points) if points is not None else spec.points[method.name]
    allowed = (INPUT,) if method.placement is Placement.INPUT else tuple(names)
    for point in chosen:
        if point not in allowed:
            kind = "point" if allowed == (INPUT,) else "stage"
            raise UserError(
                f"There is no {kind} {point!r} for {method.title} in this network; choose from "
                f"{', '.join(allowed)}."
            )
    if method.name == "abn" and len(chosen) != 1:
        raise UserError(f"ABN has one attention branch, so it needs one point, got {len(chosen)}.")
    return chosen


def _widths(stages: Mapping[str, nn.Module]) -> dict[str, int]:
    """Channels behind the input and behind every stage: those of the stage's last convolution."""
    widths, width = {INPUT: 3}, 3
    for name, stage in stages.items():
        for module in stage.modules():
            if isinstance(module, nn.Conv2d):
                width = module.out_channels
        widths[name] = width
    return widths


def _backbone(
    spec: Backbone, init: str | Path, options: dict[str, Any]
) -> tuple[dict[str, nn.Module], nn.Linear, dict[str, Any]]:
    """Stages, ImageNet classifier, and the options they were built with."""
    state: dict[str, Tensor] | None = None
    if init == "imagenet":
        options = {**spec.download_options, **options}
    elif init != "none":
        state = read_weights(Path(init))
    try:
        stages, classifier = spec.build(
            **options, state=None if is_ours(state) else state, download=init == "imagenet"
        )
        if state is not None and is_ours(state):
            classifier = _take(stages, state)
    except UserError:
        raise
    except Exception as error:
        if init == "imagenet":  # libraries differ in how they tell that a download failed
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise UserError(
                f"{spec.title}'s ImageNet weights could not be downloaded ({reason}); check the "
                f"network and the disk, or start from a local safetensors file."
            ) from error
        if state is None or not isinstance(error, RuntimeError):
            raise
        _, _, detail = str(error).partition("\n")
        first = detail.strip().split(", ")[0].rstrip(".")
        raise UserError(
            f"The weights in {Path(init).name} do not fit {spec.title} ({first}); "
            f"give a file with the library's own key names."
        ) from None
    return stages, classifier, options


def _take(stages: Mapping[str, nn.Module], state: Mapping[str, Tensor]) -> nn.Linear:
    """Give the stages the weights of a checkpoint of ours; its head, with as many classes."""
    classes, width = state["fc.weight"].shape
    head = nn.Linear(width, classes)
    whole = nn.ModuleDict({"features": Stages(stages), "fc": head})
    own = whole.state_dict().keys()
    whole.load_state_dict(
        {k: v for k, v in state.items() if k in own or not k.startswith("features.insertions.")}
    )
    return head
