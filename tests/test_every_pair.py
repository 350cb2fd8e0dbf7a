"""Every backbone with every method: builds, trains a step, saves, loads and is shown."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from dfm_viz.backbones import BACKBONES, create_model, default_params
from dfm_viz.checkpoint import Card, save_checkpoint
from dfm_viz.inspection import load_family
from dfm_viz.localization import box_from_grid, scale_box, to_grid
from dfm_viz.methods import METHODS

CLASSES = ("heron", "finch", "crow")
SIDE = 64


def trained_one_step(backbone, method):
    """The network and its card after one step on two pictures, as training takes it."""
    torch.manual_seed(0)
    params = default_params(backbone, method)
    model = create_model(backbone, len(CLASSES), method=method, params=params).train()
    before = model.fc.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x, labels = torch.randn(2, 3, SIDE, SIDE), torch.tensor([0, 2])
    draws = model.sample_draws(torch.Generator().manual_seed(1), len(x), (SIDE, SIDE))
    logits = model.training_logits(x, labels, draws)
    loss = torch.stack([cross_entropy(entry, labels) for entry in logits]).sum()
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert all(p.grad is not None for p in model.parameters())
    assert not torch.equal(model.fc.weight, before)
    # Not of all: where ADL or DFM mask everything a random network says, nothing is left to learn.
    assert any(p.grad.any() for p in model.features.parameters())
    spec = BACKBONES[backbone]
    card = Card(
        name=f"pair/{method}",
        method=method,
        backbone=backbone,
        dataset="random",
        knows="3 random classes",
        classes=CLASSES,
        points=tuple(model.insertions),
        params=params.to_dict(),
        image_size=SIDE,
        mean=spec.mean,
        std=spec.std,
    )
    return model, card


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_from_building_to_the_page(backbone, method, picture, tmp_path):
    """A family of this one checkpoint: class, score, map and box are those of its own network."""
    model, card = trained_one_step(backbone, method)
    save_checkpoint(tmp_path / "pair" / method, model, card)
    family = load_family(tmp_path / "pair", device="cpu")
    loaded, saved = family.model(method), model.state_dict()
    assert list(loaded.state_dict()) == list(saved)
    assert all(
        torch.equal(value, saved[name].half().to(value.dtype))
        for name, value in loaded.state_dict().items()
        if value.is_floating_point()
    )
    del model, saved

    opened = family.open(picture)
    result = family.inspect(opened, {"mode": "off"})
    assert {method, "dfm"} <= set(result.methods) <= {method, "dfm", "adl"}
    shown = result.methods[method]
    with torch.inference_mode():
        features = loaded.feature_map(opened.networks[method].x)
        logits = loaded.logits(features)
        index = logits.argmax(dim=1)
        expected = loaded.cam(features, index)[0].numpy()
    assert np.isfinite(shown.map).all()
    assert np.array_equal(shown.map, expected)
    assert shown.class_index == int(index)
    assert shown.label == CLASSES[int(index)]
    assert shown.score == pytest.approx(float(logits.softmax(dim=1).max()), abs=1e-6)
    box = box_from_grid(to_grid(expected), result.settings.threshold)
    height, width = picture.shape[:2]
    assert shown.box == scale_box(box, (224, 224), (width, height))
    assert shown.trained
    assert result.methods["dfm"].note == ("" if method == "dfm" else "not trained with it")
    assert tuple(result.points) == BACKBONES[backbone].points["dfm"]
