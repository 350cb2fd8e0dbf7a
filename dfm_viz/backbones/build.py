"""Building a network: a backbone, weights, a method's modules or heads."""

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from dfm_viz.backbones.abn import ABNLocalizer
from dfm_viz.backbones.acol import ACoLLocalizer
from dfm_viz.backbones.registry import Backbone, default_params, get_backbone
from dfm_viz.backbones.staged import INPUT, Localizer, Stages
from dfm_viz.backbones.weights import MisfitError, Start, read_start, take_stages
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
            path of a safetensors file under the library's key names, or of a checkpoint made here
            (its folder or weights; a head for other classes or of another method starts anew).
        options: how the backbone is built, as recorded in a card; None for a new network.
            `plain=True` is the classifier as published, without the CAM head's changes (method
            `cam` only, row 0 of Table 1).
        keep_head: insist on the head of the start weights; it must be of as many classes.

    Raises:
        UserError: unknown names or options, a weights file that does not fit.
    """
    spec, recipe = get_backbone(backbone), get_method(method)
    start = None if init in ("none", "imagenet") else read_start(Path(init))
    if start and start.backbone not in ("", backbone):
        raise UserError(
            f"{init} is a checkpoint of {start.backbone}, not of {backbone}; "
            f"give one of {backbone}."
        )
    built = _own_options(spec, recipe, start) if options is None else dict(options)
    _check_options(spec, recipe, built)
    values = params if params is not None else default_params(backbone, method)
    if not isinstance(values, recipe.params):
        raise UserError(
            f"{recipe.title} takes {recipe.params.__name__}, but got {type(values).__name__}; "
            f"leave params out for the published values."
        )
    stages, classifier, built = _backbone(spec, init, built, start)
    if keep_head:
        _check_head(num_classes, classifier, init, start)
    chosen = _points(spec, recipe, points, stages)
    if isinstance(values, ACoLParams):
        if not built.get("acol"):
            stages = {name: stage for name, stage in stages.items() if name not in spec.cam_stages}
        channels = _widths(stages)[next(reversed(stages))]
        model: Localizer = ACoLLocalizer(
            Stages(stages), channels, num_classes, backbone, built, params=values, style=spec.heads
        )
        return _started(model, spec, init, start)
    if init == "none" or num_classes != classifier.out_features:
        classifier = nn.Linear(classifier.in_features, num_classes)
    insertions: dict[str, Insertion] = {}
    if recipe.module is not None:
        widths, make = _widths(stages), recipe.module.build
        insertions = {p: make(values, widths[p], num_classes, spec.heads) for p in chosen}
    localizer = ABNLocalizer if recipe.name == "abn" else Localizer
    model = localizer(Stages(stages, insertions), classifier, backbone, built)
    return _started(model, spec, init, start)


def _started(model: Localizer, spec: Backbone, init: str | Path, start: Start | None) -> Localizer:
    """The network itself, with the weights of a checkpoint made here if it starts from one."""
    if start is not None and start.stages:
        try:
            take_stages(model, start.tensors, spec.cam_stages)
        except MisfitError as error:
            raise _misfit(spec, init, error) from None
    return model


def _misfit(spec: Backbone, init: str | Path, error: MisfitError) -> UserError:
    return UserError(
        f"The weights in {Path(init).name} do not fit {spec.title} ({error}); give a file with the "
        f"library's own key names, or a checkpoint of this network."
    )


def _check_head(classes: int, classifier: nn.Linear, init: str | Path, start: Start | None) -> None:
    """UserError unless the start brings a head of so many classes."""
    found = classifier.out_features
    if start is not None and start.stages:
        found = len(start.tensors.get("fc.weight", ()))
    if init == "none" or found != classes:
        raise UserError(
            f"keep_head needs start weights with a head for {classes} classes, got "
            f"{'none' if init == 'none' else found}; leave keep_head out to draw a new head."
        )


def _own_options(spec: Backbone, method: Method, start: Start | None) -> dict[str, Any]:
    """How a new network is built where nobody says otherwise: as its start, as ACoL wants it."""
    given, acol = dict(start.options if start else {}), spec.acol_options
    kept = {name: value for name, value in given.items() if name not in acol}
    return kept | (dict(acol) if method.name == "acol" else {})


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

    if options.get("acol") and method.name != "acol":
        raise UserError(
            f"ACoL's pooling is for ACoL only, got {method.name!r}; leave acol out or choose acol."
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
    spec: Backbone, init: str | Path, options: dict[str, Any], start: Start | None
) -> tuple[dict[str, nn.Module], nn.Linear, dict[str, Any]]:
    """Stages, ImageNet classifier, and the options they were built with."""
    if init == "imagenet":
        options = {**spec.download_options, **options}
    state = None if start is None or start.stages else start.tensors
    try:
        stages, classifier = spec.build(**options, state=state, download=init == "imagenet")
    except MisfitError as error:
        raise _misfit(spec, init, error) from None
    except UserError:
        raise
    except Exception as error:
        if init == "imagenet":  # libraries differ in how they tell that a download failed
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise UserError(
                f"{spec.title}'s ImageNet weights could not be downloaded ({reason}); check the "
                f"network and the disk, or start from a local safetensors file."
            ) from error
        raise
    return stages, classifier, options
