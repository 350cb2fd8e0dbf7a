"""How much the engine saves, as ratios measured in one run.

    python benchmarks/inspection.py [--rounds 15]

1. `inspect` after one slider moved, against running the whole network for the same four draws.
2. The whole chain on ResNet50 (all maps, four paths, three methods, overlays) on a new picture,
   against three torch-cam CAM calls on the same stride-1 network, both in inference mode.

Contestants take turns inside every round, so that a busy machine slows both. Weights are random:
speed does not depend on their values.
"""

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as app.py sets it

import numpy as np
import torch
import torchcam.methods

from dfm_viz.backbones import BACKBONES, create_model
from dfm_viz.checkpoint import Card, save_checkpoint
from dfm_viz.inspection import Family, Opened, Settings, load_family
from dfm_viz.inspection.network import forget
from dfm_viz.methods.paths import enumerate_paths
from dfm_viz.render import overlay, resize_grid

SLIDERS = ("alpha", "beta", "omega", "delta", "gamma")


def random_family(root: Path, backbone: str, methods: tuple[str, ...]) -> Family:
    """A family with random weights and 200 classes."""
    spec = BACKBONES[backbone]
    for method in methods:
        torch.manual_seed(0)
        model = create_model(backbone, 200, method=method)
        modules = model.insertions
        params = next(iter(modules.values())).params.to_dict() if modules else {}
        card = Card(
            name=f"{backbone}/{method}", method=method, backbone=backbone, dataset="random",
            knows="nothing", classes=tuple(map(str, range(200))), points=tuple(modules),
            params=params, image_size=224, mean=spec.mean, std=spec.std,
        )  # fmt: skip
        save_checkpoint(root / backbone / method, model, card)
    return load_family(root / backbone, device="cpu")


def picture(seed: int) -> np.ndarray:
    """A smooth random picture, 500 x 375."""
    noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return np.ascontiguousarray(np.kron(noise, np.ones((32, 32, 1), np.uint8))[:375, :500])


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def versus(name: str, ours: list[float], theirs: list[float]) -> None:
    """Print medians and the median of the per-round ratios."""
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    print(
        f"{name:44} {statistics.median(ours) * 1e3:8.1f} ms against "
        f"{statistics.median(theirs) * 1e3:8.1f} ms: {ratio:.2f}x"
    )


def slider_moves(family: Family, backbone: str, rounds: int) -> None:
    """Each slider moved on an opened picture, against four full passes with the same draws."""
    opened = family.open(picture(0))
    model, x = family.checkpoints.model("dfm"), opened.networks["dfm"].x
    paths = enumerate_paths(family.info.points, 0.7)
    values = itertools.count(1)

    def full() -> None:
        with torch.inference_mode():
            for path in paths:
                features = model.feature_map(x, path.draws)
                model.cam(features, model.logits(features).argmax(dim=1))

    for slider in SLIDERS:
        ours, theirs = [], []
        for number in range(rounds + 2):
            settings = Settings(**{slider: (next(values) * 0.6180339) % 1})
            a, b = timed(lambda: family.inspect(opened, settings)), timed(full)  # noqa: B023
            if number >= 2:
                ours.append(a)
                theirs.append(b)
        versus(f"{backbone}: inspect, {slider} moved", ours, theirs)


def whole_chain(family: Family, rounds: int) -> None:
    """A new picture to everything the page shows, against three torch-cam CAMs."""
    model = family.checkpoints.model("cam")

    def ours(opened_from: np.ndarray) -> None:
        opened: Opened = family.open(opened_from)
        result = family.inspect(opened, Settings(weights="cam"))
        for method in result.methods.values():
            overlay(opened.picture.rgb, resize_grid(method.grid, 500, 375))

    def theirs(x: torch.Tensor) -> None:
        for _ in range(3):
            with (
                torch.inference_mode(),
                torchcam.methods.CAM(model, "features", "fc") as extractor,
            ):
                scores = model(x)
                extractor(int(scores.argmax()), scores)

    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 2):
        rgb = picture(number + 1)
        x = family.open(picture(0)).networks["cam"].x
        forget()
        a, b = timed(lambda: ours(rgb)), timed(lambda: theirs(x))  # noqa: B023
        if number >= 2:
            times[0].append(a)
            times[1].append(b)
    ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
    print(
        f"resnet50: whole chain {statistics.median(times[0]) * 1e3:.1f} ms, three torch-cam CAMs "
        f"{statistics.median(times[1]) * 1e3:.1f} ms: {ratio:.2f}x their time"
    )


def main() -> None:
    """Run all contests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for backbone in ("mobilenetv1", "resnet50"):
            slider_moves(random_family(root, backbone, ("cam", "adl", "dfm")), backbone, rounds)
        whole_chain(load_family(root / "resnet50", device="cpu"), rounds)


if __name__ == "__main__":
    main()
