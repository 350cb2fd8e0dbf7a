"""Does a map depend on what was learned? The same network with random weights as a comparison.

After Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018): a map that hardly changes
when the weights are thrown away shows edges of the picture, not what the network knows.
"""

import copy
import dataclasses
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dfm_viz.backbones import Localizer
from dfm_viz.inspection.cache import Cache
from dfm_viz.inspection.engine import AnySettings, Family
from dfm_viz.inspection.family import model_bytes
from dfm_viz.inspection.question import Opened
from dfm_viz.inspection.result import MethodResult
from dfm_viz.inspection.settings import Settings, Weights
from dfm_viz.types import UserError

SEEDS = 3
"""How many random networks there are of each kind; more would only fill the memory."""

RANDOM = Cache(384 * 2**20)
"""Random networks, apart from the trained ones so that they never push those out."""

_KEPT_BYTES = 48 * 2**20


@dataclass(frozen=True)
class Sanity:
    """One method on its trained weights and on random ones, same class, same settings.

    Attributes:
        trained: as `Family.inspect` has it.
        random: with random weights.
        correlation: Spearman's rank correlation of the two raw maps, -1 to 1; None where one of
            them is flat.
    """

    trained: MethodResult
    random: MethodResult
    correlation: float | None


def sanity(
    family: Family,
    opened: Opened,
    settings: AnySettings = None,
    method: str = "dfm",
    seed: int = 0,
    truths: Sequence[Sequence[float]] = (),
) -> Sanity:
    """Compare a method's map with the one that random weights give for the same class.

    Args:
        family: whose networks.
        opened: from `family.open`.
        settings: as for `Family.inspect`.
        method: a name in `family.info.methods`.
        seed: which random network, 0 to `SEEDS` - 1.
        truths: true boxes in pixels of the upright picture.

    Raises:
        UserError: as `Family.inspect`; an unknown method or seed.
    """
    own = family.checkpoints
    if method not in own.names:
        raise UserError(f"There is no method {method!r} here; choose from {', '.join(own.names)}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEEDS:
        raise UserError(f"The random network must be 0 to {SEEDS - 1}, but got {seed!r}.")
    asked = Settings.parse(settings)
    inspected = family.inspect(opened, asked, truths).methods
    source = own.source(method, asked.weights is Weights.OWN)
    if source is None or method not in inspected:
        raise UserError(f"{own.title(method)} cannot be shown with these settings; choose another.")
    trained = inspected[method]
    network = opened.networks[source]
    changed = dataclasses.replace(
        network,
        model=_random(family, source, seed),
        key=("random", seed, network.key),
        features=Cache(_KEPT_BYTES),
        traces=Cache(0),
    )
    networks = MappingProxyType({**opened.networks, source: changed})
    asked = dataclasses.replace(asked, target=trained.class_index)
    random = family.inspect(Opened(opened.picture, networks), asked, truths).methods[method]
    return Sanity(trained, random, rank_correlation(trained.map, random.map))


def randomise(model: Localizer, seed: int) -> Localizer:
    """A copy with weights drawn by He et al.'s rule and normalisation layers that do nothing.

    The generator is the copy's own, so the same seed gives the same weights whatever else runs.
    """
    made = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in made.state_dict().items():
            if not tensor.is_floating_point():
                continue
            if tensor.ndim >= 2:
                spread = math.sqrt(2 / math.prod(tensor.shape[1:]))
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * spread)
            else:
                tensor.fill_(float(name.endswith(("weight", "running_var"))))
    return made.eval()


def rank_correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float | None:
    """Spearman's rank correlation of two maps, -1 to 1; None where one of them is flat.

    A map of another size (rows, columns) is resized to the first one's.
    """
    if a.shape != b.shape:
        resized = cv2.resize(b, a.shape[::-1], interpolation=cv2.INTER_CUBIC)
        b = resized.astype(np.float32, copy=False)
    if a.min() == a.max() or b.min() == b.max():
        return None
    # Imported here: it takes a second that only the Ablate tab's last part needs.
    from scipy.stats import spearmanr

    return float(spearmanr(a.ravel(), b.ravel()).statistic)


def _random(family: Family, source: str, seed: int) -> Localizer:
    own = family.checkpoints
    folder, card = own.folders[source], own.cards[source]
    key: Hashable = (str(folder.resolve()), card.sha256, str(own.device), seed)
    model: Localizer = RANDOM.get(key, lambda: randomise(own.model(source), seed), model_bytes)
    return model
