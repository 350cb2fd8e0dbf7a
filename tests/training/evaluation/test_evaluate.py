"""Scores against numbers worked out by hand on a network whose map is the picture itself."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from dfm_viz.backbones import Localizer, Stages
from dfm_viz.checkpoint import Card
from dfm_viz.types import UserError
from training.data.base import DataSet, Item
from training.evaluation import evaluate, find_checkpoints

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def model() -> Localizer:
    """Averages 16 x 16 cells; class 0 looks at red, class 1 at blue."""
    fc = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        fc.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 0, 1.0]]))
    return Localizer(Stages({"cells": nn.AvgPool2d(16)}), fc, "toy", {}).eval()


@pytest.fixture
def card() -> Card:
    return Card(
        name="toy/cam", method="cam", backbone="mobilenetv1", dataset="toy", knows="2 colours",
        classes=("red", "blue"), points=(), params={}, image_size=224,
        mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0),
    )  # fmt: skip


def paint(path, *patches) -> None:
    rgb = np.zeros((224, 224, 3), np.uint8)
    for colour, (x0, y0, x1, y1) in patches:
        rgb[y0:y1, x0:x1] = colour
    Image.fromarray(rgb).save(path)


@pytest.fixture
def data(tmp_path) -> DataSet:
    large, small, far = (32, 32, 128, 128), (160, 160, 192, 192), (144, 16, 208, 80)
    cases = [
        # right class, right box
        ((RED, large),), 0, large,
        # right class, the true box is elsewhere
        ((BLUE, large),), 1, far,
        # blue is larger, so red is missed; but red's own map finds the red patch
        ((BLUE, large), (RED, small)), 0, small,
        # missed, and the true box is elsewhere
        ((RED, large), (BLUE, small)), 1, far,
    ]  # fmt: skip
    items = []
    for n, (patches, label, box) in enumerate(zip(*[iter(cases)] * 3, strict=True)):
        paint(tmp_path / f"{n}.png", *patches)
        # Data labels run the other way round: classes are matched by name.
        items.append(Item(tmp_path / f"{n}.png", 1 - label, (tuple(map(float, box)),)))
    return DataSet(tmp_path, ("blue", "red"), (), tuple(items), "ours")


def test_scores_are_those_worked_out_by_hand(model, card, data):
    scores = evaluate(model, card, data, "test")
    assert scores["n"] == 4
    assert scores["top1_clas"] == 50
    assert scores["fixed"] == {"threshold": 0.2, "top1_loc": 25, "gt_known_loc": 50}
    assert scores["oracle"]["gt_known_loc"] == 50
    assert scores["oracle"]["top1_loc"] == 25
    assert scores["errors"] == {"cls": 2, "right": 1, "m_ins": 0, "part": 0, "more": 0, "oth": 1}
    assert scores["modes"] == {}
    assert scores["skipped_unknown_classes"] == 0


def test_true_boxes_are_scaled_into_map_space(model, card, tmp_path):
    rgb = np.zeros((112, 448, 3), np.uint8)
    rgb[16:64, 64:256] = RED
    Image.fromarray(rgb).save(tmp_path / "wide.png")
    item = Item(tmp_path / "wide.png", 0, ((64.0, 16.0, 256.0, 64.0),))
    scores = evaluate(model, card, DataSet(tmp_path, ("red",), (), (item,), ""), "test")
    assert scores["fixed"]["gt_known_loc"] == 100


def test_pictures_of_unknown_classes_are_left_out_and_counted(model, card, data):
    more = DataSet(data.root, ("blue", "red", "green"), (), (*data.test, *data.test[:0],
                   Item(data.test[0].path, 2, data.test[0].boxes)), "")  # fmt: skip
    scores = evaluate(model, card, more, "test")
    assert (scores["n"], scores["skipped_unknown_classes"]) == (4, 1)
    bare = [Item(data.test[0].path, 1, ())]
    without = DataSet(data.root, data.classes, (), (*data.test, *bare), "")
    scores = evaluate(model, card, without, "test")
    assert (scores["n"], scores["skipped_without_box"]) == (4, 1)
    foreign = DataSet(data.root, ("x", "y"), (), data.test, "")
    with pytest.raises(UserError, match="knows none of the classes"):
        evaluate(model, card, foreign, "test")


def test_a_family_is_a_folder_of_checkpoints(families_root):
    assert list(find_checkpoints("tiny", families_root)) == ["adl", "cam", "dfm"]
    assert find_checkpoints(str(families_root / "tiny" / "cam")) == {
        "": families_root / "tiny" / "cam"
    }
    with pytest.raises(UserError, match="no checkpoint or family"):
        find_checkpoints("nothing", families_root)
