"""What a network says about a batch, in several test-time modes at once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dfm_viz.backbones import Localizer
from dfm_viz.backbones.staged import descend
from dfm_viz.methods.dfm import DFM
from dfm_viz.methods.paths import enumerate_paths
from dfm_viz.shapes import Cam, FeatureMap, Logits
from dfm_viz.types import Draw, Mode

MODES = (Mode.OFF, Mode.POSITION, Mode.CHANNEL, Mode.EXPECTED)
"""The deterministic modes, in the order of tables."""

Mixture = list[tuple[float, FeatureMap]]
"""Final features with their weights."""


def modes_of(model: Localizer, wanted: Sequence[Mode] = MODES) -> tuple[Mode, ...]:
    """The modes to evaluate: `off`, which is always told, and for DFM the others wanted."""
    has_dfm = any(isinstance(m, DFM) for m in model.insertions.values())
    return tuple(m for m in MODES if m is Mode.OFF or (has_dfm and m in wanted))


def mixtures(model: Localizer, x: Tensor, modes: Sequence[Mode]) -> dict[Mode, Mixture]:
    """Final features per mode, with all that the modes share computed once.

    Below the first insertion point everything is shared; of DFM's paths, two serve `position` and
    `channel`, and all of them `expected`.
    """
    modules = {name: m for name, m in model.insertions.items() if isinstance(m, DFM)}
    if not modules or set(modes) == {Mode.OFF}:
        return {mode: [(1.0, model.feature_map(x))] for mode in modes}
    points = tuple(modules)
    before = model.features.between(x, None, points[0])  # the module itself is the identity here
    found: dict[Mode, Mixture] = {}
    if Mode.OFF in modes:
        found[Mode.OFF] = [(1.0, model.features.between(before, points[0], None))]
    paths = enumerate_paths(points, modules[points[0]].probability)
    features = [f for _, f in descend(model, before, points, start=points[0])]
    mixed = list(zip(paths, features, strict=True))
    for mode in modes:
        if mode is Mode.EXPECTED:
            found[mode] = [(path.probability, f) for path, f in mixed]
        elif mode is not Mode.OFF:
            found[mode] = [(1.0, f) for p, f in mixed if set(p.draws.values()) == {Draw(mode)}]
    return found


@torch.inference_mode()
def answer(
    model: Localizer, x: Tensor, labels: Tensor, modes: Sequence[Mode]
) -> dict[Mode, tuple[Logits, Cam, Cam]]:
    """Logits, raw map of the own top class and raw map of the true class, per mode.

    The numbers are those of `dfm_viz.backbones.forward_mode`.

    Args:
        model: in evaluation mode.
        x: pictures, (b, 3, H, W).
        labels: true classes, (b,).
        modes: `off`, `position`, `channel` or `expected`.
    """
    answers = {}
    for mode, mixture in mixtures(model, x, modes).items():
        logits = torch.stack([p * model.logits(f) for p, f in mixture]).sum(dim=0)
        own, known = (
            torch.stack([p * model.cam(f, classes) for p, f in mixture]).sum(dim=0)
            for classes in (logits.argmax(dim=1), labels)
        )
        answers[mode] = (logits, own, known)
    return answers
