"""Fixtures shared by all tests: a small family made of random weights, and a picture."""

import dataclasses
import os
from pathlib import Path

# Before torch: threads that wait should sleep, so that busy machines stay fair.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from dfm_viz.backbones import BACKBONES, create_model, default_params
from dfm_viz.checkpoint import Card, save_checkpoint
from dfm_viz.methods import METHODS

# Machines differ in speed; a slow one is no reason to fail.
settings.register_profile("any", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")

CLASSES = ("heron", "finch", "crow")


def make_checkpoint(
    folder: Path,
    method: str,
    *,
    backbone: str = "mobilenetv1",
    seed: int = 0,
    classes: tuple[str, ...] = CLASSES,
    **changed,
):
    """A random checkpoint at 64 px (4 x 4 maps), with batch-norm statistics that are alive.

    `changed` are parameters of the method that differ from the backbone's default.
    """
    torch.manual_seed(seed)
    values = dataclasses.replace(default_params(backbone, method), **changed)
    model = create_model(backbone, len(classes), method=method, params=values)
    with torch.no_grad():
        model.train()
        for _ in range(3):  # real statistics, so that features differ between channels and places
            model(torch.randn(8, 3, 64, 64) + torch.linspace(-1, 1, 64))
        model.fc.weight.mul_(20)
    spec = BACKBONES[backbone]
    card = Card(
        name=f"{folder.parent.name}/{folder.name}",
        method=method,
        backbone=backbone,
        dataset="random",
        knows=f"{len(classes)} random classes",
        classes=classes,
        points=tuple(model.insertions),
        params=values.to_dict(),
        image_size=64,
        mean=spec.mean,
        std=spec.std,
    )
    return save_checkpoint(folder, model, card)


@pytest.fixture(autouse=True)
def same_threads():
    """Commands may set the number of threads; the next test starts as this one did."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def checkpoint_maker():
    """`make_checkpoint`, for tests that need a family of their own."""
    return make_checkpoint


@pytest.fixture(scope="session")
def families_root(tmp_path_factory) -> Path:
    """A folder of families: `tiny` (cam, adl, dfm), `camonly` (cam), `all` (every method)."""
    root = tmp_path_factory.mktemp("families")
    for seed, method in enumerate(("cam", "adl", "dfm")):
        make_checkpoint(root / "tiny" / method, method, seed=seed)
    make_checkpoint(root / "camonly" / "cam", "cam", seed=7)
    for seed, method in enumerate(METHODS):
        make_checkpoint(root / "all" / method, method, seed=10 + seed, classes=CLASSES[:2])
    further = {"seed": 20, "classes": CLASSES[:2], "apply": "add"}
    make_checkpoint(root / "all" / "dfm_add", "dfm", **further)
    return root


@pytest.fixture(scope="session")
def tiny_family(families_root):
    """Three random checkpoints that belong together."""
    from dfm_viz.inspection import load_family

    return load_family("tiny", root=families_root, device="cpu")


@pytest.fixture(scope="session")
def all_family(families_root):
    """Every method, and `dfm_add`, a second checkpoint of DFM trained with another reading."""
    from dfm_viz.inspection import load_family

    return load_family("all", root=families_root, device="cpu")


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A 120 x 90 picture (width x height) with a bright disc on a gradient, uint8."""
    y, x = np.mgrid[:90, :120]
    rgb = np.stack([x * 2, y * 2, (x + y)], axis=-1).astype(np.uint8)
    rgb[(x - 70) ** 2 + (y - 40) ** 2 < 400] = (250, 240, 60)
    return rgb
