"""What a network says in each test-time mode of DFM (readings: "Test time")."""

import torch
from torch import Tensor

from dfm_viz.backbones.staged import Localizer, descend
from dfm_viz.methods.dfm import DFM
from dfm_viz.methods.paths import enumerate_paths
from dfm_viz.shapes import Cam, Logits
from dfm_viz.types import Draw, Mode


@torch.inference_mode()
def forward_mode(
    model: Localizer,
    x: Tensor,
    mode: Mode = Mode.OFF,
    class_index: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Logits, Cam]:
    """Logits and raw CAM of a batch in one mode.

    Args:
        model: a network in evaluation mode; modes other than `off` need DFM at its points.
        x: pictures, (b, 3, H, W).
        mode: `expected` is the exact mixture over all paths: logits and maps are sums weighted by
            the paths' probabilities, and one class is taken for all of them.
        class_index: class of each map, (b,); None takes each sample's own top class.
        generator: source of the draw in `sampled` (one per batch).

    Returns:
        logits (b, classes) and maps (b, h, w).
    """
    modules = {name: m for name, m in model.insertions.items() if isinstance(m, DFM)}
    points = tuple(modules)
    mode = Mode(mode)
    if mode is Mode.OFF or not points:
        weighted = [(1.0, model.feature_map(x))]
    elif mode is Mode.EXPECTED:
        tau = modules[points[0]].probability
        weighted = [
            (path.probability, features)
            for path, (_, features) in zip(
                enumerate_paths(points, tau), descend(model, x, points), strict=True
            )
        ]
    elif mode is Mode.SAMPLED:
        weighted = [
            (
                1.0,
                model.feature_map(
                    x, model.sample_draws(generator, len(x), (x.shape[2], x.shape[3]))
                ),
            )
        ]
    else:
        weighted = [(1.0, model.feature_map(x, dict.fromkeys(points, Draw(mode))))]
    logits = torch.stack([p * model.logits(f) for p, f in weighted]).sum(dim=0)
    classes = logits.argmax(dim=1) if class_index is None else class_index
    maps = torch.stack([p * model.cam(f, classes) for p, f in weighted]).sum(dim=0)
    return logits, maps
